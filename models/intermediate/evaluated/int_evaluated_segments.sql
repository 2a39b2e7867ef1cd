{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    full_refresh=false,
    pre_hook="{{ rewind_rows(is_history=false) }}"
) }}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

registry as (
    select * from {{ ref('segment_registry') }}
    where status = 'active'
)

select
    clock.as_of,
    registry.segment_id,
    registry.spec_version,
    registry.rule_hash,
    {{ sha256_hex('registry.spec_json') }} as spec_hash,
    '{{ features_hash() }}' as features_hash
from clock
inner join registry on {{ is_in_interval('clock.as_of', 'registry.effective_from', 'registry.effective_to') }}
