{#
    One text for a whole row: `name=value` in the given order, joined by the unit separator, nulls marked apart from
    the empty text. Equal rows give equal texts on every engine.
    Arguments: columns (list of column names); relation (alias that they stand under, or none).
#}
{% macro canonical_row(columns, relation=none) -%}
    {%- set prefix = relation ~ '.' if relation else '' -%}
    {%- for column in columns -%}
        '{{ column }}=' || coalesce(cast({{ prefix }}{{ column }} as {{ dbt.type_string() }}), chr(30)){{ " || chr(31) || " if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
