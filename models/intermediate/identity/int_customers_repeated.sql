{{ config(materialized='table') }}
{{ repeated_rows(ref('int_customers_checked'), **fact_columns('customers')) }}
