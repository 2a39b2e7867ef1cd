{#
    Where a relation lives. Folders name a schema (`+schema`) and, for person data, the area `+database: restricted`.
    DuckDB: the area is the attached file `restricted`. Other engines have one database, so the area becomes a schema
    prefix that grants can follow. SEGMENTS_SCHEMA_PREFIX (replay) goes before every schema outside the restricted area,
    and before `evaluated` inside it: a replay must not touch what the next evaluation is compared with.
    Arguments as dbt defines them: custom_schema_name / custom_database_name (text or none), node.
#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ return(adapter.dispatch('area_schema')(custom_schema_name, node)) }}
{%- endmacro %}

{% macro default__area_schema(custom_schema_name, node) -%}
    {%- set schema = custom_schema_name or target.schema -%}
    {{ return(('restricted_' if node.config.database == 'restricted' else '') ~ schema_prefix(schema, node) ~ schema) }}
{%- endmacro %}

{% macro duckdb__area_schema(custom_schema_name, node) -%}
    {%- set schema = custom_schema_name or target.schema -%}
    {{ return(schema_prefix(schema, node) ~ schema) }}
{%- endmacro %}

{% macro schema_prefix(schema, node) -%}
    {{ return('' if node.config.database == 'restricted' and schema != 'evaluated' else env_var('SEGMENTS_SCHEMA_PREFIX', '')) }}
{%- endmacro %}

{% macro generate_database_name(custom_database_name=none, node=none) -%}
    {{ return(adapter.dispatch('area_database')(custom_database_name)) }}
{%- endmacro %}

{% macro default__area_database(custom_database_name) -%}
    {{ return(target.database) }}
{%- endmacro %}

{% macro duckdb__area_database(custom_database_name) -%}
    {{ return(custom_database_name or target.database) }}
{%- endmacro %}
