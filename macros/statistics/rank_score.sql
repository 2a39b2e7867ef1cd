{#
    Score 1 to 5 of a value among all rows of the same as_of, 5 best: 1 + 5 * (rank - 1) // count (DESIGN 5).
    Equal values get equal scores, so row order, threads and engine do not matter; a score may stay empty.
    Arguments: ordering, the value ordered so that better comes later (`order_count`, `days_since_last_order desc`);
    as_of, the column that says which rows are ranked together.
#}
{% macro rank_score(ordering, as_of='as_of') -%}
    cast(
        1 + {{ integer_division(
            '5 * (rank() over (partition by ' ~ as_of ~ ' order by ' ~ ordering ~ ') - 1)', 'count(*) over (partition by ' ~ as_of ~ ')'
        ) }} as integer
    )
{%- endmacro %}
