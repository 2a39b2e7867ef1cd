{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='as_of',
    on_schema_change='fail',
    full_refresh=false
) }}
{%- set is_calibrated = var('retention_mode') == 'calibrated' -%}
{%- if var('retention_mode') not in ('fixed', 'calibrated') -%}
    {{ exceptions.raise_compiler_error('var retention_mode must be fixed or calibrated, not "' ~ var('retention_mode') ~ '"') }}
{%- endif %}

with clock as (
    select * from {{ ref('evaluation_clock') }}
)
{%- if is_calibrated %},

{{ order_gaps() }},

-- statistics.md 6: gaps that had a year to end, so that long ones are not missing
counted as (
    select
        as_of,
        gap_days,
        sum(n_gaps) over (partition by as_of order by gap_days) as n_up_to,
        sum(n_gaps) over (partition by as_of) as n_gaps
    from order_gaps
),

estimated as (
    select
        as_of,
        max(n_gaps) as n_gaps,
        min(case when 100 * n_up_to >= 50 * n_gaps then gap_days end) as active_days,
        min(case when 100 * n_up_to >= 80 * n_gaps then gap_days end) as drifting_days,
        min(case when 100 * n_up_to >= 95 * n_gaps then gap_days end) as churn_risk_days
    from counted
    group by as_of
),

chosen as (
    select
        quarters.as_of,
        quarters.estimated_at,
        coalesce(estimated.n_gaps, 0) as n_gaps,
        case when estimated.n_gaps >= 200 then 'calibrated' else 'too_few_gaps' end as method,
        case when estimated.n_gaps >= 200 then estimated.active_days end as active_days,
        case when estimated.n_gaps >= 200 then estimated.drifting_days end as drifting_days,
        case when estimated.n_gaps >= 200 then estimated.churn_risk_days end as churn_risk_days
    from quarters
    left join estimated on quarters.as_of = estimated.as_of
)

select
    as_of,
    cast(coalesce(active_days, {{ var('retention_active_days') | int }}) as integer) as active_days,
    cast(coalesce(drifting_days, {{ var('retention_drifting_days') | int }}) as integer) as drifting_days,
    cast(coalesce(churn_risk_days, {{ var('retention_churn_risk_days') | int }}) as integer) as churn_risk_days,
    method,
    estimated_at,
    cast(n_gaps as bigint) as n_gaps
from chosen
{%- else %}

select
    as_of,
    {{ var('retention_active_days') | int }} as active_days,
    {{ var('retention_drifting_days') | int }} as drifting_days,
    {{ var('retention_churn_risk_days') | int }} as churn_risk_days,
    'fixed' as method,
    cast(null as {{ dbt.type_timestamp() }}) as estimated_at,
    cast(null as bigint) as n_gaps
from clock
{%- endif %}
