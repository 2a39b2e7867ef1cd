with moves as (
    select * from {{ ref('segment_migration') }}
),

arrived as (
    select
        to_as_of as as_of,
        to_group as value_group,
        sum(customers) as customers
    from moves
    where to_group not in ('erased', 'merged')
    group by to_as_of, to_group
),

departed as (
    select
        from_as_of as as_of,
        from_group as value_group,
        sum(customers) as customers
    from moves
    where from_group not in ('new', 'split')
    group by from_as_of, from_group
),

-- of whom an erasure took away in between, only the number is left
erased as (
    select
        as_of,
        max(n_erased) as n_erased
    from {{ source('lifecycle', 'deletion_ledger') }}
    where segment_id = '(all)'
    group by as_of
),

-- evaluations with a matrix before and one after
between_two as (
    select distinct arrivals.to_as_of as as_of
    from moves as arrivals
    inner join moves as departures on arrivals.to_as_of = departures.from_as_of
),

rfm as (
    select
        rfm.as_of,
        rfm.value_group,
        count(*) as customers
    from {{ ref('customer_rfm') }} as rfm
    inner join {{ ref('evaluation_clock') }} as clock on rfm.as_of = clock.as_of
    where clock.previous_as_of is not null
    group by rfm.as_of, rfm.value_group
)

-- who is in a group at the end of one matrix is in it at the beginning of the next
select
    coalesce(arrived.as_of, departed.as_of) as as_of,
    coalesce(arrived.value_group, departed.value_group) as value_group,
    arrived.customers as customers_at_the_end,
    departed.customers as customers_at_the_beginning
from arrived
full outer join departed
    on arrived.as_of = departed.as_of
    and arrived.value_group = departed.value_group
left join erased on arrived.as_of = erased.as_of
where coalesce(arrived.as_of, departed.as_of) in (select between_two.as_of from between_two)
    and not coalesce(arrived.customers, 0) - coalesce(departed.customers, 0) between 0 and coalesce(erased.n_erased, 0)

union all

-- the last columns are the value groups of this evaluation
select
    rfm.as_of,
    rfm.value_group,
    arrived.customers as customers_at_the_end,
    rfm.customers as customers_at_the_beginning
from rfm
left join arrived
    on rfm.as_of = arrived.as_of
    and rfm.value_group = arrived.value_group
where rfm.customers != coalesce(arrived.customers, 0)
