{#
    The canonical form of a row for evidence: `name=value` in the given order, joined by the unit separator (chr 31), nulls
    as the record separator (chr 30). Typed, so that every engine writes the same text: instants in ISO 8601 with
    microseconds, booleans as words, integers as digits; no floating point. The three control characters are escaped in
    texts (chr 27 and a digit), so that two different rows never have the same form. Source: privacy.md 2.6.
    Arguments: fields (list of [column, type]; types: text, integer, boolean, instant); relation (alias, or none).
    Errors: an unknown type. `segmentation verify` computes the same form on its own (segmentation/verify.py).
#}
{% macro canonical_fields(fields, relation=none) -%}
    {%- for name, type in fields -%}
        '{{ name }}=' || coalesce({{ canonical_value((relation ~ '.' if relation else '') ~ name, type) }}, chr(30))
        {{- " || chr(31) || " if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# One value of canonical_fields(); null stays null. Arguments: column; type as there. #}
{% macro canonical_value(column, type) -%}
    {%- if type == 'text' -%}
        {{ escaped_controls(column) }}
    {%- elif type == 'integer' -%}
        cast({{ column }} as {{ dbt.type_string() }})
    {%- elif type == 'boolean' -%}
        case when {{ column }} then 'true' when not {{ column }} then 'false' end
    {%- elif type == 'instant' -%}
        {{ iso_instant(column) }}
    {%- else -%}
        {{ exceptions.raise_compiler_error("canonical_value: no type '" ~ type ~ "'; there are text, integer, boolean, instant") }}
    {%- endif -%}
{%- endmacro %}
