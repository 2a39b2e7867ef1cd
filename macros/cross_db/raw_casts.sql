{#
    Casts of raw columns: what cannot be read becomes null, never an error (`unreadable` then names the column).
    Argument: column, a column name of the raw table. No units; text in, typed value out.
#}

{# UTC instant as plain timestamp. An offset in text is honoured; text without one is UTC. Infinity is not an instant. #}
{% macro as_timestamp(column) -%}
    {{ return(adapter.dispatch('as_timestamp')(column)) }}
{%- endmacro %}

{% macro default__as_timestamp(column) -%}
    {{ readable_cast(column, api.Column.translate_type('timestamp')) }}
{%- endmacro %}

{# DuckDB's cast of text to timestamp drops an offset silently, the cast to timestamptz does not; typeof() is folded
   when the query is bound, so typed Parquet columns pay nothing for the second branch. #}
{% macro duckdb__as_timestamp(column) -%}
    case
        when typeof({{ column }}) = 'TIMESTAMP' then try_cast({{ column }} as timestamp)
        when isfinite(try_cast({{ column }} as timestamptz)) then timezone('UTC', try_cast({{ column }} as timestamptz))
    end
{%- endmacro %}

{# Money: decimal(18,2). #}
{% macro as_money(column) -%}
    {{ readable_cast(column, 'decimal(18, 2)') }}
{%- endmacro %}

{% macro as_rate(column) -%}
    {{ readable_cast(column, 'decimal(18, 8)') }}
{%- endmacro %}

{% macro as_integer(column) -%}
    {{ readable_cast(column, 'integer') }}
{%- endmacro %}

{% macro as_boolean(column) -%}
    {{ readable_cast(column, 'boolean') }}
{%- endmacro %}

{% macro as_date(column) -%}
    {{ readable_cast(column, 'date') }}
{%- endmacro %}

{# Text, unchanged; the empty text is a missing value. #}
{% macro as_text(column) -%}
    nullif(cast({{ column }} as {{ dbt.type_string() }}), '')
{%- endmacro %}

{# A cast that gives null where the text cannot be read. dbt.safe_cast stops the build on DuckDB. #}
{% macro readable_cast(column, type) -%}
    {{ return(adapter.dispatch('readable_cast')(column, type)) }}
{%- endmacro %}

{% macro default__readable_cast(column, type) -%}
    {{ dbt.safe_cast(column, type) }}
{%- endmacro %}

{% macro duckdb__readable_cast(column, type) -%}
    try_cast({{ column }} as {{ type }})
{%- endmacro %}

{% macro spark__readable_cast(column, type) -%}
    try_cast({{ column }} as {{ type }})
{%- endmacro %}
