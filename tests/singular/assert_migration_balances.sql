with clock as (
    select * from {{ ref('evaluation_clock') }}
    where previous_as_of is not null
),

moves as (
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

-- whom the matrix before counted and nothing is left of
gone as (
    select
        clock.previous_as_of as as_of,
        (
            select sum(arrived.customers)
            from arrived
            where arrived.as_of = clock.previous_as_of
        ) - (
            select count(*)
            from {{ ref('int_evaluated_customers') }} as remaining
            where remaining.as_of = clock.previous_as_of
        ) as customers
    from clock
),

rfm as (
    select
        rfm.as_of,
        rfm.value_group,
        count(*) as customers
    from {{ ref('customer_rfm') }} as rfm
    inner join clock on rfm.as_of = clock.as_of
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
left join clock on coalesce(arrived.as_of, departed.as_of) = clock.previous_as_of
where coalesce(arrived.as_of, departed.as_of) in (select between_two.as_of from between_two)
    -- earlier versions did not count the erased: their matrices may lack as many as were erased, the one of this build nobody
    and not coalesce(arrived.customers, 0) - coalesce(departed.customers, 0)
    between 0 and case when clock.previous_as_of is null then coalesce(erased.n_erased, 0) else 0 end

union all

-- nobody is counted as erased whom no erasure took away
select
    gone.as_of,
    '(all)' as value_group,
    gone.customers as customers_at_the_end,
    coalesce(erased.n_erased, 0) as customers_at_the_beginning
from gone
left join erased on gone.as_of = erased.as_of
where not gone.customers between 0 and coalesce(erased.n_erased, 0)

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
