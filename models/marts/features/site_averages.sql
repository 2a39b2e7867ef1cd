with customer_orders as (
    select customer_orders.*
    from {{ ref('customer_orders') }} as customer_orders
    inner join {{ ref('customers') }} as customers
        on customer_orders.as_of = customers.as_of
        and customer_orders.customer_key = customers.customer_key
    where customers.not_profiled_reason is null
),

-- the order a one-time buyer is compared with: the first orders of all buyers. Found by their instant, because to number all
-- orders of everybody is to sort them all; of several at that instant the smallest, for their keys differ from vault to vault
first_orders as (
    select
        orders.as_of,
        min(orders.net_amount) as net_amount
    from {{ ref('orders') }} as orders
    inner join customer_orders
        on orders.as_of = customer_orders.as_of
        and orders.customer_key = customer_orders.customer_key
        and orders.ordered_at = customer_orders.first_order_at
    where orders.is_valid
    group by orders.as_of, orders.customer_key
),

medians as (
    select
        as_of,
        {{ median('net_amount') }} as median_first_order
    from first_orders
    group by as_of
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
