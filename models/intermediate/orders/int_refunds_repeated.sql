{{ config(materialized='table') }}
{{ repeated_rows(ref('int_refunds_checked'), **fact_columns('refunds')) }}
