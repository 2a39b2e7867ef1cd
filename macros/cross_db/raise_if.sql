{#
    A boolean expression that stops the statement with one sentence when `condition` holds, else is true.
    Arguments: condition (SQL boolean), message (SQL text expression).
#}
{% macro raise_if(condition, message) -%}
    {{ return(adapter.dispatch('raise_if')(condition, message)) }}
{%- endmacro %}

{# Postgres has no error(): casting the sentence to a number puts it into the engine's own message. The cast stands outside
   the `case`, because a cast of a mere literal is computed before the statement runs. #}
{% macro default__raise_if(condition, message) -%}
    cast(case when {{ condition }} then {{ message }} end as integer) is null
{%- endmacro %}

{% macro duckdb__raise_if(condition, message) -%}
    case when {{ condition }} then error({{ message }}) else true end
{%- endmacro %}

{% macro spark__raise_if(condition, message) -%}
    case when {{ condition }} then raise_error({{ message }}) is null else true end
{%- endmacro %}
