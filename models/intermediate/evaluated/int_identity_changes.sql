with clock as (
    select * from {{ ref('evaluation_clock') }}
    where previous_as_of is not null
),

persons as (
    select * from {{ ref('int_evaluated_persons') }}
    where customer_key != person_key
),

members as (
    select
        clock.as_of,
        persons.customer_key,
        persons.person_key
    from persons
    inner join clock on persons.as_of = clock.as_of
),

previous_members as (
    select
        clock.as_of,
        persons.customer_key,
        persons.person_key
    from persons
    inner join clock on persons.as_of = clock.previous_as_of
),

-- who came to a person or went from it
moves as (
    select
        coalesce(members.as_of, previous_members.as_of) as as_of,
        coalesce(members.customer_key, previous_members.customer_key) as customer_key,
        coalesce(members.person_key, previous_members.person_key) as person_key,
        case when members.customer_key is null then 'identity_split' else 'identity_merged' end as identity_change
    from members
    full outer join previous_members
        on members.as_of = previous_members.as_of
        and members.customer_key = previous_members.customer_key
        and members.person_key = previous_members.person_key
    where members.customer_key is null or previous_members.customer_key is null
),

-- either way both have changed: the one that is counted with the other, and the person that it is counted with
changed as (
    select
        as_of,
        customer_key,
        identity_change
    from moves

    union all

    select
        as_of,
        person_key as customer_key,
        identity_change
    from moves
)

-- moved from one person to another is merged
select
    as_of,
    customer_key,
    min(identity_change) as identity_change
from changed
group by as_of, customer_key
