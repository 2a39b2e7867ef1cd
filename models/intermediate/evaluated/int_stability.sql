{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    full_refresh=false,
    pre_hook="{{ rewind_rows(is_history=false) if not is_replay() }}"
) }}
{%- set kept_customers = recorded_relation('int_evaluated_customers') if not is_replay() %}

with clock as (
    -- dates looked at for permissions only name themselves as preceding: they are no evaluations
    select * from {{ ref('evaluation_clock') }}
    where preceding_as_of is null or preceding_as_of != as_of
),

candidates as (
    select * from {{ ref('segment_candidates') }}
),

registry as (
    select * from {{ ref('segment_registry') }}
),

-- a segment that is stable in one version is followed through all of them
versions as (
    select
        segment_id,
        spec_version,
        effective_from,
        effective_to,
        coalesce(stability, 1) as stability
    from registry
    where segment_id in (select steady.segment_id from registry as steady where steady.stability is not null)
),

-- what the evaluation before knew
carried as (
    select
        as_of,
        segment_id,
        customer_key,
        case when is_candidate then 1 else 0 end as candidate,
        case when is_effective then 1 else 0 end as carried_value,
        streak as carried_streak,
        last_activity_at
    from {{ this if is_incremental() else '(select *, true as is_candidate, true as is_effective, 1 as streak from candidates where 1 = 0) as none_yet' }}
),

first_evaluations as (
    {{ first_recorded_evaluations('versions') }}
),

dates as (
    select
        clock.as_of,
        clock.preceding_as_of,
        versions.segment_id,
        versions.spec_version,
        versions.stability,
        -- a new version acts at once, and so does a new segment
        clock.preceding_as_of is null
        or clock.preceding_as_of < versions.effective_from
        or coalesce(clock.as_of <= first_evaluations.first_as_of, {{ 'false' if is_replay() else 'true' }}) as is_start
    from clock
    inner join versions on {{ is_in_interval('clock.as_of', 'versions.effective_from', 'versions.effective_to') }}
    left join first_evaluations on versions.segment_id = first_evaluations.segment_id
    where clock.as_of not in (select carried.as_of from carried)
),

-- whoever never was a candidate stays outside: only the others are followed
subjects as (
    select
        candidates.segment_id,
        candidates.customer_key
    from candidates
    inner join versions
        on candidates.segment_id = versions.segment_id
        and candidates.spec_version = versions.spec_version

    union

    select
        segment_id,
        customer_key
    from carried
),

customers as (
    select
        as_of,
        customer_key,
        order_count,
        last_order_at
    from {{ ref('customer_features') }}
    {%- if kept_customers %}

    union all

    select
        kept.as_of,
        kept.customer_key,
        kept.order_count,
        kept.last_order_at
    from {{ kept_customers }} as kept
    inner join clock on kept.as_of = clock.preceding_as_of
    where kept.not_profiled_reason is null
    {%- endif %}
),

series as (
    select
        dates.as_of,
        dates.segment_id,
        customers.customer_key,
        case when candidates.customer_key is null then 0 else 1 end as candidate,
        dates.is_start or before.customer_key is null as is_first,
        coalesce(customers.last_order_at > dates.preceding_as_of, false) as has_new_order,
        coalesce(customers.last_order_at > dates.preceding_as_of or customers.order_count > before.order_count, false) as has_purchased,
        dates.stability,
        cast(null as bigint) as carried_streak,
        cast(null as integer) as carried_value,
        dates.spec_version,
        candidates.last_activity_at,
        dates.is_start,
        before.customer_key is not null as was_profiled
    from dates
    inner join subjects on dates.segment_id = subjects.segment_id
    inner join customers
        on dates.as_of = customers.as_of
        and subjects.customer_key = customers.customer_key
    left join candidates
        on dates.as_of = candidates.as_of
        and dates.segment_id = candidates.segment_id
        and subjects.customer_key = candidates.customer_key
    left join customers as before
        on dates.preceding_as_of = before.as_of
        and subjects.customer_key = before.customer_key

    union all

    select
        as_of,
        segment_id,
        customer_key,
        candidate,
        false as is_first,
        false as has_new_order,
        false as has_purchased,
        1 as stability,
        cast(carried_streak as bigint) as carried_streak,
        carried_value,
        0 as spec_version,
        last_activity_at,
        false as is_start,
        false as was_profiled
    from carried
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
        max(last_activity_at) over (partition by segment_id, customer_key, activity_number) as newest_activity_at,
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
    delay_ended_by
from judged
where carried_streak is null
    and (candidate = 1 or effective = 1 or delay_ended_by is not null)
