{{ config(materialized='table') }}
{{ repeated_rows(ref('int_scheduled_sends_checked'), **fact_columns('scheduled_sends')) }}
