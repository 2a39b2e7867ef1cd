{{ config(materialized='table') }}
{{ repeated_rows(ref('int_identity_links_checked'), **fact_columns('identity_links')) }}
