{{ config(materialized='table') }}

-- one reading of all events for what is asked of each of them, whatever the date evaluated
select
    source_system,
    -- whose a row is that is not used, an erased person's above all, stays where it came from
    case when is_usable then customer_id end as customer_id,
    count(*) as n_rows_in,
    count(*) filter (where not is_usable) as n_unusable,
    count(erased_until) as n_erased_rows,
    min(recorded_at) filter (where is_usable) as first_recorded_at,
    max(case
        when is_usable then recorded_at
        when erased_until is not null then {{ least_of(['recorded_at', 'erased_until']) }}
    end) as newest_recorded_at
from {{ ref('int_events_checked') }}
group by source_system, case when is_usable then customer_id end
