with by_customer as (
    select
        coalesce(sum(net_spend), 0) as net_spend,
        coalesce(sum(order_count), 0) as order_count
    from {{ ref('customer_orders') }}
),

by_order as (
    select
        coalesce(sum(net_amount), 0) as net_spend,
        count(*) as order_count
    from {{ ref('orders') }}
    where is_valid and customer_key is not null
)

select
    by_customer.net_spend,
    by_order.net_spend as net_spend_of_orders
from by_customer
cross join by_order
where by_customer.net_spend != by_order.net_spend
    or by_customer.order_count != by_order.order_count
