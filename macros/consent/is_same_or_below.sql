{#
    Whether a purpose is the other one or lies below it in the dotted hierarchy: a choice on a purpose covers its
    children, never its parents. Arguments: purpose, ancestor (SQL text expressions).
#}
{% macro is_same_or_below(purpose, ancestor) -%}
    ({{ purpose }} = {{ ancestor }} or starts_with({{ purpose }}, {{ ancestor }} || '.'))
{%- endmacro %}
