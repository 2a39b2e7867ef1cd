with clock as (
    select * from {{ ref('evaluation_clock') }}
),

matches as (
    select * from {{ ref('int_evaluated_matches') }}
),

members as (
    select
        clock.as_of,
        matches.segment_id,
        matches.customer_key
    from matches
    inner join clock on matches.as_of = clock.as_of
    where matches.is_member
),

previous_members as (
    select
        clock.as_of,
        matches.segment_id,
        matches.customer_key,
        matches.expires_at
    from matches
    inner join clock on matches.as_of = clock.previous_as_of
    where matches.is_member
),

changes as (
    select
        coalesce(members.as_of, previous_members.as_of) as as_of,
        coalesce(members.segment_id, previous_members.segment_id) as segment_id,
        coalesce(members.customer_key, previous_members.customer_key) as customer_key,
        case when members.customer_key is null then 'left' else 'entered' end as change,
        previous_members.expires_at
    from members
    full outer join previous_members
        on members.as_of = previous_members.as_of
        and members.segment_id = previous_members.segment_id
        and members.customer_key = previous_members.customer_key
    where members.customer_key is null or previous_members.customer_key is null
)

select
    changes.as_of,
    clock.previous_as_of,
    changes.segment_id,
    changes.customer_key,
    changes.change,
    matches.customer_key is not null as is_matching,
    previous_matches.customer_key is not null as was_matching,
    changes.expires_at
from changes
inner join clock on changes.as_of = clock.as_of
left join matches
    on changes.as_of = matches.as_of
    and changes.segment_id = matches.segment_id
    and changes.customer_key = matches.customer_key
left join matches as previous_matches
    on clock.previous_as_of = previous_matches.as_of
    and changes.segment_id = previous_matches.segment_id
    and changes.customer_key = previous_matches.customer_key
