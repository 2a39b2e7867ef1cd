{#- step, when it applies, the month it falls into, orders, amount; the lines of a step are added up -#}
{%- set lines = [
    ("'our_figure'", 'is_ours', 'ordered_month', 'n_orders', 'net'),
    ("'our_figure'", 'is_theirs', 'their_month', '0', '0'),
    ('population_step', 'is_ours and not is_theirs', 'ordered_month', '-n_orders', '-net'),
    ('population_step', 'is_theirs and not is_ours and n_orders > 0', 'ordered_month', 'n_orders', 'net'),
    ("'refunds'", "is_theirs and row_class != 'unusable_refund'", 'ordered_month', '0',
        'gross - discount - net - refunds_taken * refunded'),
    ("'unusable_refunds'", "is_theirs and row_class = 'unusable_refund'", 'ordered_month', '0', '-refunds_taken * refunded'),
    ("'discounts'", 'is_theirs', 'ordered_month', '0', '(1 - discounts_taken) * discount'),
    ("'currency'", 'is_theirs', 'ordered_month', '0', 'theirs - theirs_converted'),
    ("'date_basis'", 'is_theirs', 'ordered_month', '-n_orders', '-theirs'),
    ("'date_basis'", 'is_theirs', 'their_local_month', 'n_orders', 'theirs'),
    ("'day_boundary'", 'is_theirs', 'their_local_month', '-n_orders', '-theirs'),
    ("'day_boundary'", 'is_theirs', 'their_month', 'n_orders', 'theirs'),
    ("'their_figure'", 'is_theirs', 'their_month', 'n_orders', 'theirs'),
    ("'their_figure'", 'is_ours', 'ordered_month', '0', '0')
] -%}

with clock as (
    select
        as_of,
        {{ month_of(local_date('as_of')) }} as newest_month
    from {{ ref('evaluation_clock') }}
),

totals as (
    select * from {{ ref('int_order_totals') }}
),

definitions as (
    select * from {{ ref('platform_definitions') }}
),

differences as (
    select * from {{ ref('platform_differences') }}
),

-- what counts here and what counts there
judged as (
    select
        totals.*,
        definitions.*,
        totals.row_class = 'current' and {{ is_valid_order_status('totals.status') }} as is_ours,
        case
            when definitions.counts_file_rows then totals.n_orders > 0
            when totals.row_class not in ('current', 'unusable', 'refund', 'unusable_refund') then false
            when definitions.buyers = 'account' and totals.held_by != 'account' then false
            when definitions.buyers = 'contact' and totals.held_by = 'nobody' then false
            when totals.is_free and not definitions.counts_free then false
            when totals.status = 'cancelled' then definitions.counts_cancelled
            when totals.status = 'voided' then definitions.counts_voided
            when totals.status = 'test' then definitions.counts_test
            when totals.status = 'pending' then definitions.counts_pending
            when totals.status = 'failed' then definitions.counts_failed
            else true
        end as is_theirs,
        {{ wide("case when definitions.discounts = 'deducted' then 1 else 0 end") }} as discounts_taken,
        -- refunds stand twice in the totals: with their orders, and as rows of their own day
        cast(case
            when totals.row_class = 'unusable_refund' and definitions.refunds != 'none' then 1
            when totals.row_class = 'refund' and definitions.refunds = 'refund_day' then 1
            when totals.n_orders > 0 and definitions.refunds = 'order_day' then 1
            else 0
        end as decimal(38, 0)) as refunds_taken
    from totals
    cross join definitions
),

measured as (
    select
        *,
        case
            when not is_ours and row_class = 'current' then 'status_' || status
            when not is_ours and row_class in ('revision', 'duplicate') then row_class || 's'
            when not is_ours then row_class
            when buyers = 'account' and held_by != 'account' then 'customers'
            when buyers = 'contact' and held_by = 'nobody' then 'customers'
            else 'free_orders'
        end as population_step,
        gross - discounts_taken * discount - refunds_taken * refunded as theirs_converted,
        case
            when currency = 'as_written'
                then written_gross - discounts_taken * written_discount - refunds_taken * written_refunded
            else gross - discounts_taken * discount - refunds_taken * refunded
        end as theirs,
        case when date_basis = 'recorded' then created_month else ordered_month end as their_local_month,
        case
            when date_basis = 'recorded' and calendar = 'utc' then created_month_utc
            when date_basis = 'recorded' then created_month
            when calendar = 'utc' then ordered_month_utc
            else ordered_month
        end as their_month
    from judged
),

lines as (
    {%- for step, condition, month, n_orders, amount in lines %}
    select
        as_of,
        definition,
        {{ step }} as step,
        {{ month }} as month_start,
        {{ n_orders }} as n_orders,
        {{ amount }} as amount
    from measured
    where {{ condition }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

periods as (
    select
        lines.*,
        'to_date' as period
    from lines

    union all

    select
        lines.*,
        substr(cast(lines.month_start as {{ dbt.type_string() }}), 1, 7) as period
    from lines
    inner join clock
        on lines.as_of = clock.as_of
        and lines.month_start <= clock.newest_month
        and lines.month_start > cast({{ dbt.dateadd('month', -12, 'clock.newest_month') }} as date)
),

summed as (
    select
        as_of,
        definition,
        period,
        step,
        cast(sum(n_orders) as bigint) as n_orders,
        cast(sum(amount) as {{ money() }}) as amount
    from periods
    group by as_of, definition, period, step
)

select
    summed.as_of,
    definitions.platform,
    summed.definition,
    definitions.shown_as,
    summed.period,
    differences.step_number,
    summed.step,
    summed.n_orders,
    summed.amount,
    differences.title,
    differences.explanation
from summed
inner join definitions on summed.definition = definitions.definition
inner join differences on summed.step = differences.step
where summed.n_orders != 0 or summed.amount != 0 or summed.step in ('our_figure', 'their_figure')
