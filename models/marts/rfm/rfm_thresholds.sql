{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='as_of',
    on_schema_change='fail',
    full_refresh=false
) }}

with rfm as (
    select * from {{ ref('customer_rfm') }}
),

scores as (
    select
        as_of,
        'recency_days' as metric,
        r_score as score,
        cast(recency_days as {{ money() }}) as metric_value
    from rfm

    union all

    select
        as_of,
        'frequency' as metric,
        f_score as score,
        cast(frequency as {{ money() }}) as metric_value
    from rfm

    union all

    select
        as_of,
        'monetary' as metric,
        m_score as score,
        monetary as metric_value
    from rfm
)

select
    as_of,
    metric,
    score,
    cast(min(metric_value) as {{ money() }}) as lowest_value,
    cast(max(metric_value) as {{ money() }}) as highest_value,
    count(*) as n_customers,
    'rank' as method
from scores
group by as_of, metric, score
