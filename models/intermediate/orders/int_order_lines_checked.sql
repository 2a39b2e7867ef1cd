{{ config(materialized='table') }}

with order_lines as (
    select * from {{ ref('stg_generic__order_lines') }}
),

settings as (
    select * from {{ ref('int_settings') }}
),

-- lines carry no time of their own: they hold from their order on
orders as (
    select
        order_id,
        min(recorded_at) as first_recorded_at
    from {{ ref('int_orders') }}
    group by order_id
)

select
    order_lines.source_system,
    order_lines.order_id,
    order_lines.line_number,
    order_lines.product_id,
    order_lines.quantity,
    order_lines.unit_price,
    cast(coalesce(order_lines.discount_amount, 0) as {{ money() }}) as discount_amount,
    coalesce(order_lines.recorded_at, orders.first_recorded_at) as recorded_at,
    order_lines.unreadable_value,
    case
        when order_lines.order_id is null then 'missing order_id'
        when order_lines.unreadable_column is not null then 'unreadable ' || order_lines.unreadable_column
        when order_lines.line_number is null then 'missing line_number'
        when order_lines.product_id is null then 'missing product_id'
        when order_lines.quantity is null then 'missing quantity'
        when order_lines.unit_price is null then 'missing unit_price'
        when order_lines.quantity < 0 then 'negative quantity'
        when order_lines.unit_price < 0 then 'negative unit_price'
        when order_lines.discount_amount < 0 then 'negative discount_amount'
        when order_lines.recorded_at > settings.ingested_at then 'recorded_at lies after the data was ingested'
        when orders.order_id is null then 'unknown order_id'
    end as rejected_reason
from order_lines
cross join settings
left join orders on order_lines.order_id = orders.order_id
