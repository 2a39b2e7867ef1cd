{#
    Who may read what, set before every build (on-run-start). DuckDB has no grants: the restricted area is a file of its
    own. On Postgres the areas are schemas: role segmentation_reader reads those of reader_schemas(), whatever dbt makes
    anew in them included, and may not even enter the restricted ones. An administrator creates the role once; without it
    nobody but the builder reads anything. No argument; returns SQL, or nothing where the engine has no grants.
    Errors: one sentence when the role (or everybody) has been let into a restricted schema.
#}
{% macro grant_areas() -%}
    {{ return(adapter.dispatch('grant_areas')()) }}
{%- endmacro %}

{% macro default__grant_areas() -%}
{%- endmacro %}

{% macro postgres__grant_areas() -%}
do $grant$
declare
    area text;
begin
    if not exists (select from pg_roles where rolname = 'segmentation_reader') then
        return;
    end if;
    for area in
        select nspname from pg_namespace
        where nspname like 'restricted\_%' and has_schema_privilege('segmentation_reader', oid, 'usage')
    loop
        raise exception 'Role segmentation_reader can enter schema %, which holds person data: revoke that, then build again', area;
    end loop;
    foreach area in array array['{{ reader_schemas() | join("', '") }}'] loop
        if not exists (select from pg_namespace where nspname = area) then
            execute format('create schema %I', area);
        end if;
        execute format('grant usage on schema %I to segmentation_reader', area);
        execute format('grant select on all tables in schema %I to segmentation_reader', area);
        execute format('alter default privileges in schema %I grant select on tables to segmentation_reader', area);
    end loop;
end
$grant$
{%- endmacro %}

{# The schemas that analysts and auditors read. Returns a list of names. #}
{% macro reader_schemas() -%}
    {{ return(['marts', 'segments', 'snapshots', 'audit']) }}
{%- endmacro %}

{#
    Who can enter each area (model area_access): a query with area, role_name and entered_by, one row for each role and area. No
    argument. The area names are those of areas().
#}
{% macro area_entries() -%}
    {{ return(adapter.dispatch('area_entries')()) }}
{%- endmacro %}

{# Without roles: the files. The published copy holds some schemas once more. #}
{% macro default__area_entries() -%}
    {%- set rows = [] -%}
    {%- for area, is_restricted in (areas() if execute else []) -%}
        {%- do rows.append([area, 'whoever can open ' ~ ('restricted' if is_restricted else 'warehouse') ~ '.duckdb', 'file']) -%}
        {%- if area in ('marts', 'segments') -%}
            {%- do rows.append([area, 'whoever can open published/segmentation.duckdb', 'file']) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ literal_rows([['area', dbt.type_string()], ['role_name', dbt.type_string()], ['entered_by', dbt.type_string()]], rows) }}
{%- endmacro %}

{# Roles that the server brings along (pg_read_all_data ...) cannot log in; who is a member of one is found by what he may do. #}
{% macro postgres__area_entries() -%}
    select
        cast(pg_namespace.nspname as text) as area,
        cast(pg_roles.rolname as text) as role_name,
        case
            when pg_roles.rolsuper then 'superuser'
            when pg_has_role(pg_roles.oid, pg_namespace.nspowner, 'usage') then 'owner'
            else 'grant'
        end as entered_by
    from pg_namespace
    inner join pg_roles on has_schema_privilege(pg_roles.oid, pg_namespace.oid, 'usage')
    where pg_roles.rolname not like 'pg\_%'
{%- endmacro %}
