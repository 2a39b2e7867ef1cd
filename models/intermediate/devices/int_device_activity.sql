{{ config(materialized='table', tags=['clocked']) }}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

-- visits that no customer is named for; what a vendor collects for us stays out, so that no block of a vendor is missed
events as (
    select * from {{ ref('int_events') }}
    where customer_id is null
        and anonymous_id is not null
        and purpose = 'personalize.content.profiling'
        and is_customer_act
        and event_type not in ('support_ticket', 'survey_answered')
),

periods as (
    select * from {{ ref('int_device_periods') }}
    where purpose = 'personalize.content.profiling'
),

salts as (
    select * from {{ pid_salts() }}
),

bridges as (
    select * from {{ ref('int_device_bridges') }}
    where valid_to is null
),

current_epochs as (
    select
        clock.as_of,
        salts.epoch,
        salts.valid_from as epoch_starts_at
    from clock
    inner join salts on {{ is_in_interval('clock.as_of', 'salts.valid_from', 'salts.valid_to') }}
),

bridged as (
    select
        bridges.as_of,
        bridges.anonymous_id,
        bridges.epoch,
        current_epochs.epoch - bridges.epoch as epochs_back,
        row_number() over (partition by bridges.as_of, bridges.anonymous_id order by bridges.epoch desc) - 1 as bridges_back
    from bridges
    inner join current_epochs on bridges.as_of = current_epochs.as_of
),

-- from the epoch of as_of back over every bridge, as long as none is missing
followed as (
    select
        bridged.as_of,
        bridged.anonymous_id,
        min(salts.valid_from) as followed_from
    from bridged
    inner join salts on bridged.epoch = salts.epoch + 1
    where bridged.epochs_back = bridged.bridges_back
    group by bridged.as_of, bridged.anonymous_id
),

visible as (
    select
        clock.as_of,
        events.anonymous_id,
        events.event_id,
        events.event_type,
        events.session_id,
        events.occurred_at,
        coalesce(followed.followed_from, current_epochs.epoch_starts_at) as followed_from,
        events.occurred_at >= coalesce(followed.followed_from, current_epochs.epoch_starts_at)
        and {{ in_last_days('events.occurred_at', var('anonymous_retention_days') | int, 'clock.as_of') }} as is_followed,
        {{ in_last_days('events.occurred_at', var('anonymous_window_days') | int, 'clock.as_of') }} as is_recent
    from events
    inner join clock
        on events.occurred_at <= clock.as_of
        and events.recorded_at <= clock.known_at
    inner join periods
        on clock.as_of = periods.as_of
        and events.anonymous_id = periods.anonymous_id
        and {{ is_in_interval('events.occurred_at', 'periods.permitted_from', 'periods.permitted_to') }}
    inner join current_epochs on clock.as_of = current_epochs.as_of
    left join followed
        on clock.as_of = followed.as_of
        and events.anonymous_id = followed.anonymous_id
)

select
    as_of,
    anonymous_id,
    min(occurred_at) as first_permitted_at,
    max(followed_from) as followed_from,
    min(occurred_at) filter (where is_followed) as first_seen_at,
    max(occurred_at) filter (where is_followed) as last_seen_at,
    count(distinct event_id) filter (where is_followed and is_recent) as event_count,
    count(distinct session_id) filter (where is_followed and is_recent) as session_count,
    count(distinct event_id) filter (where is_followed and is_recent and event_type = 'product_view') as product_view_count
from visible
group by as_of, anonymous_id
