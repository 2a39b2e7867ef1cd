{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='as_of',
    on_schema_change='append_new_columns',
    full_refresh=false
) }}
{#- Metrics by the table that scores them: metric, score, better is less. -#}
{%- set scored_metrics = {
    'customer_rfm': [
        ('recency_days', 'r_score', true), ('frequency', 'f_score', false), ('monetary', 'm_score', false)
    ],
    'customer_engagement_rfm': [
        ('days_since_last_seen', 'r_score', true), ('session_count_90d', 'f_score', false),
        ('product_view_count_90d', 'm_score', false)
    ]
} %}

with customer_rfm as (
    select * from {{ ref('customer_rfm') }}
),

customer_engagement_rfm as (
    select * from {{ ref('customer_engagement_rfm') }}
),

frozen as (
    select
        clock.as_of,
        thresholds.metric,
        max(thresholds.frozen_from) as frozen_from
    from {{ ref('evaluation_clock') }} as clock
    inner join {{ ref('frozen_thresholds') }} as thresholds
        on {{ is_in_interval('clock.as_of', 'thresholds.frozen_from', 'thresholds.frozen_to') }}
    group by clock.as_of, thresholds.metric
),

-- goodness: the value turned so that more is better
scored_values as (
    {%- for table, metrics in scored_metrics.items() %}
    {%- set is_last_table = loop.last %}
    {%- for metric, score, is_less_better in metrics %}
    select
        as_of,
        '{{ metric }}' as metric,
        {{ score }} as score,
        cast({{ metric }} as {{ money() }}) as metric_value,
        cast({{ '-' if is_less_better }}{{ metric }} as {{ money() }}) as goodness,
        count(*) as n_customers
    from {{ table }}
    group by as_of, {{ metric }}, {{ score }}
    {{ 'union all' if not (loop.last and is_last_table) }}
    {%- endfor %}
    {%- endfor %}
),

-- the score by rank, once more: what is frozen drifts away from it
ranked as (
    select
        *,
        1 + {{ integer_division(
            '5 * cast(sum(n_customers) over (partition by as_of, metric order by goodness) - n_customers as bigint)',
            'cast(sum(n_customers) over (partition by as_of, metric) as bigint)'
        ) }} as fresh_score
    from scored_values
),

by_score as (
    select
        as_of,
        metric,
        score,
        min(metric_value) as lowest_value,
        max(metric_value) as highest_value,
        sum(n_customers) as n_customers,
        sum(case when score = fresh_score then 0 else n_customers end) as n_drifted
    from ranked
    group by as_of, metric, score
)

select
    by_score.as_of,
    by_score.metric,
    by_score.score,
    cast(by_score.lowest_value as {{ money() }}) as lowest_value,
    cast(by_score.highest_value as {{ money() }}) as highest_value,
    cast(by_score.n_customers as bigint) as n_customers,
    case when frozen.frozen_from is null then 'rank' else 'frozen' end as method,
    frozen.frozen_from,
    cast(by_score.n_drifted as bigint) as n_drifted,
    {{ exact_ratio(
        'sum(by_score.n_drifted) over (partition by by_score.as_of, by_score.metric)',
        'sum(by_score.n_customers) over (partition by by_score.as_of, by_score.metric)'
    ) }} as drift_since_freeze
from by_score
left join frozen
    on by_score.as_of = frozen.as_of
    and by_score.metric = frozen.metric
