{#
    Where a relation lives. Folders name a schema (`+schema`) and, for person data, the area `+database: restricted`.
    DuckDB: the area is the attached file `restricted`. Other engines have one database, so the area becomes a schema
    prefix that grants can follow. SEGMENTS_SCHEMA_PREFIX (replay) goes before every schema outside the restricted area, and
    inside it before those of models with the tag `clocked`: they hold one state per as_of, the others are only read.
    Arguments as dbt defines them: custom_schema_name / custom_database_name (text or none), node.
#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ return(adapter.dispatch('area_schema')(custom_schema_name, node)) }}
{%- endmacro %}

{% macro default__area_schema(custom_schema_name, node) -%}
    {%- set schema = custom_schema_name or target.schema -%}
    {{ return(('restricted_' if node.config.database == 'restricted' else '') ~ schema_prefix(node) ~ schema) }}
{%- endmacro %}

{% macro duckdb__area_schema(custom_schema_name, node) -%}
    {%- set schema = custom_schema_name or target.schema -%}
    {{ return(schema_prefix(node) ~ schema) }}
{%- endmacro %}

{% macro schema_prefix(node) -%}
    {{ return(env_var('SEGMENTS_SCHEMA_PREFIX', '') if node.config.database != 'restricted' or 'clocked' in node.config.tags else '') }}
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

{# The name of the schema that a relation is in, as `create schema` wants it. Argument: relation. #}
{% macro schema_of(relation) -%}
    {{ return(adapter.dispatch('schema_of')(relation)) }}
{%- endmacro %}

{% macro default__schema_of(relation) -%}
    {{ return(relation.include(database=false, identifier=false)) }}
{%- endmacro %}

{% macro duckdb__schema_of(relation) -%}
    {{ return(relation.include(identifier=false)) }}
{%- endmacro %}
