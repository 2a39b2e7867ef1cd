with checked as (
    select * from {{ ref('int_orders_checked') }}
    where rejected_reason != {{ erased_reason() }}
),

-- looked up among all orders, which nobody need group: few rows are rejected
usable_orders as (
    select distinct orders.order_id
    from {{ ref('int_orders') }} as orders
    inner join checked on orders.order_id = checked.order_id
),

-- of an order without any usable row the newest row stands for it
rejected as (
    select
        checked.*,
        case
            when usable_orders.order_id is not null then 'revision'
            when checked.order_id is null then 'unusable'
            when row_number() over (
                partition by checked.order_id
                order by checked.recorded_at desc, {{ canonical_row(fact_columns('orders').columns, 'checked') }}
            ) = 1 then 'unusable'
            else 'revision'
        end as row_class
    from checked
    left join usable_orders on checked.order_id = usable_orders.order_id
),

-- versions that were never in force: exact duplicates, contradictions, and the older of two recorded at one instant
repeated as (
    select
        *,
        case when row_class = 'duplicate' then 'duplicate' else 'revision' end as other_class
    from {{ ref('int_orders_repeated') }}
    where row_class in ('duplicate', 'rejected')
        or (row_class = 'revision' and superseded_at <= recorded_at)
)

{% for relation, row_class in [('rejected', 'row_class'), ('repeated', 'other_class')] -%}
select
    {{ row_class }} as row_class,
    order_id,
    customer_id,
    email,
    phone,
    currency,
    status,
    gross_amount,
    discount_amount,
    ordered_at,
    recorded_at
from {{ relation }}
{%- if not loop.last %}

union all

{% endif %}
{%- endfor %}
