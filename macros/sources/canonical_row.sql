{#
    One text for a whole row: `name=value` in the given order, joined by the unit separator, nulls marked apart from
    the empty text, and control characters in values escaped (canonical_value): equal rows give equal texts on every engine,
    different rows different ones.
    Arguments: columns (list of column names); relation (alias that they stand under, or none).
#}
{% macro canonical_row(columns, relation=none) -%}
    {%- set prefix, text = relation ~ '.' if relation else '', dbt.type_string() -%}
    {%- for column in columns -%}
        '{{ column }}=' || coalesce({{ canonical_value('cast(' ~ prefix ~ column ~ ' as ' ~ text ~ ')', 'text') }}, chr(30)){{ " || chr(31) || " if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
