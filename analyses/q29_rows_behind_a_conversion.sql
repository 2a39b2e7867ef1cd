-- Which orders and refunds are behind the conversion of a segment?
-- The numbers of the newest evaluation up to an instant: valid orders in its window of those who were members, on record, when
-- it began and may still be measured, and the refunds of these orders; each with the system it came from, when we first held
-- it, and the consent of the membership. Rows are as known now: what came to be known after the evaluation is marked.
with asked as (
    select
        cast('vip' as {{ dbt.type_string() }}) as segment_id,
        cast('2026-03-30 00:00:00' as {{ dbt.type_timestamp() }}) as on_instant
),

metrics as (
    select * from {{ ref('segment_metrics') }}
    where breakdown = 'total'
),

evaluations as (
    select
        asked.segment_id,
        max(metrics.as_of) as as_of
    from asked
    inner join metrics
        on asked.segment_id = metrics.segment_id
        and asked.on_instant >= metrics.as_of
    group by asked.segment_id
),

members as (
    select
        metrics.as_of,
        metrics.window_from,
        history.customer_key,
        history.consent_version,
        history.consent_event_key
    from evaluations
    inner join metrics
        on evaluations.segment_id = metrics.segment_id
        and evaluations.as_of = metrics.as_of
    inner join {{ ref('segment_membership_history') }} as history
        on metrics.segment_id = history.segment_id
        and metrics.window_from >= history.valid_from
        and (metrics.window_from < history.valid_to or history.valid_to is null)
    inner join {{ ref('customers') }} as customers on history.customer_key = customers.customer_key
    where customers.not_profiled_reason is null
),

orders as (
    select
        members.as_of,
        members.customer_key,
        members.consent_version,
        members.consent_event_key,
        orders.order_key,
        orders.ordered_at,
        orders.net_amount,
        orders.source_system,
        orders.recorded_at
    from members
    inner join {{ ref('orders') }} as orders on members.customer_key = orders.customer_key
    where orders.is_valid
        and orders.ordered_at > members.window_from
        and orders.ordered_at <= members.as_of
),

facts as (
    select
        orders.as_of,
        'order' as fact,
        orders.order_key as record_key,
        orders.order_key,
        orders.customer_key,
        orders.consent_version,
        orders.consent_event_key,
        orders.ordered_at as occurred_at,
        orders.net_amount as amount,
        orders.source_system,
        orders.recorded_at
    from orders

    union all

    select
        orders.as_of,
        'refund' as fact,
        refunds.refund_key as record_key,
        orders.order_key,
        orders.customer_key,
        orders.consent_version,
        orders.consent_event_key,
        refunds.refunded_at as occurred_at,
        refunds.refund_amount as amount,
        refunds.source_system,
        refunds.recorded_at
    from orders
    inner join {{ ref('refunds') }} as refunds on orders.order_key = refunds.order_key
)

select
    fact,
    record_key,
    order_key,
    customer_key,
    occurred_at,
    amount,
    source_system,
    recorded_at,
    recorded_at <= as_of as was_known,
    consent_version,
    consent_event_key
from facts
order by order_key, fact, record_key
