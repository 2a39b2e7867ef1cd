{# Continuous median (mean of the two middle values) of a numeric expression. #}
{% macro median(expression) -%}
    {{ return(adapter.dispatch('median')(expression)) }}
{%- endmacro %}

{% macro default__median(expression) -%}
    percentile_cont(0.5) within group (order by {{ expression }})
{%- endmacro %}

{% macro duckdb__median(expression) -%}
    median({{ expression }})
{%- endmacro %}

{# Value of `value` in the row where `ordering` is greatest, per group; rows with a null value or ordering are skipped. #}
{% macro latest(value, ordering) -%}
    {{ return(adapter.dispatch('latest')(value, ordering)) }}
{%- endmacro %}

{% macro default__latest(value, ordering) -%}
    (array_agg({{ value }} order by {{ ordering }} desc nulls last) filter (where {{ value }} is not null))[1]
{%- endmacro %}

{% macro duckdb__latest(value, ordering) -%}
    arg_max({{ value }}, {{ ordering }})
{%- endmacro %}

{% macro spark__latest(value, ordering) -%}
    max_by({{ value }}, {{ ordering }})
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
