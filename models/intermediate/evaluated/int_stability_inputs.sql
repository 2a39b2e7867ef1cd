{{ config(materialized='view') }}
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
    where segment_id in (
        select steady.segment_id
        from registry as steady
        where steady.stability is not null
    )
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
)

select
    dates.as_of,
    dates.segment_id,
    customers.customer_key,
    dates.preceding_as_of,
    dates.spec_version,
    dates.stability,
    dates.is_start,
    candidates.customer_key is not null as is_candidate,
    before.customer_key is not null as was_profiled,
    coalesce(customers.last_order_at > dates.preceding_as_of, false) as has_new_order,
    coalesce(customers.order_count > before.order_count, false) as has_more_orders,
    candidates.last_activity_at
from dates
inner join customers on dates.as_of = customers.as_of
left join candidates
    on dates.as_of = candidates.as_of
    and dates.segment_id = candidates.segment_id
    and customers.customer_key = candidates.customer_key
left join customers as before
    on dates.preceding_as_of = before.as_of
    and customers.customer_key = before.customer_key
