{{ config(materialized='table') }}
{{ repeated_rows(ref('int_order_lines_checked'), **fact_columns('order_lines')) }}
