{{ config(tags=['clocked']) }}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

rates as (
    select
        clock.as_of,
        int_exchange_rates.*
    from {{ ref('int_exchange_rates') }} as int_exchange_rates
    inner join clock
        on {{ is_in_interval('clock.known_at', 'int_exchange_rates.recorded_at', 'int_exchange_rates.superseded_at') }}
),

foreign_days as (
    select distinct
        orders.currency,
        {{ local_date('orders.ordered_at') }} as order_date
    from {{ ref('int_orders') }} as orders
    cross join {{ ref('int_settings') }} as settings
    where orders.currency != settings.reporting_currency
),

-- the newest rate on or before the order's day
ranked as (
    select
        rates.as_of,
        foreign_days.currency,
        foreign_days.order_date,
        rates.rate_date,
        rates.rate,
        row_number() over (
            partition by rates.as_of, foreign_days.currency, foreign_days.order_date order by rates.rate_date desc
        ) as newness
    from foreign_days
    inner join rates
        on foreign_days.currency = rates.currency
        and foreign_days.order_date >= rates.rate_date
)

select
    as_of,
    currency,
    order_date,
    rate_date,
    rate
from ranked
where newness = 1
