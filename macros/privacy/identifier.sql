{# An identifier as data: any text, unchanged, case kept; only blank text names nobody. Argument: column. #}
{% macro identifier(column) -%}
    case when trim({{ column }}) != '' then {{ column }} end
{%- endmacro %}
