{#
    The gaps in days between the order days of each person, as CTEs for calibrated retention thresholds (statistics.md 6):
    `quarters` (as_of, estimated_at: the beginning of its local quarter) and `order_gaps` (as_of, gap_days, n_gaps), of gaps
    that start at least 365 days before estimated_at and last 365 days at most. Reads a CTE `clock`.

    What was known at the beginning of the quarter counts, so every date of a quarter has the same orders, late ones left
    for the next; a replay as corrected knows what it knows. Who is not profiled at as_of is left out at once.
#}
{% macro order_gaps() -%}
quarters as (
    select
        as_of,
        estimated_at,
        case when known_at between estimated_at and as_of then estimated_at else known_at end as known_at
    from (
        select
            as_of,
            known_at,
            {{ start_of_local_day('cast(' ~ dbt.date_trunc('quarter', local_date('as_of')) ~ ' as date)') }} as estimated_at
        from clock
    ) as begun
),

order_days as (
    select distinct
        quarters.as_of,
        quarters.estimated_at,
        customers.customer_key,
        {{ local_date('orders.ordered_at') }} as order_date
    from quarters
    inner join {{ ref('int_orders') }} as orders
        on orders.ordered_at < quarters.estimated_at
        and {{ is_in_interval('quarters.known_at', 'orders.recorded_at', 'orders.superseded_at') }}
    inner join {{ ref('customer_keys') }} as customer_keys
        on customer_keys.identifier_type = case
            when orders.customer_id is not null then 'customer_id'
            when orders.email is not null then 'email'
            else 'phone'
        end
        and customer_keys.identifier = coalesce(orders.customer_id, orders.email, orders.phone)
    left join {{ ref('int_linked_persons') }} as linked_persons
        on quarters.as_of = linked_persons.as_of
        and customer_keys.customer_key = linked_persons.customer_key
    inner join {{ ref('customers') }} as customers
        on quarters.as_of = customers.as_of
        and coalesce(linked_persons.person_key, customer_keys.customer_key) = customers.customer_key
    where {{ is_valid_order_status('orders.status') }}
        and customers.not_profiled_reason is null
),

gaps as (
    select
        as_of,
        order_date,
        {{ local_date('estimated_at') }} as estimated_on,
        lead(order_date) over (partition by as_of, customer_key order by order_date) as next_order_date
    from order_days
),

order_gaps as (
    select
        as_of,
        {{ days_between('order_date', 'next_order_date') }} as gap_days,
        count(*) as n_gaps
    from gaps
    where next_order_date is not null
        and {{ days_between('order_date', 'estimated_on') }} >= 365
        and {{ days_between('order_date', 'next_order_date') }} <= 365
    group by as_of, gap_days
)
{%- endmacro %}
