{# How a run came to be, as the record of runs says: scheduled, or backfill. Errors: any other SEGMENTS_ORIGIN. #}
{% macro run_origin() -%}
    {%- set origin = env_var('SEGMENTS_ORIGIN', 'scheduled') if execute else 'scheduled' -%}
    {%- if origin not in ('scheduled', 'backfill') -%}
        {{ exceptions.raise_compiler_error('SEGMENTS_ORIGIN must be scheduled or backfill, not "' ~ origin ~ '"') }}
    {%- endif -%}
    {{ return(origin) }}
{%- endmacro %}
