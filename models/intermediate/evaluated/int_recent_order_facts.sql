with clock as (
    select * from {{ ref('evaluation_clock') }}
    where previous_as_of is not null
),

orders as (
    select * from {{ ref('orders') }}
    where customer_key is not null
),

customer_keys as (
    select * from {{ ref('customer_keys') }}
),

linked_persons as (
    select * from {{ ref('int_linked_persons') }}
),

record_keys as (
    select secret from {{ vault_keys() }}
    where key_name = 'record_key'
),

revisions as (
    select * from {{ ref('int_recent_order_revisions') }}
),

revised as (
    select
        as_of,
        old_identifier_type as identifier_type,
        old_identifier as identifier,
        case when is_cancelled then 'cancelled_order' else 'smaller_order' end as fact,
        ordered_at
    from revisions
    where is_cancelled or is_smaller

    union all

    select
        as_of,
        old_identifier_type as identifier_type,
        old_identifier as identifier,
        'rewritten_order' as fact,
        ordered_at
    from revisions
    where is_rewritten

    union all

    select
        as_of,
        identifier_type,
        identifier,
        'increased_order' as fact,
        ordered_at
    from revisions
    where is_increased
),

known_before as (
    select
        revisions.as_of,
        {{ record_key('order', "revisions.source_system || '|' || revisions.order_id", 'record_keys.secret') }} as order_key
    from revisions
    cross join record_keys
),

refunds as (
    select
        clock.as_of,
        {{ record_key('order', "refunds.source_system || '|' || refunds.order_id", 'record_keys.secret') }} as order_key,
        case when refunds.refunded_at > clock.previous_as_of then 'new_refund' else 'late_refund' end as fact,
        refunds.refunded_at
    from clock
    inner join {{ ref('int_refunds') }} as refunds
        on clock.as_of >= refunds.refunded_at
        and {{ is_in_interval('clock.known_at', 'refunds.recorded_at', 'refunds.superseded_at') }}
    cross join record_keys
    where case when refunds.refunded_at > clock.previous_as_of then true else refunds.recorded_at > clock.previous_known_at end
),

-- a later version that names another order or less gives money back to the order that the refund was of
smaller_refunds as (
    select
        clock.as_of,
        {{ record_key('order', "former.source_system || '|' || former.order_id", 'record_keys.secret') }} as order_key,
        'smaller_refund' as fact,
        former.refunded_at
    from clock
    inner join {{ ref('int_refunds') }} as former
        on clock.previous_as_of >= former.refunded_at
        and {{ is_in_interval('clock.previous_known_at', 'former.recorded_at', 'former.superseded_at') }}
        and clock.known_at >= former.superseded_at
    left join {{ ref('int_refunds') }} as later
        on former.refund_id = later.refund_id
        and former.order_id = later.order_id
        and clock.as_of >= later.refunded_at
        and {{ is_in_interval('clock.known_at', 'later.recorded_at', 'later.superseded_at') }}
    cross join record_keys
    where later.refund_id is null or later.amount < former.amount
),

all_refunds as (
    select * from refunds

    union all

    select * from smaller_refunds
),

facts as (
    select
        orders.as_of,
        orders.customer_key,
        case when orders.ordered_at > clock.previous_as_of then 'new_order' else 'late_order' end as fact,
        orders.ordered_at as occurred_at
    from orders
    inner join clock on orders.as_of = clock.as_of
    left join known_before
        on orders.as_of = known_before.as_of
        and orders.order_key = known_before.order_key
    where orders.is_valid
        and known_before.order_key is null
        and case when orders.ordered_at > clock.previous_as_of then true else orders.recorded_at > clock.previous_known_at end

    union all

    select
        refunds.as_of,
        orders.customer_key,
        refunds.fact,
        refunds.refunded_at as occurred_at
    from all_refunds as refunds
    inner join orders
        on refunds.as_of = orders.as_of
        and refunds.order_key = orders.order_key

    union all

    select
        revised.as_of,
        coalesce(linked_persons.person_key, customer_keys.customer_key) as customer_key,
        revised.fact,
        revised.ordered_at as occurred_at
    from revised
    inner join customer_keys
        on revised.identifier_type = customer_keys.identifier_type
        and revised.identifier = customer_keys.identifier
    left join linked_persons
        on revised.as_of = linked_persons.as_of
        and revised.identifier_type = linked_persons.identifier_type
        and revised.identifier = linked_persons.identifier
)

select
    as_of,
    customer_key,
    fact,
    count(*) as n_facts,
    min(occurred_at) as first_occurred_at
from facts
group by as_of, customer_key, fact
