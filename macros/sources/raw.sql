{#
    A raw table of a source system: the demo seed while no shop's own data is named (SEGMENTS_RAW unset), else the source
    that `segmentation build` prepared over the shop's files. Reading the seed through ref() gives dbt the right order.
    Argument: table, a table of the input contract.
#}
{% macro raw(table) -%}
    {%- if env_var('SEGMENTS_RAW', '') == '' -%}
        {{ return(ref('demo_' ~ table)) }}
    {%- else -%}
        {{ return(source('generic', table)) }}
    {%- endif -%}
{%- endmacro %}
