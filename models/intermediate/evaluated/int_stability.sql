{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='append_new_columns',
    full_refresh=false,
    pre_hook="{{ rewind_rows(is_history=false) if not is_replay() }}"
) }}

-- depends_on: {{ ref('evaluation_clock') }}
with inputs as (
    select * from {{ ref('int_stability_inputs') }}
),

-- what the evaluation before knew
carried as (
    {%- if is_incremental() %}
    select * from {{ this }}
    {%- else %}
    select
        *,
        true as is_effective,
        0 as streak,
        cast(null as {{ dbt.type_timestamp() }}) as settled_at
    from inputs
    where 1 = 0
    {%- endif %}
),

-- whoever never was a candidate stays outside: only the others are followed
subjects as (
    select
        segment_id,
        customer_key
    from inputs
    where is_candidate

    union

    select
        segment_id,
        customer_key
    from carried
),

series as (
    select
        inputs.as_of,
        inputs.segment_id,
        inputs.customer_key,
        inputs.spec_version,
        inputs.stability,
        inputs.is_start,
        inputs.was_profiled,
        inputs.has_new_order,
        inputs.last_activity_at,
        cast(inputs.is_candidate as integer) as candidate,
        inputs.is_start or not inputs.was_profiled as is_first,
        inputs.has_new_order or inputs.has_more_orders as has_purchased,
        cast(carried.is_candidate as integer) as carried_candidate,
        cast(carried.is_effective as integer) as carried_value,
        carried.streak as carried_streak,
        carried.last_activity_at as carried_activity_at,
        -- asked by replays only, whose tables are always of this version
        {{ 'carried.settled_at' if is_replay() else 'cast(null as ' ~ dbt.type_timestamp() ~ ')' }} as carried_settled_at
    from inputs
    inner join subjects
        on inputs.segment_id = subjects.segment_id
        and inputs.customer_key = subjects.customer_key
    left join carried
        on inputs.preceding_as_of = carried.as_of
        and inputs.segment_id = carried.segment_id
        and inputs.customer_key = carried.customer_key
    where inputs.as_of not in (select known.as_of from carried as known)
),

held as (
    {{ held_values('series', ['segment_id', 'customer_key'], '0') }}
),

-- who is kept without being a candidate has the last activity of when they were one
active as (
    select
        *,
        count(last_activity_at) over (partition by segment_id, customer_key order by as_of) as activity_number
    from held
),

judged as (
    select
        *,
        coalesce(
            max(last_activity_at) over (partition by segment_id, customer_key, activity_number),
            max(carried_activity_at) over (partition by segment_id, customer_key)
        ) as newest_activity_at,
        coalesce(
            max(case when confirmed is not null then as_of end) over (partition by segment_id, customer_key order by as_of),
            max(carried_settled_at) over (partition by segment_id, customer_key)
        ) as newest_settled_at,
        case
            when candidate != previous_candidate or effective = previous_effective or not was_profiled then null
            when is_start then 'rule_version'
            when has_new_order then 'own_order'
            when has_purchased then 'late_data'
            else 'time_decay'
        end as delay_ended_by
    from active
)

select
    as_of,
    segment_id,
    customer_key,
    spec_version,
    candidate = 1 as is_candidate,
    cast(streak as integer) as streak,
    effective = 1 as is_effective,
    newest_activity_at as last_activity_at,
    newest_settled_at as settled_at,
    delay_ended_by
from judged
where candidate = 1 or effective = 1 or delay_ended_by is not null or confirmed is null
