{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    full_refresh=false,
    pre_hook="{{ rewind_rows() }}"
) }}
{%- set counts = {
    'n_permitted': "members.moment = 'now' and consents.is_permitted",
    'n_granted': "members.moment = 'now' and consents.is_granted",
    'n_granted_at_start': "members.moment = 'start' and consents.is_granted_at_start",
    'n_opted_out': "members.moment = 'start' and consents.is_opted_out",
} %}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

windows as (
    select * from {{ ref('int_metric_windows') }}
),

members as (
    select * from {{ ref('int_metric_members') }}
),

segments as (
    select
        clock.as_of,
        registry.segment_id
    from {{ ref('segment_registry') }} as registry
    inner join clock on {{ is_in_interval('clock.as_of', 'registry.effective_from', 'registry.effective_to') }}
    where registry.status = 'active'

    union all

    select
        as_of,
        '(all)' as segment_id
    from clock
),

-- what people are asked about: the other purposes are only names in the hierarchy
asked as (
    select
        purpose,
        case purpose
            {%- for channel, purpose in channel_purposes().items() if purpose %}
            when '{{ purpose }}' then '{{ channel }}'
            {%- endfor %}
        end as channel
    from {{ ref('purposes') }}
    where is_evaluated
),

sizes as (
    select
        as_of,
        segment_id,
        count(*) as n_members
    from members
    where moment = 'now'
    group by as_of, segment_id
),

counted as (
    select
        members.as_of,
        members.segment_id,
        consents.purpose,
        {%- for name, condition in counts.items() %}
        count(*) filter (where {{ condition }}) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from members
    inner join {{ ref('int_metric_consents') }} as consents
        on members.as_of = consents.as_of
        and members.customer_key = consents.customer_key
    group by members.as_of, members.segment_id, consents.purpose
),

-- without an evaluation on record that is old enough, nobody knows who was a member when the window began
known as (
    select
        segments.as_of,
        segments.segment_id,
        asked.purpose,
        asked.channel,
        windows.window_from,
        cast(coalesce(sizes.n_members, 0) as bigint) as n_members,
        {%- for name in counts %}
        cast(
            {%- if name in ('n_granted_at_start', 'n_opted_out') -%}
            case when windows.start_as_of is not null then coalesce(counted.{{ name }}, 0) end
            {%- else -%}
            coalesce(counted.{{ name }}, 0)
            {%- endif %} as bigint) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from segments
    cross join asked
    left join windows on segments.as_of = windows.as_of
    left join sizes
        on segments.as_of = sizes.as_of
        and segments.segment_id = sizes.segment_id
    left join counted
        on segments.as_of = counted.as_of
        and segments.segment_id = counted.segment_id
        and asked.purpose = counted.purpose
)

select
    as_of,
    segment_id,
    purpose,
    channel,
    n_members,
    n_permitted,
    n_granted,
    {{ exact_ratio('n_granted', 'n_members') }} as consent_coverage,
    window_from,
    n_granted_at_start,
    n_opted_out,
    {{ exact_ratio('n_opted_out', 'n_granted_at_start') }} as opt_out_rate
from known
