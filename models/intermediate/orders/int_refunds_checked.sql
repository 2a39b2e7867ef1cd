{{ config(materialized='table') }}

with refunds as (
    select * from {{ ref('stg_generic__refunds') }}
),

settings as (
    select * from {{ ref('int_settings') }}
),

orders as (
    select
        order_id,
        min(ordered_at) as first_ordered_at
    from {{ ref('int_orders') }}
    group by order_id
)

select
    refunds.source_system,
    refunds.refund_id,
    refunds.order_id,
    refunds.amount,
    refunds.refunded_at,
    coalesce(refunds.recorded_at, refunds.refunded_at) as recorded_at,
    refunds.unreadable_value,
    case
        when refunds.refund_id is null then 'missing refund_id'
        when refunds.unreadable_column is not null then 'unreadable ' || refunds.unreadable_column
        when refunds.order_id is null then 'missing order_id'
        when refunds.refunded_at is null then 'missing refunded_at'
        when refunds.amount is null then 'missing amount'
        when refunds.amount < 0 then 'negative amount'
        {{ time_rejections('refunds.refunded_at', 'refunds.recorded_at') }}
        when orders.order_id is null then 'unknown order_id'
        -- by day: many shops date a refund without its hour
        when {{ local_date('refunds.refunded_at') }} < {{ local_date('orders.first_ordered_at') }}
            then 'refunded_at lies before the order'
    end as rejected_reason
from refunds
cross join settings
left join orders on refunds.order_id = orders.order_id
