{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    full_refresh=false,
    pre_hook="{{ rewind_rows() }}"
) }}
{%- set dimensions = ['channel', 'device_type', 'last_touch_channel', 'last_touch_campaign'] %}

-- depends_on: {{ ref('evaluation_clock') }}
with customers as (
    select * from {{ ref('int_metric_customers') }}
    where is_measured
),

starters as (
    select * from {{ ref('int_metric_members') }}
    where moment = 'start' and is_measured
),

orders as (
    select
        orders.as_of,
        orders.customer_key,
        orders.order_key,
        orders.ordered_at,
        orders.net_amount,
        orders.channel,
        orders.device_type
    from {{ ref('orders') }} as orders
    inner join customers
        on orders.as_of = customers.as_of
        and orders.customer_key = customers.customer_key
    where orders.is_valid and orders.ordered_at > customers.window_from
),

touches as (
    select * from {{ ref('int_campaign_events') }}
    where is_touch
),

last_touches as (
    select
        orders.as_of,
        orders.order_key,
        {{ latest("coalesce(touches.channel, '(none)')", 'touches.occurred_at', 'touches.event_key') }} as last_touch_channel,
        {{ latest('touches.campaign_id', 'touches.occurred_at', 'touches.event_key') }} as last_touch_campaign
    from orders
    inner join touches
        on orders.as_of = touches.as_of
        and orders.customer_key = touches.customer_key
    where touches.occurred_at <= orders.ordered_at
        and touches.occurred_at > {{ plus_seconds('orders.ordered_at', '-86400 * ' ~ (var('attribution_days') | int)) }}
    group by orders.as_of, orders.order_key
),

described as (
    select
        orders.*,
        last_touches.last_touch_channel,
        last_touches.last_touch_campaign
    from orders
    left join last_touches
        on orders.as_of = last_touches.as_of
        and orders.order_key = last_touches.order_key
),

by_dimension as (
    {%- for dimension in dimensions %}
    select
        as_of,
        customer_key,
        '{{ dimension }}' as dimension,
        coalesce({{ dimension }}, '(none)') as dimension_value,
        count(*) as order_count,
        sum(net_amount) as net_revenue
    from described
    group by as_of, customer_key, coalesce({{ dimension }}, '(none)')
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

bases as (
    select
        starters.as_of,
        starters.segment_id,
        count(*) as n_measured,
        sum(customers.net_revenue_in_window) as net_revenue
    from starters
    inner join customers
        on starters.as_of = customers.as_of
        and starters.customer_key = customers.customer_key
    group by starters.as_of, starters.segment_id
),

conversions as (
    select
        starters.as_of,
        starters.segment_id,
        by_dimension.dimension,
        by_dimension.dimension_value,
        count(*) as n_converted,
        sum(by_dimension.order_count) as order_count,
        sum(by_dimension.net_revenue) as net_revenue
    from starters
    inner join by_dimension
        on starters.as_of = by_dimension.as_of
        and starters.customer_key = by_dimension.customer_key
    group by starters.as_of, starters.segment_id, by_dimension.dimension, by_dimension.dimension_value
)

select
    conversions.as_of,
    conversions.segment_id,
    conversions.dimension,
    conversions.dimension_value,
    bases.n_measured,
    conversions.n_converted,
    {{ exact_ratio('conversions.n_converted', 'bases.n_measured') }} as conversion_rate,
    cast(conversions.order_count as bigint) as order_count_in_window,
    cast(conversions.net_revenue as {{ money() }}) as net_revenue_in_window,
    {{ exact_ratio('conversions.net_revenue', 'conversions.order_count') }} as average_order_value_in_window,
    {{ exact_ratio('conversions.net_revenue', 'bases.net_revenue') }} as revenue_share_of_segment,
    false as is_coarsened,
    cast(null as {{ money() }}) as rounded_to
from conversions
inner join bases
    on conversions.as_of = bases.as_of
    and conversions.segment_id = bases.segment_id
