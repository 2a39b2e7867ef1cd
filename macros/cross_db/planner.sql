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
