{{ config(materialized='table', tags=['clocked']) }}

-- without parameters in force there is nothing to score, and orders are not read
with samples as (
    select
        as_of,
        sample,
        ends_on
    from {{ ref('prediction_models') }}
    where r is not null
),

histories as (
    {{ purchase_histories('samples') }}
)

select
    as_of,
    sample,
    customer_key,
    repeat_order_days,
    purchase_span_days,
    age_days,
    cast(repeat_spend as {{ money() }}) as repeat_spend,
    later_order_days
from histories
