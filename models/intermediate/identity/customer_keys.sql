{{ config(materialized='table', schema='vault') }}

with identifiers as (
    select * from {{ ref('int_customer_identifiers') }}
),

keys as (
    select * from {{ vault_keys() }}
    where key_name = 'customer_key'
),

-- counts fulfilled erasures of this identifier, so that someone who comes back is a new person
generations as (
    select
        identifiers.identifier_type,
        identifiers.identifier,
        coalesce(erased.generation, 0) as generation
    from identifiers
    {{ join_erased('identifiers.identifier_type', 'identifiers.identifier') }}
)

select
    generations.identifier_type,
    generations.identifier,
    generations.generation,
    {{ hmac_sha256_hex(
        "generations.identifier_type || '|' || generations.identifier || '|' || "
        ~ "cast(generations.generation as " ~ dbt.type_string() ~ ")",
        'keys.inner_block',
        'keys.outer_block'
    ) }} as customer_key
from generations
cross join keys
