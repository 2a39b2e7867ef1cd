with customer_orders as (
    select customer_orders.*
    from {{ ref('customer_orders') }} as customer_orders
    inner join {{ ref('customers') }} as customers
        on customer_orders.as_of = customers.as_of
        and customer_orders.customer_key = customers.customer_key
    where customers.not_profiled_reason is null
),

-- the order a one-time buyer is compared with: the first orders of all buyers
first_orders as (
    select
        orders.as_of,
        orders.customer_key,
        orders.net_amount,
        row_number() over (
            partition by orders.as_of, orders.customer_key order by orders.ordered_at, orders.order_key
        ) as order_number
    from {{ ref('orders') }} as orders
    where orders.is_valid
),

medians as (
    select
        customer_orders.as_of,
        {{ median('first_orders.net_amount') }} as median_first_order
    from customer_orders
    inner join first_orders
        on customer_orders.as_of = first_orders.as_of
        and customer_orders.customer_key = first_orders.customer_key
        and first_orders.order_number = 1
    group by customer_orders.as_of
),

sums as (
    select
        as_of,
        count(*) as buyer_count,
        sum(order_count) as order_count,
        sum(net_spend) as net_spend
    from customer_orders
    group by as_of
)

select
    sums.as_of,
    sums.buyer_count,
    cast(sums.order_count as bigint) as order_count,
    cast(sums.net_spend as {{ money() }}) as net_spend,
    {{ exact_ratio('sums.net_spend', 'sums.order_count') }} as average_order_value,
    cast(medians.median_first_order as {{ ratio() }}) as median_first_order
from sums
inner join medians on sums.as_of = medians.as_of
