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
),

vendor_states as (
    select * from {{ ref('vendor_states') }}
    where is_blocked
),

blocked as (
    select
        vendor_states.as_of,
        registry.segment_id,
        registry.spec_version,
        {{ dbt.listagg('vendor_states.vendor_id', "','", 'order by vendor_states.vendor_id') }} as vendors
    from registry
    inner join vendor_states
        on {{ dbt.position("(';' || vendor_states.vendor_id || ';')", "(';' || registry.vendors || ';')") }} > 0
    group by vendor_states.as_of, registry.segment_id, registry.spec_version
)

select
    clock.as_of,
    registry.segment_id,
    registry.spec_version,
    -- without the data of a vendor the rule asks something else
    registry.rule_hash || coalesce(' without ' || blocked.vendors, '') as rule_hash,
    {{ sha256_hex('registry.spec_json') }} as spec_hash,
    '{{ features_hash() }}' as features_hash
from clock
inner join registry on {{ is_in_interval('clock.as_of', 'registry.effective_from', 'registry.effective_to') }}
left join blocked
    on clock.as_of = blocked.as_of
    and registry.segment_id = blocked.segment_id
    and registry.spec_version = blocked.spec_version
