{# An identifier as data: any text, unchanged, case kept; only blank text names nobody. Argument: column. #}
{% macro identifier(column) -%}
    case when {{ is_not_blank(column) }} then {{ column }} end
{%- endmacro %}
