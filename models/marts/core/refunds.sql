with clock as (
    select * from {{ ref('evaluation_clock') }}
),

refunds as (
    select * from {{ ref('int_refunds') }}
),

orders as (
    select * from {{ ref('orders') }}
),

record_keys as (
    select secret from {{ vault_keys() }}
    where key_name = 'record_key'
),

keyed as (
    select
        clock.as_of,
        {{ record_key('refund', "refunds.source_system || '|' || refunds.refund_id", 'record_keys.secret') }} as refund_key,
        {{ record_key('order', "refunds.source_system || '|' || refunds.order_id", 'record_keys.secret') }} as order_key,
        refunds.refunded_at,
        refunds.amount,
        refunds.source_system,
        refunds.recorded_at
    from refunds
    inner join clock
        on refunds.refunded_at <= clock.as_of
        and {{ is_in_interval('clock.known_at', 'refunds.recorded_at', 'refunds.superseded_at') }}
    cross join record_keys
)

select
    keyed.as_of,
    keyed.refund_key,
    keyed.order_key,
    orders.customer_key,
    keyed.refunded_at,
    keyed.amount as refund_amount,
    keyed.source_system,
    keyed.recorded_at
from keyed
inner join orders
    on keyed.as_of = orders.as_of
    and keyed.order_key = orders.order_key
