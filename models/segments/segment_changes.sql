{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    full_refresh=false,
    pre_hook="{{ rewind_rows() }}"
) }}

-- depends_on: {{ ref('evaluation_clock') }}
with reasons as (
    select * from {{ ref('segment_change_reasons') }}
    {%- if is_incremental() %}
    where as_of in (select clock.as_of from {{ ref('evaluation_clock') }} as clock)
    {%- endif %}
)

-- what a person told us about permission is nobody's business who only counts members
select
    as_of,
    segment_id,
    customer_key,
    change,
    case
        when reason not in ('erased', 'objection', 'consent_withdrawn', 'consent_expired', 'consent_granted') then reason
        when change = 'left' then 'permission_ended'
        else 'permission_given'
    end as reason
from reasons
