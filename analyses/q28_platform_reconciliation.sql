-- Why does the shop platform show other orders and revenue than we do?
-- From our figure to the platform's, one line per difference; the lines add up to `their_figure`. Periods are a local month
-- (2026-02) of the last twelve, or to_date (without one). With the figure on the platform's screen, what is left unexplained
-- is the last line. Without a definition: all of them, to find the one that fits.
with asked as (
    select
        cast(null as {{ dbt.type_string() }}) as definition,
        cast(null as {{ dbt.type_string() }}) as period,
        cast(null as integer) as shown_orders,
        cast(null as decimal(18, 2)) as shown_amount
),

bridges as (
    select
        bridges.*,
        asked.shown_orders,
        asked.shown_amount
    from asked
    inner join {{ ref('platform_reconciliation') }} as bridges
        on bridges.definition = coalesce(asked.definition, bridges.definition)
        and bridges.period = coalesce(asked.period, 'to_date')
),

answer as (
    select
        definition,
        period,
        step_number,
        step,
        n_orders,
        amount,
        explanation
    from bridges

    union all

    select
        definition,
        period,
        step_number + 1 as step_number,
        'unexplained' as step,
        shown_orders - n_orders as n_orders,
        cast(shown_amount - amount as decimal(18, 2)) as amount,
        'What the platform shows, less their figure by its definition.' as explanation
    from bridges
    where step = 'their_figure'
        and (shown_orders is not null or shown_amount is not null)
)

select
    definition,
    period,
    step_number,
    step,
    n_orders,
    amount,
    explanation
from answer
order by definition, period, step_number
