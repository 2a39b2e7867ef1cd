{#
    One text for a whole row: `name=value` in the given order, joined by the unit separator, nulls marked apart from
    the empty text. Equal rows give equal texts on every engine. Argument: columns (list of column names).
#}
{% macro canonical_row(columns) -%}
    {%- for column in columns -%}
        '{{ column }}=' || coalesce(cast({{ column }} as {{ dbt.type_string() }}), chr(30)){{ " || chr(31) || " if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
