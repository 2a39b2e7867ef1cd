{{ config(materialized='table', tags=['clocked']) }}
{#-
    Expected orders of a customer who is still there, within t weeks (Fader, Hardie & Lee 2005, eq. 10 without p_alive; the
    series after Euler's transformation, which converges for every customer):
        G * (1 - (1 - z) ** (a - 1) * 2F1(a + b - 1 - r, a - 1; a + b + x - 1; z)),
        G = (a + b + x - 1) / (a - 1), z = t / (alpha + age + t)
    In 2F1 = sum c_n z ** n the coefficients depend on x alone and the powers on age alone, so each is computed once.
-#}
{%- set steps = prediction_steps() %}

with steps as (
    {%- for measure, days, weight in steps %}
    select
        '{{ measure }}' as measure,
        {{ days }} as days,
        cast({{ weight }} as {{ double() }}) as weight
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

numbers as (
    {{ whole_numbers(4000) }}
),

models as (
    select
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
        as_of,
        sample,
        repeat_order_days,
        age_days
    from {{ ref('int_purchase_histories') }}
),

ages as (
    select distinct
        as_of,
        sample,
        age_days
    from cells
),

-- as many terms as a double can tell apart: powers fall by z, and for a > 1 first rise to 2 (a - 1) z / (1 - z)
aged_steps as (
    select
        ages.as_of,
        ages.sample,
        ages.age_days,
        steps.measure,
        steps.days,
        steps.weight,
        models.a - 1 as power_of_rest,
        ln(models.alpha_weeks + ages.age_days / 7e0) - ln(models.alpha_weeks + (ages.age_days + steps.days) / 7e0) as ln_rest,
        ln(steps.days / 7e0) - ln(models.alpha_weeks + (ages.age_days + steps.days) / 7e0) as ln_z,
        least(4000, 1 + floor(
            case when models.a > 1 then 60 + 2 * (models.a - 1) else 30 end
            * (1 + steps.days / 7e0 / (models.alpha_weeks + ages.age_days / 7e0))
        )) as n_terms
    from ages
    inner join models
        on ages.as_of = models.as_of
        and ages.sample = models.sample
    inner join steps on ages.sample = 'full' or steps.measure = '90d'
),

-- what is below e ** -100 adds nothing
powers as (
    select
        aged_steps.as_of,
        aged_steps.sample,
        aged_steps.age_days,
        aged_steps.measure,
        numbers.n,
        sum(
            aged_steps.weight * exp(greatest(numbers.n * aged_steps.ln_z + aged_steps.power_of_rest * aged_steps.ln_rest, -100))
            order by aged_steps.days
        ) as power
    from aged_steps
    inner join numbers on aged_steps.n_terms > numbers.n
    group by aged_steps.as_of, aged_steps.sample, aged_steps.age_days, aged_steps.measure, numbers.n
),

counts as (
    select distinct
        as_of,
        sample,
        repeat_order_days
    from cells
),

longest as (
    select
        as_of,
        sample,
        max(n_terms) as n_terms
    from aged_steps
    group by as_of, sample
),

factors as (
    select
        counts.as_of,
        counts.sample,
        counts.repeat_order_days,
        numbers.n,
        case
            when numbers.n = 0 then 1
            else (models.a + models.b - models.r + numbers.n - 2) * (models.a + numbers.n - 2)
                / ((models.a + models.b + counts.repeat_order_days + numbers.n - 2) * numbers.n)
        end as factor
    from counts
    inner join models
        on counts.as_of = models.as_of
        and counts.sample = models.sample
    inner join longest
        on counts.as_of = longest.as_of
        and counts.sample = longest.sample
    inner join numbers on longest.n_terms > numbers.n
),

-- c_n is the product of the factors up to n
coefficients as (
    select
        as_of,
        sample,
        repeat_order_days,
        n,
        case when mod(sum(case when factor < 0 then 1 else 0 end) over so_far, 2) = 0 then 1 else -1 end
        * exp(greatest(sum(ln(greatest(abs(factor), 1e-100))) over so_far, -400)) as coefficient
    from factors
    window so_far as (partition by as_of, sample, repeat_order_days order by n)
),

series as (
    select
        cells.as_of,
        cells.sample,
        cells.repeat_order_days,
        cells.age_days,
        powers.measure,
        sum(coefficients.coefficient * powers.power order by powers.n) as total
    from cells
    inner join powers
        on cells.as_of = powers.as_of
        and cells.sample = powers.sample
        and cells.age_days = powers.age_days
    inner join coefficients
        on cells.as_of = coefficients.as_of
        and cells.sample = coefficients.sample
        and cells.repeat_order_days = coefficients.repeat_order_days
        and powers.n = coefficients.n
    group by cells.as_of, cells.sample, cells.repeat_order_days, cells.age_days, powers.measure
),

starts as (
    select
        measure,
        sum(weight order by days) as weight
    from steps
    group by measure
),

counted as (
    select
        series.as_of,
        series.sample,
        series.repeat_order_days,
        series.age_days,
        series.measure,
        (models.a + models.b + series.repeat_order_days - 1) / (models.a - 1) * (starts.weight - series.total) as orders
    from series
    inner join models
        on series.as_of = models.as_of
        and series.sample = models.sample
    inner join starts on series.measure = starts.measure
)

select
    as_of,
    sample,
    repeat_order_days,
    age_days,
    cast(max(case when measure = '90d' then orders end) as {{ statistic() }}) as orders_90d,
    cast(max(case when measure = '365d' then orders end) as {{ statistic() }}) as orders_365d,
    cast(max(case when measure = 'discounted' then orders end) as {{ statistic() }}) as discounted_orders_365d
from counted
group by as_of, sample, repeat_order_days, age_days
