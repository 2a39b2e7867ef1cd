with customer_orders as (
    select customer_orders.*
    from {{ ref('customer_orders') }} as customer_orders
    inner join {{ ref('customers') }} as customers
        on customer_orders.as_of = customers.as_of
        and customer_orders.customer_key = customers.customer_key
    where customers.not_profiled_reason is null
),

thresholds as (
    select * from {{ ref('retention_thresholds') }}
),

states as (
    select
        customer_orders.*,
        {{ local_date('customer_orders.last_order_at') }} as last_order_date,
        thresholds.active_days,
        thresholds.drifting_days,
        thresholds.churn_risk_days,
        {{ retention_state('customer_orders.days_since_last_order', 'thresholds') }} as retention_state
    from customer_orders
    inner join thresholds on customer_orders.as_of = thresholds.as_of
),

-- the state changes at the start of the first local day beyond its limit
next_states as (
    select
        *,
        case retention_state
            when 'active' then active_days + 1
            when 'drifting' then drifting_days + 1
            when 'churn_risk' then churn_risk_days + 1
        end as days_at_transition
    from states
)

select
    as_of,
    customer_key,
    retention_state,
    days_since_last_order,
    overdue_ratio,
    case when days_at_transition is not null
        then {{ start_of_local_day(date_plus_days('last_order_date', 'days_at_transition')) }}
    end as next_transition_at,
    order_count = 1 as is_one_time
from next_states
