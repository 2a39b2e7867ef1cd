{{ config(materialized='table') }}

with received as (
    select * from {{ ref('stg_generic__orders') }}
),

-- raw rows of somebody erased come without their content
orders as (
    {{ without_erased('received', 'orders') }}
),

settings as (
    select * from {{ ref('int_settings') }}
),

-- an order before the first known rate of its currency cannot be converted
first_rates as (
    select
        currency,
        min(rate_date) as first_rate_date
    from {{ ref('int_exchange_rates') }}
    group by currency
),

normalised as (
    select
        orders.source_system,
        orders.order_id,
        orders.customer_id,
        {{ normalised_email('orders.email') }} as email,
        {{ normalised_phone('orders.phone') }} as phone,
        coalesce({{ folded_code('orders.currency') }}, settings.reporting_currency) as currency,
        orders.status,
        orders.coupon_code,
        orders.channel,
        orders.device_type,
        orders.country,
        orders.region,
        orders.gross_amount,
        cast(coalesce(orders.discount_amount, 0) as {{ money() }}) as discount_amount,
        orders.ordered_at,
        orders.recorded_at as given_recorded_at,
        coalesce(orders.recorded_at, orders.ordered_at) as recorded_at,
        orders.unreadable_column,
        orders.unreadable_value,
        orders.is_erased
    from orders
    cross join settings
)

select
    normalised.source_system,
    normalised.order_id,
    normalised.customer_id,
    normalised.email,
    normalised.phone,
    normalised.currency,
    normalised.status,
    normalised.coupon_code,
    normalised.channel,
    normalised.device_type,
    normalised.country,
    normalised.region,
    normalised.gross_amount,
    normalised.discount_amount,
    normalised.ordered_at,
    normalised.recorded_at,
    normalised.unreadable_value,
    case
        when normalised.is_erased then {{ erased_reason() }}
        when normalised.order_id is null then 'missing order_id'
        when normalised.unreadable_column is not null then 'unreadable ' || normalised.unreadable_column
        when normalised.ordered_at is null then 'missing ordered_at'
        when normalised.gross_amount is null then 'missing gross_amount'
        when normalised.gross_amount < 0 then 'negative gross_amount'
        when normalised.discount_amount < 0 then 'negative discount_amount'
        {{ time_rejections('normalised.ordered_at', 'normalised.given_recorded_at') }}
        when normalised.currency != settings.reporting_currency
            and (first_rates.first_rate_date is null or first_rates.first_rate_date > {{ local_date('normalised.ordered_at') }})
            then 'no exchange rate for currency ' || normalised.currency
    end as rejected_reason
from normalised
cross join settings
left join first_rates on normalised.currency = first_rates.currency
