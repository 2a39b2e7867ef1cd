{# The least of several expressions that may be null: nulls are passed over, null only when all are. #}
{% macro least_of(expressions) -%}
    {{ return(adapter.dispatch('least_of')(expressions)) }}
{%- endmacro %}

{% macro default__least_of(expressions) -%}
    least({{ expressions | join(', ') }})
{%- endmacro %}

{# The greatest of several expressions that may be null: nulls are passed over. #}
{% macro greatest_of(expressions) -%}
    greatest({{ expressions | join(', ') }})
{%- endmacro %}
