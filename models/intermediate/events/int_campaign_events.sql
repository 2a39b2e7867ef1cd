{{ config(materialized='table', tags=['clocked']) }}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

customer_keys as (
    select * from {{ ref('customer_keys') }}
    where identifier_type = 'customer_id'
),

linked_persons as (
    select * from {{ ref('int_linked_persons') }}
    where identifier_type = 'customer_id'
),

record_keys as (
    select secret from {{ vault_keys() }}
    where key_name = 'record_key'
),

periods as (
    select * from {{ ref('int_person_periods') }}
    where identifier_type = 'customer_id'
),

customers as (
    select * from {{ ref('int_metric_customers') }}
    where is_measured
),

-- metrics look at a window, and at what led to the orders and unsubscriptions in it
windows as (
    select
        as_of,
        {{ plus_seconds('min(window_from)', '-86400 * ' ~ (var('attribution_days') | int)) }} as counted_from
    from customers
    group by as_of
),

-- a join of its own, on this column alone, by which DuckDB leaves out older files
scanned as (
    select min(counted_from) as scanned_from
    from windows
),

-- what belongs to a campaign: what was sent, and what people did with it; an unsubscription need not name one
events as (
    select int_events.*
    from {{ ref('int_events') }} as int_events
    inner join scanned on int_events.occurred_at > scanned.scanned_from
    where int_events.campaign_id is not null or int_events.event_type = 'unsubscribed'
),

visible as (
    select
        clock.as_of,
        customers.customer_key,
        events.source_system,
        events.event_id,
        events.event_type,
        events.campaign_id,
        events.channel,
        events.is_customer_act and events.event_type not in ('email_opened', 'unsubscribed') as is_touch,
        events.occurred_at,
        events.recorded_at,
        row_number() over (
            partition by clock.as_of, events.source_system, events.event_id
            order by events.recorded_at, events.occurred_at, events.campaign_id, events.channel
        ) as delivery_number
    from events
    inner join clock
        on events.occurred_at <= clock.as_of
        and events.recorded_at <= clock.known_at
    inner join windows
        on clock.as_of = windows.as_of
        and events.occurred_at > windows.counted_from
    inner join customer_keys on events.customer_id = customer_keys.identifier
    left join linked_persons
        on clock.as_of = linked_persons.as_of
        and events.customer_id = linked_persons.identifier
    inner join customers
        on clock.as_of = customers.as_of
        and coalesce(linked_persons.person_key, customer_keys.customer_key) = customers.customer_key
    left join periods
        on clock.as_of = periods.as_of
        and events.customer_id = periods.identifier
        and events.purpose = periods.purpose
        and {{ is_in_interval('events.occurred_at', 'periods.permitted_from', 'periods.permitted_to') }}
    -- permitted then and now; or permitted then by somebody who withdrew in the window: else no campaign would lose anybody
    where periods.identifier is not null
        or (
            events.purpose = 'marketing.communications.email'
            and events.occurred_at > customers.window_from
            and events.occurred_at <= customers.opted_out_at
        )
)

select
    visible.as_of,
    {{ record_key('event', "visible.source_system || '|' || visible.event_id", 'record_keys.secret') }} as event_key,
    visible.customer_key,
    visible.event_type,
    visible.campaign_id,
    visible.channel,
    visible.is_touch,
    visible.occurred_at,
    visible.source_system,
    visible.recorded_at
from visible
cross join record_keys
where visible.delivery_number = 1
