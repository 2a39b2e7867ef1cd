{#
    What could not be read in a raw row: of the first column whose text is present but does not cast to its type, the
    name (show='column') or the text itself (show='value'); null when all could be read.
    Argument: types, a dict of raw column -> type as in read_as().
#}
{% macro unreadable(types, show='column') -%}
    case
        {%- for column, type in types.items() %}
        when {{ is_unreadable(column, type) }}
            then {% if show == 'column' %}'{{ column }}'{% else %}cast({{ column }} as {{ dbt.type_string() }}){% endif %}
        {%- endfor %}
    end
{%- endmacro %}
