{#
    Scores of any metric, by rank or by cut points that were frozen (DESIGN 5).
#}

{#
    The cut points in force at each as_of of the clock as a query: as_of, and per metric the columns <metric>_cut_2 to
    <metric>_cut_5, all null where the metric is not frozen. Argument: metrics, a list of names as in frozen_thresholds.
#}
{% macro frozen_cuts(metrics) -%}
    select
        clock.as_of
        {%- for metric in metrics %}
        {%- for score in [2, 3, 4, 5] %},
        max(case when frozen.metric = '{{ metric }}' and frozen.score = {{ score }} then frozen.cut_value end) as {{ metric }}_cut_{{ score }}
        {%- endfor %}
        {%- endfor %}
    from {{ ref('evaluation_clock') }} as clock
    left join {{ ref('frozen_thresholds') }} as frozen
        on {{ is_in_interval('clock.as_of', 'frozen.frozen_from', 'frozen.frozen_to') }}
    group by clock.as_of
{%- endmacro %}

{#
    Score 1 to 5 of a metric, 5 best: by the frozen cut points where there are any, else by rank among the rows of the
    same as_of. Arguments: value, a column; metric, its name in frozen_thresholds; as_of, the column that says which rows
    are ranked together; is_less_better (of days of silence fewer are better); cuts, the alias of a relation made by
    frozen_cuts().
#}
{% macro metric_score(value, metric, as_of, is_less_better=false, cuts='cuts') -%}
    {%- set cut = cuts ~ '.' ~ metric ~ '_cut_' -%}
    case
        when coalesce({{ cut }}2, {{ cut }}3, {{ cut }}4, {{ cut }}5) is null
            then {{ rank_score(value ~ (' desc' if is_less_better else ''), as_of) }}
        {%- for score in [5, 4, 3, 2] %}
        when {{ value }} {{ '<=' if is_less_better else '>=' }} {{ cut }}{{ score }} then {{ score }}
        {%- endfor %}
        else 1
    end
{%- endmacro %}
