{{ config(materialized='table') }}

with events as (
    select * from {{ ref('int_events') }}
    where customer_id is not null
),

periods as (
    select * from {{ ref('int_consent_periods') }}
    where identifier_type = 'customer_id'
)

-- distinct: what was delivered again counts once
select distinct
    periods.as_of,
    events.customer_id,
    events.event_id,
    events.event_type,
    events.session_id,
    events.device_type,
    events.occurred_at
from events
inner join periods
    on events.customer_id = periods.identifier
    and events.purpose = periods.purpose
    and {{ is_in_interval('events.occurred_at', 'periods.permitted_from', 'periods.permitted_to') }}
    -- the clock comes with the periods: one hash join decides visibility and permission
    and events.occurred_at <= periods.as_of
    and events.recorded_at <= periods.known_at
    and {{ in_last_days('events.occurred_at', 90, 'periods.as_of') }}
