with clock as (
    select * from {{ ref('evaluation_clock') }}
),

settings as (
    select * from {{ ref('int_settings') }}
),

-- the revision of each order that was known at known_at
orders as (
    select
        clock.as_of,
        int_orders.*
    from {{ ref('int_orders') }} as int_orders
    inner join clock
        on {{ mostly('int_orders.ordered_at <= clock.as_of and '
            ~ is_in_interval('clock.known_at', 'int_orders.recorded_at', 'int_orders.superseded_at')) }}
),

refunds as (
    select
        clock.as_of,
        int_refunds.order_id,
        sum(int_refunds.amount) as amount
    from {{ ref('int_refunds') }} as int_refunds
    inner join clock
        on int_refunds.refunded_at <= clock.as_of
        and {{ is_in_interval('clock.known_at', 'int_refunds.recorded_at', 'int_refunds.superseded_at') }}
    group by clock.as_of, int_refunds.order_id
),

rates as (
    select * from {{ ref('int_order_rates') }}
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

seasonal_days as (
    select distinct days.order_date
    from (
        select distinct {{ local_date('ordered_at') }} as order_date
        from {{ ref('int_orders_checked') }}
        where rejected_reason is null
    ) as days
    inner join {{ ref('seasons') }} as seasons
        on {{ month_and_day('days.order_date') }} between seasons.first_day and seasons.last_day
),

identified as (
    select
        *,
        {{ local_date('ordered_at') }} as order_date,
        case
            when customer_id is not null then 'customer_id'
            when email is not null then 'email'
            when phone is not null then 'phone'
        end as identifier_type,
        coalesce(customer_id, email, phone) as identifier
    from orders
),

priced as (
    select
        identified.*,
        coalesce(linked_persons.person_key, customer_keys.customer_key) as customer_key,
        {{ converted('identified.gross_amount', 'rates.rate') }} as gross,
        {{ converted('identified.discount_amount', 'rates.rate') }} as discount,
        {{ converted('coalesce(refunds.amount, 0)', 'rates.rate') }} as refunded
    from identified
    cross join settings
    -- before the rates, whose condition DuckDB takes for one that few orders meet: it would keep the orders in memory
    left join customer_keys
        on identified.identifier_type = customer_keys.identifier_type
        and identified.identifier = customer_keys.identifier
    left join linked_persons
        on identified.as_of = linked_persons.as_of
        and identified.identifier_type = linked_persons.identifier_type
        and identified.identifier = linked_persons.identifier
    left join refunds
        on identified.as_of = refunds.as_of
        and identified.order_id = refunds.order_id
    left join rates
        on identified.as_of = rates.as_of
        and identified.currency = rates.currency
        and identified.order_date = rates.order_date
    -- a foreign order whose rate was not yet known then is not yet countable
    where identified.currency = settings.reporting_currency or rates.rate is not null
)

select
    priced.as_of,
    {{ record_key('order', "priced.source_system || '|' || priced.order_id", 'record_keys.secret') }} as order_key,
    priced.customer_key,
    priced.ordered_at,
    priced.order_date,
    priced.gross as gross_amount,
    priced.discount as discount_amount,
    priced.refunded as refunded_amount,
    -- never below zero: a refund may include tax and shipping, which the order's amount does not
    cast(greatest(priced.gross - priced.discount - priced.refunded, 0) as {{ money() }}) as net_amount,
    priced.status,
    {{ is_valid_order_status('priced.status') }} as is_valid,
    priced.discount_amount > 0 or priced.coupon_code is not null as is_discounted,
    seasonal_days.order_date is not null as is_seasonal,
    priced.channel,
    priced.device_type,
    priced.country,
    priced.region,
    priced.source_system,
    priced.recorded_at
from priced
cross join record_keys
left join seasonal_days on priced.order_date = seasonal_days.order_date
