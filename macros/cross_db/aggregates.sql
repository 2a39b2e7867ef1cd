{# Continuous median (mean of the two middle values) of a numeric expression. #}
{% macro median(expression) -%}
    {{ return(adapter.dispatch('median')(expression)) }}
{%- endmacro %}

{% macro default__median(expression) -%}
    percentile_cont(0.5) within group (order by {{ expression }})
{%- endmacro %}

{# DuckDB takes the middle of two decimals in their own scale: without the cast half a cent is lost. #}
{% macro duckdb__median(expression) -%}
    median(cast({{ expression }} as {{ ratio() }}))
{%- endmacro %}

{#
    Value of `value` in the newest row per group: greatest `ordering`, at equal ordering greatest `tie_breaker`, so that
    row order never decides. Only rows that meet `condition` and have a value count.
    Arguments: value, ordering, tie_breaker, condition (SQL expressions).
#}
{% macro latest(value, ordering, tie_breaker, condition='true') -%}
    {{ return(adapter.dispatch('latest')(value, ordering, tie_breaker, condition)) }}
{%- endmacro %}

{% macro default__latest(value, ordering, tie_breaker, condition) -%}
    (array_agg({{ value }} order by {{ ordering }} desc, {{ tie_breaker }} desc)
        filter (where {{ condition }} and {{ value }} is not null))[1]
{%- endmacro %}

{% macro duckdb__latest(value, ordering, tie_breaker, condition) -%}
    arg_max({{ value }}, row({{ ordering }}, {{ tie_breaker }})) filter (where {{ condition }} and {{ value }} is not null)
{%- endmacro %}

{% macro spark__latest(value, ordering, tie_breaker, condition) -%}
    max_by({{ value }}, struct({{ ordering }}, {{ tie_breaker }})) filter (where {{ condition }} and {{ value }} is not null)
{%- endmacro %}

{#
    The values of a group in their own order, null without any. DuckDB sorts the finished list: an ordered aggregate keeps, and
    cannot spill, what it sorts for every group at once. Arguments: value, condition (SQL).
#}
{% macro sorted_array(value, condition) -%}
    {{ return(adapter.dispatch('sorted_array')(value, condition)) }}
{%- endmacro %}

{% macro default__sorted_array(value, condition) -%}
    array_agg({{ value }} order by {{ value }}) filter (where {{ condition }})
{%- endmacro %}

{% macro duckdb__sorted_array(value, condition) -%}
    list_sort(array_agg({{ value }}) filter (where {{ condition }}))
{%- endmacro %}

{% macro spark__sorted_array(value, condition) -%}
    nullif(array_sort(collect_list({{ value }}) filter (where {{ condition }})), array())
{%- endmacro %}

{# Whole-number quotient, rounded towards zero. #}
{% macro integer_division(numerator, denominator) -%}
    {{ return(adapter.dispatch('integer_division')(numerator, denominator)) }}
{%- endmacro %}

{% macro default__integer_division(numerator, denominator) -%}
    ({{ numerator }}) / ({{ denominator }})
{%- endmacro %}

{% macro duckdb__integer_division(numerator, denominator) -%}
    ({{ numerator }}) // ({{ denominator }})
{%- endmacro %}

{% macro spark__integer_division(numerator, denominator) -%}
    ({{ numerator }}) div ({{ denominator }})
{%- endmacro %}

{# As a column of a select list: each row once per whole number (bigint) from 0 to below its `limit`, an expression of one or more. #}
{% macro numbers_below(limit) -%}
    {{ return(adapter.dispatch('numbers_below')(limit)) }}
{%- endmacro %}

{% macro default__numbers_below(limit) -%}
    generate_series(cast(0 as bigint), cast({{ limit }} as bigint) - 1)
{%- endmacro %}

{% macro duckdb__numbers_below(limit) -%}
    unnest(range(cast({{ limit }} as bigint)))
{%- endmacro %}

{% macro spark__numbers_below(limit) -%}
    explode(sequence(cast(0 as bigint), cast({{ limit }} as bigint) - 1))
{%- endmacro %}

{#
    A select of the values that a column holds more than once, each once. DuckDB sorts them: of a hundred million numbers, most of them
    different, a group by takes twice the time and more than twice the memory. Arguments: relation, column (a name, never null).
#}
{% macro repeated_values(relation, column) -%}
    {{ return(adapter.dispatch('repeated_values')(relation, column)) }}
{%- endmacro %}

{% macro default__repeated_values(relation, column) -%}
    select {{ column }}
    from {{ relation }}
    group by {{ column }}
    having count(*) > 1
{%- endmacro %}

{% macro duckdb__repeated_values(relation, column) -%}
    select distinct {{ column }}
    from (
        select
            {{ column }},
            lag({{ column }}) over (order by {{ column }}) as previous
        from {{ relation }}
    ) as sorted
    where {{ column }} = previous
{%- endmacro %}
