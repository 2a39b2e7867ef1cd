{{ config(materialized='table', tags=['clocked']) }}

{%- set columns =
    ['order_id', 'customer_id', 'email', 'phone', 'currency', 'status', 'gross_amount', 'discount_amount', 'ordered_at'] %}
{%- set held_by =
    "case when customer_id is not null then 'account' when coalesce(email, phone) is not null then 'contact' else 'nobody' end" %}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

settings as (
    select * from {{ ref('int_settings') }}
),

-- an order is created when its first version is recorded
first_versions as (
    select
        order_id,
        min(recorded_at) as created_at
    from {{ ref('int_orders_repeated') }}
    where row_class in ('accepted', 'revision')
    group by order_id
),

visible_refunds as (
    select
        clock.as_of,
        int_refunds.*
    from {{ ref('int_refunds') }} as int_refunds
    inner join clock
        on int_refunds.refunded_at <= clock.as_of
        and {{ is_in_interval('clock.known_at', 'int_refunds.recorded_at', 'int_refunds.superseded_at') }}
),

refunds as (
    select
        as_of,
        order_id,
        sum(amount) as amount
    from visible_refunds
    group by as_of, order_id
),

order_rows as (
    select
        clock.as_of,
        case
            when orders.ordered_at > clock.as_of or orders.recorded_at > clock.known_at then 'not_visible'
            when orders.superseded_at <= clock.known_at then 'revision'
            else 'current'
        end as row_class,
        orders.{{ columns | join(',\n        orders.') }},
        coalesce(first_versions.created_at, orders.recorded_at) as created_at
    from {{ ref('int_orders') }} as orders
    left join first_versions on orders.order_id = first_versions.order_id
    cross join clock

    union all

    select
        clock.as_of,
        case
            when others.ordered_at > clock.as_of or others.recorded_at > clock.known_at then 'not_visible'
            else others.row_class
        end as row_class,
        others.{{ columns | join(',\n        others.') }},
        coalesce(others.recorded_at, others.ordered_at) as created_at
    from {{ ref('int_other_order_rows') }} as others
    cross join clock
),

-- a foreign order whose rate was not yet known cannot be used yet; what cannot be used stays as written
priced as (
    select
        order_rows.*,
        case
            when order_rows.row_class = 'current'
                and order_rows.currency != settings.reporting_currency and rates.rate is null then 'unusable'
            else order_rows.row_class
        end as class,
        case when order_rows.row_class = 'current' then rates.rate end as rate,
        coalesce(order_rows.gross_amount, 0) as written_gross,
        coalesce(order_rows.discount_amount, 0) as written_discount,
        case when order_rows.row_class = 'current' then coalesce(refunds.amount, 0) else 0 end as written_refunded
    from order_rows
    cross join settings
    left join refunds
        on order_rows.as_of = refunds.as_of
        and order_rows.order_id = refunds.order_id
    left join {{ ref('int_order_rates') }} as rates
        on order_rows.as_of = rates.as_of
        and order_rows.currency = rates.currency
        and {{ local_date('order_rows.ordered_at') }} = rates.order_date
),

converted as (
    select
        *,
        {{ converted('written_gross', 'rate') }} as gross,
        {{ converted('written_discount', 'rate') }} as discount,
        {{ converted('written_refunded', 'rate') }} as refunded
    from priced
),

-- the orders that refunds belong to, read again: what two read of a CTE is kept in memory, and those above are all orders
refunded_orders as (
    select
        clock.as_of,
        orders.order_id,
        orders.status,
        {{ held_by }} as held_by,
        coalesce(orders.gross_amount, 0) = 0 as is_free,
        rates.rate
    from {{ ref('int_orders') }} as orders
    inner join clock
        on orders.ordered_at <= clock.as_of
        and {{ is_in_interval('clock.known_at', 'orders.recorded_at', 'orders.superseded_at') }}
    inner join refunds
        on clock.as_of = refunds.as_of
        and orders.order_id = refunds.order_id
    cross join settings
    left join {{ ref('int_order_rates') }} as rates
        on clock.as_of = rates.as_of
        and orders.currency = rates.currency
        and {{ local_date('orders.ordered_at') }} = rates.order_date
    where orders.currency = settings.reporting_currency or rates.rate is not null
),

facts as (
    select
        as_of,
        class as row_class,
        status,
        {{ held_by }} as held_by,
        written_gross = 0 as is_free,
        ordered_at,
        created_at,
        refunded,
        written_refunded,
        1 as n_orders,
        gross,
        discount,
        -- never below zero, as in marts.orders; a negative amount that was rejected stays what it is
        case when class = 'unusable' then gross - discount - refunded else greatest(gross - discount - refunded, 0) end as net,
        written_gross,
        written_discount
    from converted

    union all

    -- the same refunds once more, by their own day
    select
        refunds.as_of,
        'refund' as row_class,
        orders.status,
        orders.held_by,
        orders.is_free,
        refunds.refunded_at as ordered_at,
        refunds.refunded_at as created_at,
        {{ converted('refunds.amount', 'orders.rate') }} as refunded,
        refunds.amount as written_refunded,
        {%- for amount in ['n_orders', 'gross', 'discount', 'net', 'written_gross', 'written_discount'] %}
        0 as {{ amount }}{{ ',' if not loop.last }}
        {%- endfor %}
    from visible_refunds as refunds
    inner join refunded_orders as orders
        on refunds.as_of = orders.as_of
        and refunds.order_id = orders.order_id

    union all

    select
        clock.as_of,
        'unusable_refund' as row_class,
        cast(null as {{ dbt.type_string() }}) as status,
        'account' as held_by,
        false as is_free,
        rejected.refunded_at as ordered_at,
        rejected.refunded_at as created_at,
        coalesce(rejected.amount, 0) as refunded,
        coalesce(rejected.amount, 0) as written_refunded,
        {%- for amount in ['n_orders', 'gross', 'discount', 'net', 'written_gross', 'written_discount'] %}
        0 as {{ amount }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('int_refunds_checked') }} as rejected
    cross join clock
    where rejected.rejected_reason != {{ erased_reason() }}
        and coalesce(rejected.refunded_at, clock.as_of) <= clock.as_of
        and coalesce(rejected.recorded_at, clock.known_at) <= clock.known_at
)

select
    as_of,
    row_class,
    {{ folded_word('status') }} as status,
    held_by,
    is_free,
    {{ month_of(local_date('ordered_at')) }} as ordered_month,
    {{ month_of('cast(ordered_at as date)') }} as ordered_month_utc,
    {{ month_of(local_date('created_at')) }} as created_month,
    {{ month_of('cast(created_at as date)') }} as created_month_utc,
    cast(sum(n_orders) as bigint) as n_orders,
    {%- for amount in ['gross', 'discount', 'refunded', 'net', 'written_gross', 'written_discount', 'written_refunded'] %}
    cast(sum({{ amount }}) as {{ money() }}) as {{ amount }}{{ ',' if not loop.last }}
    {%- endfor %}
from facts
group by
    as_of, row_class, {{ folded_word('status') }}, held_by, is_free,
    ordered_month, ordered_month_utc, created_month, created_month_utc
