{{ config(materialized='table') }}

with order_lines as (
    select * from {{ ref('stg_generic__order_lines') }}
),

settings as (
    select * from {{ ref('int_settings') }}
),

record_keys as (
    select secret from {{ vault_keys() }}
    where key_name = 'record_key'
),

-- lines carry no time of their own: they hold from their order on
orders as (
    select
        order_id,
        min(recorded_at) as first_recorded_at
    from {{ ref('int_orders') }}
    group by order_id
),

erased_orders as (
    {{ erased_orders() }}
)

select
    order_lines.source_system,
    {%- for column in ['order_id', 'line_number', 'product_id', 'quantity', 'unit_price'] %}
    case when erased_orders.order_key is null then order_lines.{{ column }} end as {{ column }},
    {%- endfor %}
    case
        when erased_orders.order_key is null then cast(coalesce(order_lines.discount_amount, 0) as {{ money() }})
    end as discount_amount,
    case
        when erased_orders.order_key is null then coalesce(order_lines.recorded_at, orders.first_recorded_at)
        else least(order_lines.recorded_at, erased_orders.erased_until)
    end as recorded_at,
    case when erased_orders.order_key is null then order_lines.unreadable_value end as unreadable_value,
    case
        when erased_orders.order_key is not null then {{ erased_reason() }}
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
cross join record_keys
left join orders on order_lines.order_id = orders.order_id
left join erased_orders
    on case
        when orders.order_id is null then {{ record_key('erased_order', 'order_lines.order_id', 'record_keys.secret') }}
    end = erased_orders.order_key
