{{ config(materialized='table') }}

-- what may be there more than once, by a number first: texts of all ids would take longer, and several times the memory;
-- of all events, usable or not, which spares a second check of each
with numbers as (
    select {{ text_number('event_id') }} as id_number
    from {{ ref('stg_generic__events') }}
    where event_id is not null
),

suspects as (
    {{ repeated_values('numbers', 'id_number') }}
),

received as (
    select
        events.source_system,
        -- whose a row is that is not used, an erased person's above all, stays where it came from
        case when events.is_usable then events.customer_id end as customer_id,
        case when suspects.id_number is not null then case when events.is_usable then events.event_id end end as suspected_id,
        events.is_usable,
        events.recorded_at,
        events.erased_until
    from {{ ref('int_events_checked') }} as events
    left join suspects on {{ text_number('events.event_id') }} = suspects.id_number
)

-- one reading of all events for what is asked of each of them, whatever the date evaluated
select
    source_system,
    customer_id,
    suspected_id,
    count(*) as n_rows_in,
    count(*) filter (where not is_usable) as n_unusable,
    count(erased_until) as n_erased_rows,
    min(recorded_at) filter (where is_usable) as first_recorded_at,
    max(case
        when is_usable then recorded_at
        when erased_until is not null then {{ least_of(['recorded_at', 'erased_until']) }}
    end) as newest_recorded_at
from received
group by source_system, customer_id, suspected_id
