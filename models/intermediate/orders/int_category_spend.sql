{{ config(materialized='table', tags=['clocked']) }}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

orders as (
    select
        clock.as_of,
        int_orders.order_id,
        int_orders.currency,
        int_orders.ordered_at,
        {{ local_date('int_orders.ordered_at') }} as order_date,
        case
            when int_orders.customer_id is not null then 'customer_id'
            when int_orders.email is not null then 'email'
            else 'phone'
        end as identifier_type,
        coalesce(int_orders.customer_id, int_orders.email, int_orders.phone) as identifier
    from {{ ref('int_orders') }} as int_orders
    inner join clock
        on int_orders.ordered_at <= clock.as_of
        and {{ is_in_interval('clock.known_at', 'int_orders.recorded_at', 'int_orders.superseded_at') }}
    where {{ is_valid_order_status('int_orders.status') }}
),

linked_persons as (
    select * from {{ ref('int_linked_persons') }}
),

rates as (
    select * from {{ ref('int_order_rates') }}
),

order_lines as (
    select
        clock.as_of,
        int_order_lines.*
    from {{ ref('int_order_lines') }} as int_order_lines
    inner join clock
        on {{ is_in_interval('clock.known_at', 'int_order_lines.recorded_at', 'int_order_lines.superseded_at') }}
),

products as (
    select
        product_id,
        product_category
    from {{ ref('int_products') }}
    where superseded_at is null
),

-- health, religion and the like enter no feature
sensitive as (
    select category from {{ ref('sensitive_categories') }}
)

select
    orders.as_of,
    coalesce(linked_persons.person_type, orders.identifier_type) as identifier_type,
    coalesce(linked_persons.person_identifier, orders.identifier) as identifier,
    products.product_category,
    cast(sum(
        greatest({{ wide('order_lines.quantity') }} * order_lines.unit_price - order_lines.discount_amount, 0)
        * coalesce(rates.rate, 1)
    ) as {{ money() }}) as spend,
    count(*) filter (where {{ in_last_days('orders.ordered_at', 30, 'orders.as_of') }}) as line_count_30d
from order_lines
inner join orders
    on order_lines.as_of = orders.as_of
    and order_lines.order_id = orders.order_id
inner join products on order_lines.product_id = products.product_id
left join rates
    on orders.as_of = rates.as_of
    and orders.currency = rates.currency
    and orders.order_date = rates.order_date
left join sensitive on {{ folded_word('products.product_category') }} = sensitive.category
left join linked_persons
    on orders.as_of = linked_persons.as_of
    and orders.identifier_type = linked_persons.identifier_type
    and orders.identifier = linked_persons.identifier
where products.product_category is not null
    and sensitive.category is null
    and orders.identifier is not null
group by
    orders.as_of, coalesce(linked_persons.person_type, orders.identifier_type),
    coalesce(linked_persons.person_identifier, orders.identifier), products.product_category
