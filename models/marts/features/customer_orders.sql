with valid_orders as (
    select
        orders.*,
        {{ in_last_days('orders.ordered_at', 30, 'orders.as_of') }} as is_in_30d,
        {{ in_last_days('orders.ordered_at', 90, 'orders.as_of') }} as is_in_90d,
        {{ in_last_days('orders.ordered_at', 180, 'orders.as_of') }} as is_in_180d,
        {{ in_last_days('orders.ordered_at', 365, 'orders.as_of') }} as is_in_365d
    from {{ ref('orders') }} as orders
    where orders.is_valid and orders.customer_key is not null
),

totals as (
    select
        as_of,
        customer_key,
        count(*) as order_count,
        count(*) filter (where is_in_30d) as order_count_30d,
        count(*) filter (where is_in_90d) as order_count_90d,
        count(*) filter (where is_in_180d) as order_count_180d,
        count(*) filter (where is_in_365d) as order_count_365d,
        sum(net_amount) as net_spend,
        coalesce(sum(net_amount) filter (where is_in_90d), 0) as net_spend_90d,
        coalesce(sum(net_amount) filter (where is_in_365d), 0) as net_spend_365d,
        sum(refunded_amount) as refunded_amount,
        sum(greatest(gross_amount - discount_amount, 0)) as paid_amount,
        count(*) filter (where is_discounted) as discounted_order_count,
        count(*) filter (where is_seasonal) as seasonal_order_count,
        count(distinct channel) as distinct_channel_count,
        min(ordered_at) as first_order_at,
        max(ordered_at) as last_order_at,
        min(order_date) as first_order_date,
        max(order_date) as last_order_date
    from valid_orders
    group by as_of, customer_key
),

-- read by themselves: DuckDB would keep what two read in memory, and these are all orders
gaps as (
    select
        as_of,
        customer_key,
        order_date,
        {{ days_between(
            'lag(order_date) over (partition by as_of, customer_key order by order_date)', 'order_date'
        ) }} as gap_days
    from {{ ref('orders') }}
    where is_valid and customer_key is not null
),

rhythms as (
    select
        as_of,
        customer_key,
        count(gap_days) as gap_count,
        sum(gap_days) as gap_days,
        min(order_date) as second_order_date,
        {{ median('gap_days') }} as median_gap_days
    from gaps
    -- the first day has no gap before it, and a further order of the same day is none
    where gap_days > 0
    group by as_of, customer_key
)

select
    totals.as_of,
    totals.customer_key,
    totals.order_count,
    totals.order_count_30d,
    totals.order_count_90d,
    totals.order_count_180d,
    totals.order_count_365d,
    cast(totals.net_spend as {{ money() }}) as net_spend,
    cast(totals.net_spend_90d as {{ money() }}) as net_spend_90d,
    cast(totals.net_spend_365d as {{ money() }}) as net_spend_365d,
    {{ exact_ratio('totals.net_spend', 'totals.order_count') }} as average_order_value,
    cast(totals.paid_amount as {{ money() }}) as paid_amount,
    cast(totals.refunded_amount as {{ money() }}) as refunded_amount,
    totals.first_order_at,
    totals.last_order_at,
    totals.first_order_date,
    rhythms.second_order_date,
    {{ days_between('totals.first_order_date', local_date('totals.as_of')) }} as days_since_first_order,
    {{ days_between('totals.last_order_date', local_date('totals.as_of')) }} as days_since_last_order,
    {{ exact_ratio('rhythms.gap_days', 'rhythms.gap_count') }} as mean_days_between_orders,
    cast(rhythms.median_gap_days as {{ ratio() }}) as median_days_between_orders,
    -- three order days make a rhythm; two make one gap
    case when rhythms.gap_count >= 2 then
        {{ exact_ratio(
            days_between('totals.last_order_date', local_date('totals.as_of')) ~ ' * rhythms.gap_count', 'rhythms.gap_days'
        ) }}
    end as overdue_ratio,
    {{ exact_ratio('totals.discounted_order_count', 'totals.order_count') }} as discounted_order_share,
    {{ exact_ratio('totals.refunded_amount', 'totals.paid_amount') }} as return_rate,
    {{ exact_ratio('totals.seasonal_order_count', 'totals.order_count') }} as seasonal_order_share,
    totals.discounted_order_count,
    totals.seasonal_order_count,
    totals.distinct_channel_count
from totals
left join rhythms
    on totals.as_of = rhythms.as_of
    and totals.customer_key = rhythms.customer_key
