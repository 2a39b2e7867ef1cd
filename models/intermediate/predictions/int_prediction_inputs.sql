{{ config(materialized='view', tags=['clocked']) }}

with samples as (
    select
        as_of,
        sample,
        ends_on
    from {{ ref('prediction_models') }}
),

histories as (
    {{ purchase_histories('samples') }}
),

valued as (
    select
        *,
        cast(coalesce({{ exact_ratio('repeat_spend', 'repeat_order_days') }}, 0) as {{ ratio() }}) as mean_repeat_value
    from histories
)

select
    as_of,
    sample,
    repeat_order_days,
    purchase_span_days,
    age_days,
    mean_repeat_value,
    count(*) as n_buyers
from valued
group by as_of, sample, repeat_order_days, purchase_span_days, age_days, mean_repeat_value
