{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail', full_refresh=false) }}

with facts as (
    select * from {{ ref('int_recent_facts') }}
    {%- if not is_replay() %}
    -- what is late for a build stands in late_arrivals
    where 1 = 0
    {%- elif is_incremental() %}
    -- a replay in parts goes on from the dates before
    where as_of not in (select known.as_of from {{ this }} as known)
    {%- endif %}
)

select
    as_of,
    customer_key,
    max(case when fact in ('late_grant', 'late_restriction') then 1 else 0 end) = 1 as has_late_consent
from facts
group by as_of, customer_key
