{%- set active = var('retention_active_days') | int -%}
{%- set drifting = var('retention_drifting_days') | int -%}
{%- set churn_risk = var('retention_churn_risk_days') | int -%}

with customer_orders as (
    select customer_orders.*
    from {{ ref('customer_orders') }} as customer_orders
    inner join {{ ref('customers') }} as customers
        on customer_orders.as_of = customers.as_of
        and customer_orders.customer_key = customers.customer_key
    where customers.not_profiled_reason is null
),

states as (
    select
        *,
        {{ local_date('last_order_at') }} as last_order_date,
        case
            when days_since_last_order <= {{ active }} then 'active'
            when days_since_last_order <= {{ drifting }} then 'drifting'
            when days_since_last_order <= {{ churn_risk }} then 'churn_risk'
            else 'lost'
        end as retention_state
    from customer_orders
),

-- the state changes at the start of the first local day beyond its limit
next_states as (
    select
        *,
        case retention_state
            when 'active' then {{ active + 1 }}
            when 'drifting' then {{ drifting + 1 }}
            when 'churn_risk' then {{ churn_risk + 1 }}
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
    end as next_transition_at
from next_states
