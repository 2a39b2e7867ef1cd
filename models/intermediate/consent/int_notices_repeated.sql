{{ config(materialized='table') }}
{{ repeated_rows(ref('int_notices_checked'), **fact_columns('notices')) }}
