{{ config(materialized='table') }}

with history as (
    select * from {{ ref('segment_membership_history') }}
),

-- a membership counts from its beginning and no longer from its end: no date is joined with an interval
ends as (
    select
        segment_id,
        valid_from as changed_at,
        1 as change
    from history

    union all

    select
        segment_id,
        valid_to as changed_at,
        -1 as change
    from history
    where valid_to is not null
),

changes as (
    select
        segment_id,
        changed_at,
        sum(change) as change
    from ends
    group by segment_id, changed_at
    having sum(change) != 0
)

select
    segment_id,
    changed_at as valid_from,
    lead(changed_at) over (partition by segment_id order by changed_at) as valid_to,
    cast(sum(change) over (partition by segment_id order by changed_at) as bigint) as n_members
from changes
