with buyers as (
    select customer_orders.*
    from {{ ref('customer_orders') }} as customer_orders
    inner join {{ ref('customers') }} as customers
        on customer_orders.as_of = customers.as_of
        and customer_orders.customer_key = customers.customer_key
    where customers.not_profiled_reason is null
),

cuts as (
    {{ frozen_cuts(['recency_days', 'frequency', 'monetary']) }}
),

scored as (
    select
        buyers.as_of,
        buyers.customer_key,
        buyers.days_since_last_order as recency_days,
        buyers.order_count as frequency,
        buyers.net_spend as monetary,
        {{ metric_score('buyers.days_since_last_order', 'recency_days', 'buyers.as_of', is_less_better=true) }} as r_score,
        {{ metric_score('buyers.order_count', 'frequency', 'buyers.as_of') }} as f_score,
        {{ metric_score('buyers.net_spend', 'monetary', 'buyers.as_of') }} as m_score
    from buyers
    inner join cuts on buyers.as_of = cuts.as_of
),

grid as (
    select * from {{ ref('rfm_grid') }}
),

site as (
    select * from {{ ref('site_averages') }}
),

retention as (
    select * from {{ ref('customer_retention') }}
),

classed as (
    select
        scored.*,
        grid.rfm_segment,
        retention.retention_state,
        -- first match; averages are compared by cross-multiplication, so no rounding can move anybody
        case
            when scored.f_score = 5 and scored.m_score = 5 then 'champions'
            when scored.frequency >= 2 and scored.monetary * site.order_count > site.net_spend * scored.frequency
                then 'big_spenders'
            when scored.f_score >= 4 then 'loyalists'
            when scored.frequency >= 2 then 'promising'
            when scored.frequency = 1 and scored.monetary > site.median_first_order then 'new_customers'
            else 'low_value'
        end as value_class
    from scored
    inner join site on scored.as_of = site.as_of
    inner join retention
        on scored.as_of = retention.as_of
        and scored.customer_key = retention.customer_key
    left join grid
        on scored.r_score = grid.r_score
        and scored.f_score = grid.f_score
)

select
    as_of,
    customer_key,
    recency_days,
    frequency,
    monetary,
    r_score,
    f_score,
    m_score,
    cast(r_score as {{ dbt.type_string() }}) || cast(f_score as {{ dbt.type_string() }})
    || cast(m_score as {{ dbt.type_string() }}) as rfm_cell,
    rfm_segment,
    value_class,
    case
        when value_class = 'low_value' or retention_state in ('active', 'drifting') then value_class
        when retention_state = 'churn_risk' then 'at_risk'
        else 'lost'
    end as value_group,
    case
        when retention_state not in ('active', 'drifting') then 'non_core'
        when value_class in ('champions', 'big_spenders', 'loyalists') then 'core'
        when value_class in ('promising', 'new_customers') then 'potential_core'
        else 'non_core'
    end as value_tier
from classed
