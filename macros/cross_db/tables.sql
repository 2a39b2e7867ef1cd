{#
    What dbt does to a table it has just filled. On Postgres also: statistics, without which its planner takes every table
    for a few rows and joins by nested loop; the server's own would come a minute later. Overrides dbt's macro of this
    name. Argument: relation.
#}
{% macro postgres__create_indexes(relation) -%}
    {%- do default__create_indexes(relation) -%}
    {%- do run_query('analyze ' ~ relation) -%}
{%- endmacro %}

{#
    How a model stands that is read several times and would be large as a copy: a view where columns are stored and typed
    (DuckDB over files), a table where every reading would read all raw texts again. Returns a materialization.
#}
{% macro view_or_copy() -%}
    {{ return(adapter.dispatch('view_or_copy')()) }}
{%- endmacro %}

{% macro default__view_or_copy() -%}
    {{ return('table') }}
{%- endmacro %}

{% macro duckdb__view_or_copy() -%}
    {{ return('view') }}
{%- endmacro %}

{#
    A column of a model that is a view or a copy (view_or_copy): in a copy it is null where `condition` holds, because what somebody
    erased is in raw files must not be stored once more. A view shows what the files hold. Arguments: column, condition (SQL).
#}
{% macro without_content_in_a_copy(column, condition) -%}
    {{ return(adapter.dispatch('without_content_in_a_copy')(column, condition)) }}
{%- endmacro %}

{% macro default__without_content_in_a_copy(column, condition) -%}
    case when not ({{ condition }}) then {{ column }} end
{%- endmacro %}

{% macro duckdb__without_content_in_a_copy(column, condition) -%}
    {{ column }}
{%- endmacro %}

{#
    What dbt does to a table on DuckDB before it replaces it. No table of the project has an index, so there is nothing to
    ask for. Overrides dbt-duckdb's macro of this name. Argument: relation.
#}
{% macro drop_indexes_on_relation(relation) -%}
{%- endmacro %}

{#
    Columns and types of a relation on Postgres. dbt's own calls every list "ARRAY", which is no type, so that unit tests
    could not cast a row that leaves it empty. Overrides dbt-postgres' macro of this name. Argument: relation.
#}
{% macro postgres__get_columns_in_relation(relation) -%}
    {%- set columns = run_query(
        "select column_name, case when data_type = 'ARRAY' then substr(udt_name, 2) || '[]' else data_type end as data_type, "
        ~ 'character_maximum_length, numeric_precision, numeric_scale from ' ~ relation.information_schema('columns')
        ~ ' where table_name = ' ~ dbt.string_literal(relation.identifier)
        ~ (' and table_schema = ' ~ dbt.string_literal(relation.schema) if relation.schema else '')
        ~ ' order by ordinal_position'
    ) -%}
    {{ return(sql_convert_columns_in_relation(columns)) }}
{%- endmacro %}
