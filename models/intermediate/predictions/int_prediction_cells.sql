{{ config(materialized='table', tags=['clocked'], pre_hook="{{ without_nested_loops() }}") }}
{#-
    Expected orders of a customer who is still there, within t weeks (Fader, Hardie & Lee 2005, eq. 10 without p_alive; the
    series after Euler's transformation, which converges for every customer):
        G * (1 - (1 - z) ** (a - 1) * 2F1(a + b - 1 - r, a - 1; a + b + x - 1; z)),
        G = (a + b + x - 1) / (a - 1), z = t / (alpha + age + t)
    In 2F1 = sum c_n z ** n the coefficients depend on x alone and the powers on age alone, so each is computed once.
-#}
{%- set weekly = discount_weights() %}

with models as (
    select
        row_number() over (order by as_of, sample) as model_id,
        as_of,
        sample,
        r,
        alpha_weeks,
        -- G has no value at a = 1, and a limit
        case when abs(a - 1) < 1e-6 then 1 + 1e-6 else a end as a,
        b
    from {{ ref('prediction_models') }}
    where r is not null
),

cells as (
    select distinct
        models.model_id,
        histories.repeat_order_days,
        histories.age_days
    from {{ ref('int_purchase_histories') }} as histories
    inner join models
        on histories.as_of = models.as_of
        and histories.sample = models.sample
),

distinct_ages as (
    select distinct
        model_id,
        age_days
    from cells
),

-- as many terms as a double can tell apart: powers fall by z, and for a > 1 first rise to 2 (a - 1) z / (1 - z)
ages as (
    select
        aged.model_id,
        aged.age_days,
        models.sample,
        least(4000, 1 + floor(
            case when models.a > 1 then 60 + 2 * (models.a - 1) else 30 end
            * (1 + 365 / 7e0 / (models.alpha_weeks + aged.age_days / 7e0))
        )) as n_terms,
        {%- for days in [90] + weekly | map('first') | list %}
        ln({{ days }} / 7e0) - ln(models.alpha_weeks + (aged.age_days + {{ days }}) / 7e0) as ln_z_{{ days }},
        (models.a - 1) * (
            ln(models.alpha_weeks + aged.age_days / 7e0) - ln(models.alpha_weeks + (aged.age_days + {{ days }}) / 7e0)
        ) as ln_rest_{{ days }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from distinct_ages as aged
    inner join models on aged.model_id = models.model_id
),

terms as (
    select
        *,
        {{ numbers_below('n_terms') }} as n
    from ages
),

-- what is below e ** -100 adds nothing; the 1 of "1 - ..." is taken off with the first term
powers as (
    select
        model_id,
        age_days,
        n,
        {{ power_less_one(90) }} as power_90d,
        case when sample = 'full' then {{ power_less_one(365) }} end as power_365d,
        case
            when sample = 'full'
                then
                    {%- for days, weight in weekly %}
                    {{ '+ ' if not loop.first }}{{ weight }} * ({{ power_less_one(days) }})
                    {%- endfor %}
        end as power_discounted
    from terms
),

longest as (
    select
        model_id,
        max(n_terms) as n_terms
    from ages
    group by model_id
),

frequencies as (
    select distinct
        model_id,
        repeat_order_days
    from cells
),

counts as (
    select
        frequencies.model_id,
        frequencies.repeat_order_days,
        {{ numbers_below('longest.n_terms') }} as n
    from frequencies
    inner join longest on frequencies.model_id = longest.model_id
),

factors as (
    select
        counts.model_id,
        counts.repeat_order_days,
        counts.n,
        case
            when counts.n = 0 then 1
            else (models.a + models.b - models.r + counts.n - 2) * (models.a + counts.n - 2)
                / ((models.a + models.b + counts.repeat_order_days + counts.n - 2) * counts.n)
        end as factor
    from counts
    inner join models on counts.model_id = models.model_id
),

-- c_n is the product of the factors up to n
coefficients as (
    select
        model_id,
        repeat_order_days,
        n,
        case when mod(sum(case when factor < 0 then 1 else 0 end) over so_far, 2) = 0 then 1 else -1 end
        * exp(greatest(sum(ln(greatest(abs(factor), 1e-100))) over so_far, -400)) as coefficient
    from factors
    window so_far as (partition by model_id, repeat_order_days order by n)
),

-- exact decimals are added: a sum of doubles depends on the order of rows
series as (
    select
        cells.model_id,
        cells.repeat_order_days,
        cells.age_days,
        {%- for measure in ['90d', '365d', 'discounted'] %}
        cast(sum({{ exact('powers.power_' ~ measure ~ ' * coefficients.coefficient') }}) as {{ double() }}) as total_{{ measure }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from cells
    inner join powers
        on cells.model_id = powers.model_id
        and cells.age_days = powers.age_days
    inner join coefficients
        on cells.model_id = coefficients.model_id
        and cells.repeat_order_days = coefficients.repeat_order_days
        and powers.n = coefficients.n
    group by cells.model_id, cells.repeat_order_days, cells.age_days
)

select
    models.as_of,
    models.sample,
    series.repeat_order_days,
    series.age_days,
    {%- for measure, column in [('90d', 'orders_90d'), ('365d', 'orders_365d'), ('discounted', 'discounted_orders_365d')] %}
    cast(
        (models.a + models.b + series.repeat_order_days - 1) / (1 - models.a) * series.total_{{ measure }} as {{ statistic() }}
    ) as {{ column }}
    {{- ',' if not loop.last }}
    {%- endfor %}
from series
inner join models on series.model_id = models.model_id
