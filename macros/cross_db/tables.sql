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
