{#- A change that is reversed within so many evaluations is a flip-flop. -#}
{%- set window = 4 %}

with evaluations as (
    select
        as_of,
        row_number() over (order by as_of) as evaluation_number
    from (select distinct as_of from {{ ref('segment_evaluations') }}) as recorded
),

clock as (
    select * from {{ ref('evaluation_clock') }}
),

segments as (
    select distinct
        clock.as_of,
        evaluated.segment_id
    from {{ ref('segment_evaluations') }} as evaluated
    inner join clock on evaluated.as_of = clock.as_of
),

-- each entry and exit with the one that took it back
changes as (
    select
        changes.segment_id,
        changes.change,
        changes.reason,
        evaluations.evaluation_number,
        changes.as_of as changed_at,
        lead(changes.as_of) over person as reversed_at,
        lead(changes.reason) over person as reversing_reason,
        lead(evaluations.evaluation_number) over person as reversing_number
    from {{ ref('segment_changes') }} as changes
    inner join evaluations on changes.as_of = evaluations.as_of
    window person as (partition by changes.segment_id, changes.customer_key order by changes.as_of)
),

-- a choice on permission is no noise; what was there at the first evaluation began nobody knows when
judged as (
    select
        *,
        reason not in ('first_evaluation', 'permission_ended', 'permission_given') as is_counted,
        coalesce(
            reversing_number - evaluation_number <= {{ window }}
            and reversing_reason not in ('permission_ended', 'permission_given'), false
        ) as is_reversed,
        case when change = 'entered' and reason != 'first_evaluation'
            then {{ days_between('cast(changed_at as date)', 'cast(reversed_at as date)') }}
        end as dwell_days
    from changes
),

summed as (
    select
        segment_id,
        sum(case when is_counted then 1 else 0 end) as n_changes,
        sum(case when is_counted and is_reversed then 1 else 0 end) as n_flip_flops,
        count(dwell_days) as n_completed,
        sum(dwell_days) as dwell_days,
        {{ median('dwell_days') }} as median_dwell_days
    from judged
    group by segment_id
)

select
    segments.as_of,
    segments.segment_id,
    cast(coalesce(summed.n_changes, 0) as bigint) as n_changes,
    cast(coalesce(summed.n_flip_flops, 0) as bigint) as n_flip_flops,
    {{ exact_ratio('summed.n_flip_flops', 'summed.n_changes') }} as flip_flop_rate,
    cast(coalesce(summed.n_completed, 0) as bigint) as n_completed,
    {{ exact_ratio('summed.dwell_days', 'summed.n_completed') }} as mean_dwell_days,
    cast(summed.median_dwell_days as {{ ratio() }}) as median_dwell_days
from segments
left join summed on segments.segment_id = summed.segment_id
