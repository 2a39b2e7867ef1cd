{{ config(materialized='table') }}
{{ repeated_rows(ref('int_products_checked'), **fact_columns('products')) }}
