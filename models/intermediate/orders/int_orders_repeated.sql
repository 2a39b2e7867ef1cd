{{ config(materialized='table') }}
{{ repeated_rows(ref('int_orders_checked'), **fact_columns('orders')) }}
