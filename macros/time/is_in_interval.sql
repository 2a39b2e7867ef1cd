{#
    Whether an instant lies in the half-open interval [valid_from, valid_to); an open end is null.
    The project's one definition of an interval. Written without `or`, because DuckDB joins by nested loop on a condition
    with `or`. Arguments: instant, valid_from, valid_to (SQL expressions).
#}
{% macro is_in_interval(instant, valid_from, valid_to) -%}
    ({{ instant }} >= {{ valid_from }}
        and {{ instant }} < coalesce({{ valid_to }}, cast('9999-12-31 00:00:00' as {{ dbt.type_timestamp() }})))
{%- endmacro %}
