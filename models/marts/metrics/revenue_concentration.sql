-- engines count in double
with numbers as (
    select cast(series.generated_number as integer) as number
    from ({{ dbt.generate_series(100) }}) as series
),

buyers as (
    select
        customer_orders.as_of,
        customer_orders.customer_key,
        customer_orders.net_spend
    from {{ ref('customer_orders') }} as customer_orders
    inner join {{ ref('customers') }} as customers
        on customer_orders.as_of = customers.as_of
        and customer_orders.customer_key = customers.customer_key
    where customers.not_profiled_reason is null
),

totals as (
    select
        as_of,
        count(*) as n_buyers,
        sum(net_spend) as net_spend
    from buyers
    group by as_of
),

-- from the smallest spend to the largest; of equal spends it does not matter whose comes first
ranked as (
    select
        as_of,
        row_number() over (partition by as_of order by net_spend, customer_key) as place,
        sum(net_spend) over (
            partition by as_of order by net_spend, customer_key rows between unbounded preceding and current row
        ) as net_spend
    from buyers
),

points as (
    select
        totals.as_of,
        numbers.number as percentile,
        totals.net_spend as total_net_spend,
        {{ integer_division('totals.n_buyers * numbers.number', '100') }} as n_buyers
    from totals
    cross join numbers
)

select
    points.as_of,
    cast(points.percentile as integer) as percentile,
    cast(points.n_buyers as bigint) as n_buyers,
    cast(coalesce(ranked.net_spend, 0) as {{ money() }}) as net_spend,
    {{ exact_ratio('coalesce(ranked.net_spend, 0)', 'points.total_net_spend') }} as revenue_share
from points
left join ranked
    on points.as_of = ranked.as_of
    and points.n_buyers = ranked.place
