{{ config(materialized='table', tags=['clocked']) }}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

-- ninety local days of all dates lie after it; by a join of its own, on this column alone, DuckDB leaves out older files
scanned as (
    select min({{ plus_seconds('as_of', -92 * 86400) }}) as scanned_from
    from clock
),

events as (
    select int_events.*
    from {{ ref('int_events') }} as int_events
    inner join scanned on int_events.occurred_at > scanned.scanned_from
    where int_events.customer_id is not null
),

periods as (
    select * from {{ ref('int_person_periods') }}
    where identifier_type = 'customer_id'
),

linked_persons as (
    select * from {{ ref('int_linked_persons') }}
    where identifier_type = 'customer_id'
),

-- permitted when it happened and still is, as in int_event_activity
recent as (
    select
        clock.as_of,
        coalesce(linked_persons.person_identifier, events.customer_id) as customer_id,
        events.event_id,
        events.event_type,
        events.session_id,
        events.device_type,
        {{ in_last_days('events.occurred_at', 30, 'clock.as_of') }} as is_in_30d,
        -- which event and what it showed; the id by its length, so that any text can be taken apart again
        case when events.event_type = 'product_view' and {{ in_last_days('events.occurred_at', 30, 'clock.as_of') }} then
            length(events.event_id) || ':' || events.event_id
            || coalesce('c' || events.product_category, 'p' || events.product_id)
        end as viewed
    from events
    inner join clock
        on events.occurred_at <= clock.as_of
        and events.recorded_at <= clock.known_at
        and {{ in_last_days('events.occurred_at', 90, 'clock.as_of') }}
    left join linked_persons
        on clock.as_of = linked_persons.as_of
        and events.customer_id = linked_persons.identifier
    inner join periods
        on clock.as_of = periods.as_of
        and events.customer_id = periods.identifier
        and events.purpose = periods.purpose
        and {{ is_in_interval('events.occurred_at', 'periods.permitted_from', 'periods.permitted_to') }}
)

-- an event delivered again counts once
select
    as_of,
    customer_id,
    count(distinct session_id) filter (where is_in_30d) as session_count_30d,
    count(distinct session_id) as session_count_90d,
    count(distinct session_id) filter (where device_type = 'mobile') as mobile_session_count_90d,
    count(distinct event_id) filter (where is_in_30d and event_type = 'product_view') as product_view_count_30d,
    count(distinct event_id) filter (where event_type = 'product_view') as product_view_count_90d,
    {{ sorted_array('viewed', 'viewed is not null') }} as viewed_30d,
    count(distinct event_id) filter (where event_type = 'email_clicked') as email_click_count_90d,
    count(distinct event_id) filter (where event_type = 'support_ticket') as support_ticket_count_90d
from recent
group by as_of, customer_id
