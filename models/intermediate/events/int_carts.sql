{{ config(materialized='table', tags=['clocked']) }}
{%- set value = "case when events.event_type = 'add_to_cart' then events.amount else -abs(events.amount) end" %}

with activity as (
    select * from {{ ref('int_event_activity') }}
    where last_add_to_cart_at is not null
),

customer_keys as (
    select * from {{ ref('customer_keys') }}
    where identifier_type = 'customer_id'
),

customer_orders as (
    select * from {{ ref('customer_orders') }}
),

-- a cart is abandoned while no valid order follows its newest item
abandoned as (
    select
        activity.as_of,
        activity.customer_id,
        activity.last_add_to_cart_at,
        customer_orders.last_order_at
    from activity
    inner join customer_keys on activity.customer_id = customer_keys.identifier
    left join customer_orders
        on activity.as_of = customer_orders.as_of
        and customer_keys.customer_key = customer_orders.customer_key
    where customer_orders.last_order_at is null
        or customer_orders.last_order_at <= activity.last_add_to_cart_at
),

event_types as (
    select
        event_type,
        purpose
    from {{ ref('event_types') }}
),

periods as (
    select * from {{ ref('int_person_periods') }}
    where identifier_type = 'customer_id'
),

-- an event delivered again counts once, as it was recorded last
cart_events as (
    select
        abandoned.as_of,
        abandoned.customer_id,
        abandoned.last_add_to_cart_at,
        {{ latest(value, 'events.recorded_at', value) }} as value
    from {{ ref('int_events_checked') }} as events
    inner join event_types on events.event_type = event_types.event_type
    inner join periods
        on events.customer_id = periods.identifier
        and event_types.purpose = periods.purpose
        and events.occurred_at <= periods.as_of
        and events.recorded_at <= periods.known_at
        and {{ is_in_interval('events.occurred_at', 'periods.permitted_from', 'periods.permitted_to') }}
    inner join abandoned
        on periods.as_of = abandoned.as_of
        and coalesce(periods.person_identifier, events.customer_id) = abandoned.customer_id
    where events.is_usable
        -- asked of the events, by which DuckDB skips all others while it reads: by a join it does not
        and events.event_type in ('add_to_cart', 'remove_from_cart')
        and (abandoned.last_order_at is null or events.occurred_at > abandoned.last_order_at)
    group by abandoned.as_of, abandoned.customer_id, abandoned.last_add_to_cart_at, events.source_system, events.event_id
)

select
    as_of,
    customer_id,
    last_add_to_cart_at as abandoned_cart_at,
    cast(greatest(coalesce(sum(value), 0), 0) as {{ money() }}) as abandoned_cart_value
from cart_events
group by as_of, customer_id, last_add_to_cart_at
