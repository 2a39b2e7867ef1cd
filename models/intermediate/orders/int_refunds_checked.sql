{{ config(materialized='table') }}

with refunds as (
    select * from {{ ref('stg_generic__refunds') }}
),

settings as (
    select * from {{ ref('int_settings') }}
),

record_keys as (
    select secret from {{ vault_keys() }}
    where key_name = 'record_key'
),

order_versions as (
    select * from {{ ref('int_orders') }}
),

-- by day: many shops date a refund without its hour
days_of_refunds as (
    select distinct
        order_id,
        {{ local_date('refunded_at') }} as refunded_on
    from refunds
),

-- a later version may move an order to an earlier day: before its recording nobody could know that the refund fits
orders as (
    select
        days.order_id,
        days.refunded_on,
        min(case when {{ local_date('orders.ordered_at') }} <= days.refunded_on then orders.recorded_at end) as fits_from
    from days_of_refunds as days
    inner join order_versions as orders on days.order_id = orders.order_id
    group by days.order_id, days.refunded_on
),

erased_orders as (
    {{ erased_orders() }}
)

select
    refunds.source_system,
    {%- for column in ['refund_id', 'order_id', 'amount', 'refunded_at'] %}
    case when erased_orders.order_key is null then refunds.{{ column }} end as {{ column }},
    {%- endfor %}
    case
        when erased_orders.order_key is null then coalesce(refunds.recorded_at, refunds.refunded_at)
        else least(refunds.recorded_at, erased_orders.erased_until)
    end as recorded_at,
    orders.fits_from,
    case when erased_orders.order_key is null then refunds.unreadable_value end as unreadable_value,
    case
        when erased_orders.order_key is not null then {{ erased_reason() }}
        when refunds.refund_id is null then 'missing refund_id'
        when refunds.unreadable_column is not null then 'unreadable ' || refunds.unreadable_column
        when refunds.order_id is null then 'missing order_id'
        when refunds.refunded_at is null then 'missing refunded_at'
        when refunds.amount is null then 'missing amount'
        when refunds.amount < 0 then 'negative amount'
        {{ time_rejections('refunds.refunded_at', 'refunds.recorded_at') }}
        when orders.order_id is null then 'unknown order_id'
        when orders.fits_from is null then 'refunded_at lies before the order'
    end as rejected_reason
from refunds
cross join settings
cross join record_keys
left join orders
    on refunds.order_id = orders.order_id and {{ local_date('refunds.refunded_at') }} = orders.refunded_on
left join erased_orders
    on case
        when orders.order_id is null then {{ record_key('erased_order', 'refunds.order_id', 'record_keys.secret') }}
    end = erased_orders.order_key
