{#
    The statements that hold DuckDB to SEGMENTS_MEMORY and SEGMENTS_THREADS, where they are set: what does not fit in memory goes to
    disk, in the home. They are no settings of the profile, because dbt parses the whole project anew when its profile changes.
#}
{% macro limit_resources() -%}
    {{ return(adapter.dispatch('limit_resources')()) }}
{%- endmacro %}

{% macro default__limit_resources() -%}
{%- endmacro %}

{% macro duckdb__limit_resources() -%}
    {%- if execute and env_var('SEGMENTS_MEMORY', '') != '' -%}
        set memory_limit = {{ text_setting('SEGMENTS_MEMORY', '[1-9][0-9]{0,5}(MB|GB)', '2GB') }};
    {%- endif -%}
    {%- if execute and env_var('SEGMENTS_THREADS', '') != '' -%}
        set threads = {{ text_setting('SEGMENTS_THREADS', '[1-9][0-9]{0,2}', '4') }};
    {%- endif -%}
{%- endmacro %}
