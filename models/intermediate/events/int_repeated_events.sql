{{ config(materialized='table') }}

with suspects as (
    select * from {{ ref('int_events_received') }}
    where suspected_id is not null
)

select
    source_system,
    suspected_id as event_id,
    cast(sum(n_rows_in) as bigint) as n_rows
from suspects
group by source_system, suspected_id
having sum(n_rows_in) > 1
