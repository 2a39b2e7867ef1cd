{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    full_refresh=false,
    pre_hook="{{ rewind_rows() }}"
) }}
{%- set tiers = ['core', 'potential_core', 'non_core'] -%}
{%- set tops = [5, 10, 20] %}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

evaluated as (
    select * from {{ ref('int_evaluated_customers') }}
),

-- places by spend: the richest first, and from the poorest for the Gini coefficient
buyers as (
    select
        metric_customers.as_of,
        metric_customers.customer_key,
        metric_customers.order_count,
        metric_customers.net_spend,
        metric_customers.is_repeat_eligible_90d,
        metric_customers.is_repeater_90d,
        customer_orders.first_order_at,
        rfm.value_tier,
        count(*) over (partition by metric_customers.as_of) as n_buyers,
        row_number() over (
            partition by metric_customers.as_of order by metric_customers.net_spend, metric_customers.customer_key
        ) as place
    from {{ ref('int_metric_customers') }} as metric_customers
    inner join {{ ref('customer_rfm') }} as rfm
        on metric_customers.as_of = rfm.as_of
        and metric_customers.customer_key = rfm.customer_key
    inner join {{ ref('customer_orders') }} as customer_orders
        on metric_customers.as_of = customer_orders.as_of
        and metric_customers.customer_key = customer_orders.customer_key
),

-- who took over orders of somebody known before: a guest who got a customer id
handed_over as (
    select distinct
        revisions.as_of,
        customer_keys.customer_key
    from {{ ref('int_recent_order_revisions') }} as revisions
    inner join {{ ref('customer_keys') }} as customer_keys
        on revisions.identifier_type = customer_keys.identifier_type
        and revisions.identifier = customer_keys.identifier
    where revisions.old_identifier is not null
        and (revisions.old_identifier_type != revisions.identifier_type or revisions.old_identifier != revisions.identifier)
),

sums as (
    select
        as_of,
        count(*) as n_buyers,
        sum(order_count) as order_count,
        sum(net_spend) as net_spend,
        count(*) filter (where order_count >= 2) as n_repeat_buyers,
        count(*) filter (where is_repeat_eligible_90d) as n_repeat_eligible_90d,
        count(*) filter (where is_repeater_90d) as n_repeaters_90d,
        {%- for tier in tiers %}
        count(*) filter (where value_tier = '{{ tier }}') as n_{{ tier }},
        coalesce(sum(net_spend) filter (where value_tier = '{{ tier }}'), 0) as net_spend_{{ tier }},
        {%- endfor %}
        {%- for top in tops %}
        -- the top N % are as many buyers as make at least N % of them
        sum(case when 100 * (n_buyers - place) < {{ top }} * n_buyers then net_spend else 0 end) as net_spend_top_{{ top }},
        {%- endfor %}
        -- Gini coefficient: sum of (2i - n - 1) x_i over n times the sum of x, x ascending
        sum({{ wide('2 * place - n_buyers - 1') }} * net_spend) as gini_sum
    from buyers
    group by as_of
),

-- of whom nothing was known, or might be used, at the previous evaluation, the first order tells whether they had bought
compared as (
    select
        clock.as_of,
        buyers.value_tier,
        previous.value_tier as previous_value_tier,
        case
            when previous.order_count is not null then previous.order_count = 0
            when previous.customer_key is null and handed_over.customer_key is null then true
            else buyers.first_order_at > clock.previous_as_of
        end as is_attracted
    from clock
    inner join buyers on clock.as_of = buyers.as_of
    left join evaluated as previous
        on clock.previous_as_of = previous.as_of
        and buyers.customer_key = previous.customer_key
    left join handed_over
        on buyers.as_of = handed_over.as_of
        and buyers.customer_key = handed_over.customer_key
    where clock.previous_as_of is not null
),

movements as (
    select
        as_of,
        count(*) filter (where is_attracted) as n_attracted,
        count(*) filter (where is_attracted and value_tier != 'non_core') as n_attracted_valuable,
        count(*) filter (where previous_value_tier = 'potential_core' and value_tier = 'core') as n_cultivated,
        count(*) filter (where previous_value_tier = 'core' and value_tier = 'core') as n_retained_core
    from compared
    group by as_of
),

bases as (
    select
        clock.as_of,
        count(*) filter (where evaluated.value_tier = 'potential_core') as n_potential_core_before,
        count(*) filter (where evaluated.value_tier = 'core') as n_core_before
    from clock
    inner join evaluated on clock.previous_as_of = evaluated.as_of
    group by clock.as_of
)

select
    sums.as_of,
    sums.n_buyers,
    cast(sums.order_count as bigint) as order_count,
    cast(sums.net_spend as {{ money() }}) as net_spend,
    {{ exact_ratio('sums.net_spend', 'sums.order_count') }} as average_order_value,
    {{ exact_ratio('sums.net_spend', 'sums.n_buyers') }} as ltv_to_date,
    sums.n_repeat_buyers,
    {{ exact_ratio('sums.n_repeat_buyers', 'sums.n_buyers') }} as repeat_purchase_rate,
    sums.n_repeat_eligible_90d,
    sums.n_repeaters_90d,
    {{ exact_ratio('sums.n_repeaters_90d', 'sums.n_repeat_eligible_90d') }} as repeat_rate_90d,
    {%- for tier in tiers %}
    sums.n_{{ tier }},
    {{ exact_ratio('sums.n_' ~ tier, 'sums.n_buyers') }} as {{ tier }}_share,
    cast(sums.net_spend_{{ tier }} as {{ money() }}) as net_spend_{{ tier }},
    {{ exact_ratio('sums.net_spend_' ~ tier, 'sums.net_spend') }} as {{ tier }}_revenue_share,
    {%- endfor %}
    {%- for top in tops %}
    {{ exact_ratio('sums.net_spend_top_' ~ top, 'sums.net_spend') }} as top_{{ top }}_percent_revenue_share,
    {%- endfor %}
    {{ exact_ratio('sums.gini_sum', 'sums.n_buyers * sums.net_spend') }} as gini_coefficient,
    clock.previous_as_of,
    movements.n_attracted,
    movements.n_attracted_valuable,
    {{ exact_ratio('movements.n_attracted_valuable', 'movements.n_attracted') }} as attraction_rate,
    bases.n_potential_core_before,
    movements.n_cultivated,
    {{ exact_ratio('movements.n_cultivated', 'bases.n_potential_core_before') }} as cultivation_rate,
    bases.n_core_before,
    movements.n_retained_core,
    {{ exact_ratio('movements.n_retained_core', 'bases.n_core_before') }} as core_retention_rate,
    false as is_coarsened,
    cast(null as {{ money() }}) as rounded_to
from sums
inner join clock on sums.as_of = clock.as_of
left join movements on sums.as_of = movements.as_of
left join bases on sums.as_of = bases.as_of
