with clock as (
    select * from {{ ref('evaluation_clock') }}
),

matches as (
    select * from {{ ref('int_evaluated_matches') }}
),

-- what a date and the evaluation before it found, one below the other: grouped, they need no table of all members in memory
now_and_before as (
    select
        clock.as_of,
        clock.previous_as_of,
        matches.segment_id,
        matches.customer_key,
        1 as matched_now,
        0 as matched_before,
        case when matches.is_member then 1 else 0 end as belonged_now,
        0 as belonged_before,
        cast(null as {{ dbt.type_timestamp() }}) as expires_at
    from matches
    inner join clock on matches.as_of = clock.as_of

    union all

    select
        clock.as_of,
        clock.previous_as_of,
        matches.segment_id,
        matches.customer_key,
        0 as matched_now,
        1 as matched_before,
        0 as belonged_now,
        case when matches.is_member then 1 else 0 end as belonged_before,
        case when matches.is_member then matches.expires_at end as expires_at
    from matches
    inner join clock on matches.as_of = clock.previous_as_of
)

select
    as_of,
    previous_as_of,
    segment_id,
    customer_key,
    case when max(belonged_now) = 1 then 'entered' else 'left' end as change,
    max(matched_now) = 1 as is_matching,
    max(matched_before) = 1 as was_matching,
    max(expires_at) as expires_at
from now_and_before
group by as_of, previous_as_of, segment_id, customer_key
having max(belonged_now) != max(belonged_before)
