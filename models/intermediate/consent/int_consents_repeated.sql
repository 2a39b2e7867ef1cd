{{ config(materialized='table') }}
{{ repeated_rows(ref('int_consents_checked'), **fact_columns('consents')) }}
