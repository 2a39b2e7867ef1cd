{# First day of the calendar month of a date. Argument: day (SQL expression, date). #}
{% macro month_of(day) -%}
    cast({{ dbt.date_trunc('month', day) }} as date)
{%- endmacro %}
