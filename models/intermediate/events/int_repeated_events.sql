{{ config(materialized='table') }}

-- grouped by a number first: ids as texts of all events would take several times the memory, and longer
with suspects as (
    select {{ text_number('event_id') }} as id_number
    from {{ ref('int_events_checked') }}
    where is_usable
    group by {{ text_number('event_id') }}
    having count(*) > 1
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
