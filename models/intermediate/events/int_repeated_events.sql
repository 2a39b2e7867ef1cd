{{ config(materialized='table') }}

-- by a number first: ids as texts of all events would take several times the memory, and longer; of all events, usable or not,
-- which spares a second check of each
with numbers as (
    select {{ text_number('event_id') }} as id_number
    from {{ ref('stg_generic__events') }}
    where event_id is not null
),

suspects as (
    {{ repeated_values('numbers', 'id_number') }}
)

select
    events.source_system,
    events.event_id,
    count(*) as n_rows
from {{ ref('int_events_checked') }} as events
inner join suspects on {{ text_number('events.event_id') }} = suspects.id_number
where events.is_usable
group by events.source_system, events.event_id
having count(*) > 1
