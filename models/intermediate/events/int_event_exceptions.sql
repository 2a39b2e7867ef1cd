{{ config(materialized='table') }}

-- one pass over the ids tells what was delivered more than once and what cannot be used; the rest is simply accepted
select
    source_system,
    coalesce(event_id, '') as event_id,
    count(*) as n_rows,
    count(*) filter (where not is_usable) as n_unusable
from {{ ref('int_events_checked') }}
group by source_system, coalesce(event_id, '')
having count(*) > 1 or count(*) filter (where not is_usable) > 0
