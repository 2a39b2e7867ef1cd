{{ config(materialized='table') }}
{{ repeated_rows(ref('int_exchange_rates_checked'), **fact_columns('exchange_rates')) }}
