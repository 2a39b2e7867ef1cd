{{ config(pre_hook="{{ without_nested_loops() }}") }}

with models as (
    select * from {{ ref('prediction_models') }}
    where sample = 'holdout' and r is not null
),

histories as (
    select * from {{ ref('int_purchase_histories') }}
    where sample = 'holdout'
),

cells as (
    select * from {{ ref('int_prediction_cells') }}
    where sample = 'holdout'
),

prepared as (
    select
        histories.as_of,
        models.model_version,
        models.ends_on,
        histories.repeat_order_days,
        histories.later_order_days,
        models.r,
        models.alpha_weeks,
        models.a,
        models.b,
        cast(histories.repeat_order_days as {{ double() }}) as x,
        histories.purchase_span_days / 7e0 as t_x,
        histories.age_days / 7e0 as age,
        cast(cells.orders_90d as {{ double() }}) as orders_90d
    from histories
    inner join models on histories.as_of = models.as_of
    inner join cells
        on histories.as_of = cells.as_of
        and histories.repeat_order_days = cells.repeat_order_days
        and histories.age_days = cells.age_days
),

alive as (
    select
        *,
        case when repeat_order_days >= 7 then '7+' else cast(repeat_order_days as {{ dbt.type_string() }}) end as frequency_class,
        {{ bgnbd_p_alive('x', 't_x', 'age', 'r', 'alpha_weeks', 'a', 'b') }} as p_alive,
        {{ bgnbd_chance_of_order('x', 'age', '(90 / 7e0)', 'r', 'alpha_weeks') }} as chance_of_order
    from prepared
),

-- rounded before they are added: a sum of doubles depends on the order of rows
scored as (
    select
        *,
        cast(p_alive * orders_90d as {{ statistic() }}) as expected_orders,
        cast(p_alive * chance_of_order as {{ statistic() }}) as chance_of_return
    from alive
)

select
    as_of,
    frequency_class,
    model_version,
    ends_on,
    count(*) as n_buyers,
    cast(sum(expected_orders) / count(*) as {{ ratio() }}) as predicted_orders_90d,
    {{ exact_ratio('sum(later_order_days)', 'count(*)') }} as actual_orders_90d,
    cast(sum(chance_of_return) / count(*) as {{ ratio() }}) as predicted_return_share,
    {{ exact_ratio('count(*) filter (where later_order_days > 0)', 'count(*)') }} as actual_return_share
from scored
group by as_of, frequency_class, model_version, ends_on
