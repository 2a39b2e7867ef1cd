{{ config(
    materialized='incremental', incremental_strategy='append', on_schema_change='fail', full_refresh=false, schema='vault'
) }}

with customers as (
    select distinct customer_key
    from {{ ref('customer_keys') }}
),

seeds as (
    select max(seed) as seed
    from {{ nonce_seeds() }}
),

checked as (
    select seed from seeds
    where {{ raise_if(
        'seed is null', "'there is no seed for leaf nonces: build your own data with the command segmentation build'"
    ) }}
)

select
    customers.customer_key,
    {{ sha256_hex("checked.seed || '|' || customers.customer_key") }} as nonce
from customers
cross join checked
{%- if is_incremental() %}
where not exists (
    select 1 from {{ this }} as held
    where held.customer_key = customers.customer_key
)
{%- endif %}
