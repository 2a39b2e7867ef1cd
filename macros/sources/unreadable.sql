{#
    What could not be read in a raw row: of the first column whose text is present but does not cast to its type, the
    name (show='column') or the text itself (show='value'); null when all could be read.
    Argument: casts, a dict of raw column -> cast expression. The text form is made only where the cast gave null:
    on a hundred million readable rows it would cost more than the reading.
#}
{% macro unreadable(casts, show='column') -%}
    case
        {%- for column, cast_expression in casts.items() %}
        {%- set as_given = 'cast(' ~ column ~ ' as ' ~ dbt.type_string() ~ ')' %}
        when nullif(case when ({{ cast_expression }}) is null then {{ as_given }} end, '') is not null
            then {% if show == 'column' %}'{{ column }}'{% else %}{{ as_given }}{% endif %}
        {%- endfor %}
    end
{%- endmacro %}
