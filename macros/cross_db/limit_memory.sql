{# The statement that holds DuckDB to SEGMENTS_MEMORY, where it is set: what does not fit goes to disk, in the home. #}
{% macro limit_memory() -%}
    {{ return(adapter.dispatch('limit_memory')()) }}
{%- endmacro %}

{% macro default__limit_memory() -%}
{%- endmacro %}

{% macro duckdb__limit_memory() -%}
    {%- if execute and env_var('SEGMENTS_MEMORY', '') != '' -%}
        set memory_limit = {{ text_setting('SEGMENTS_MEMORY', '[1-9][0-9]{0,5}(MB|GB)', '2GB') }}
    {%- endif -%}
{%- endmacro %}
