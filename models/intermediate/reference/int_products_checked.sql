{{ config(materialized='table') }}

with products as (
    select * from {{ ref('stg_generic__products') }}
)

select
    source_system,
    product_id,
    product_category,
    product_name,
    -- a product list carries no times: what it says has always held
    cast('1900-01-01 00:00:00' as {{ dbt.type_timestamp() }}) as recorded_at,
    unreadable_value,
    case when product_id is null then 'missing product_id' end as rejected_reason
from products
