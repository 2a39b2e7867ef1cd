{#
    For a pre_hook: joins of the model's transaction are hash or merge joins wherever they can be. Postgres takes a CTE that was
    joined on several columns for one row, and would then compare all rows with all rows. Other engines plan such joins by hash.
#}
{% macro without_nested_loops() -%}
    {{ return(adapter.dispatch('without_nested_loops')()) }}
{%- endmacro %}

{% macro default__without_nested_loops() -%}
{%- endmacro %}

{% macro postgres__without_nested_loops() -%}
    set local enable_nestloop = off
{%- endmacro %}

{#
    A join condition that nearly all rows meet, as "known by the clock" does. DuckDB takes a comparison of columns of two tables
    for one that a row in ten thousand meets, and then keeps the larger side of every further join in memory; hidden in
    an expression it is taken for one that a fifth meet. Argument: condition (SQL).
#}
{% macro mostly(condition) -%}
    {{ return(adapter.dispatch('mostly')(condition)) }}
{%- endmacro %}

{% macro default__mostly(condition) -%}
    {{ condition }}
{%- endmacro %}

{% macro duckdb__mostly(condition) -%}
    coalesce({{ condition }}, false)
{%- endmacro %}
