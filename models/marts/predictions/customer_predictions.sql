{{ config(pre_hook="{{ without_nested_loops() }}") }}

with models as (
    select * from {{ ref('prediction_models') }}
    where sample = 'full' and r is not null
),

histories as (
    select * from {{ ref('int_purchase_histories') }}
    where sample = 'full'
),

cells as (
    select * from {{ ref('int_prediction_cells') }}
    where sample = 'full'
),

-- the models count in weeks
prepared as (
    select
        histories.as_of,
        histories.customer_key,
        histories.age_days,
        models.model_version,
        models.is_dropout_identified,
        models.is_reliable,
        models.r,
        models.alpha_weeks,
        models.a,
        models.b,
        models.p,
        models.q,
        models.v,
        cast(histories.repeat_order_days as {{ double() }}) as x,
        histories.purchase_span_days / 7e0 as t_x,
        histories.age_days / 7e0 as age,
        coalesce(cast(histories.repeat_spend as {{ double() }}) / nullif(histories.repeat_order_days, 0), 0) as mean_repeat_value,
        cast(cells.orders_90d as {{ double() }}) as orders_90d,
        cast(cells.orders_365d as {{ double() }}) as orders_365d,
        cast(cells.discounted_orders_365d as {{ double() }}) as discounted_orders_365d
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
        {{ bgnbd_p_alive('x', 't_x', 'age', 'r', 'alpha_weeks', 'a', 'b') }} as p_alive,
        {{ bgnbd_chance_of_order('x', 'age', '(90 / 7e0)', 'r', 'alpha_weeks') }} as chance_of_order,
        {{ gamma_gamma_order_value('x', 'mean_repeat_value', 'p', 'q', 'v') }} as order_value
    from prepared
),

scored as (
    select
        *,
        cast(p_alive * orders_365d * order_value as {{ money() }}) as predicted_ltv_365d,
        {{ bgnbd_median_wait('p_alive', 'x', 'age', 'r', 'alpha_weeks') }} as wait_weeks
    from alive
),

-- new customers are ranked among themselves: with the others they could not win
newcomers as (
    select
        as_of,
        customer_key,
        count(*) over (partition by as_of) as newcomer_count,
        rank() over (partition by as_of order by predicted_ltv_365d desc) - 1 as newcomers_with_higher_ltv
    from scored
    where age_days < 90
)

select
    scored.as_of,
    scored.customer_key,
    cast(scored.p_alive as {{ statistic() }}) as p_alive,
    cast(scored.p_alive * scored.orders_90d as {{ statistic() }}) as expected_orders_90d,
    cast(1 - scored.p_alive * scored.chance_of_order as {{ statistic() }}) as churn_risk_90d,
    cast(scored.p_alive * scored.orders_365d as {{ statistic() }}) as expected_orders_365d,
    cast(scored.order_value as {{ statistic() }}) as expected_order_value,
    scored.predicted_ltv_365d,
    cast(scored.p_alive * scored.discounted_orders_365d * scored.order_value as {{ money() }}) as predicted_ltv_365d_discounted,
    -- a day that lies further off than two years is none
    case
        when scored.wait_weeks <= 2 * 365 / 7e0
            then {{ plus_seconds('scored.as_of', 'cast(ceil(scored.wait_weeks * 7) as integer) * 86400') }}
    end as expected_next_order_at,
    newcomers.newcomers_with_higher_ltv,
    newcomers.newcomer_count,
    scored.model_version,
    scored.is_dropout_identified,
    scored.is_reliable
from scored
left join newcomers
    on scored.as_of = newcomers.as_of
    and scored.customer_key = newcomers.customer_key
