{#
    A boolean expression that stops the statement with one sentence when `condition` holds, else is true.
    Arguments: condition (SQL boolean), message (SQL text expression).
#}
{% macro raise_if(condition, message) -%}
    {{ return(adapter.dispatch('raise_if')(condition, message)) }}
{%- endmacro %}

{# Postgres has no error(): casting the sentence to a number puts it into the engine's own message. #}
{% macro default__raise_if(condition, message) -%}
    case when {{ condition }} then cast({{ message }} as integer) is null else true end
{%- endmacro %}

{% macro duckdb__raise_if(condition, message) -%}
    case when {{ condition }} then error({{ message }}) else true end
{%- endmacro %}

{% macro spark__raise_if(condition, message) -%}
    case when {{ condition }} then raise_error({{ message }}) is null else true end
{%- endmacro %}
