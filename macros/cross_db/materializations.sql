{#
    How a table or a view is replaced on DuckDB: dropped and made anew in one transaction, which readers see whole or not at
    all. dbt's own way (build beside, rename the old one, rename the new one, drop) takes four more statements per model.
    Overrides dbt's materializations of these names.
#}
{% materialization table, adapter='duckdb' %}
    {%- set relation = this.incorporate(type='table') -%}
    {{- run_hooks(pre_hooks, inside_transaction=False) -}}
    {{- run_hooks(pre_hooks, inside_transaction=True) -}}
    {%- call statement('main') -%}
        {{ drop_former(relation) }}
        {{ get_create_table_as_sql(False, relation, compiled_code) }}
    {%- endcall -%}
    {{- finish_relation(relation) -}}
    {{ return({'relations': [relation]}) }}
{% endmaterialization %}

{% materialization view, adapter='duckdb' %}
    {%- set relation = this.incorporate(type='view') -%}
    {{- run_hooks(pre_hooks, inside_transaction=False) -}}
    {{- run_hooks(pre_hooks, inside_transaction=True) -}}
    {%- call statement('main') -%}
        {{ drop_former(relation) }}
        {{ get_create_view_as_sql(relation, compiled_code) }}
    {%- endcall -%}
    {{- finish_relation(relation) -}}
    {{ return({'relations': [relation]}) }}
{% endmaterialization %}

{# The statement that removes what stands under a relation's name, table or view; nothing where nothing does. #}
{% macro drop_former(relation) -%}
    {%- set former = load_cached_relation(relation) -%}
    {%- if former is not none -%}
        drop {{ former.type }} if exists {{ former }};
    {%- endif -%}
{%- endmacro %}

{# What follows once a relation is made, up to the commit: hooks and descriptions. Argument: relation. #}
{% macro finish_relation(relation) -%}
    {{- run_hooks(post_hooks, inside_transaction=True) -}}
    {%- do persist_docs(relation, model) -%}
    {%- do adapter.commit() -%}
    {{- run_hooks(post_hooks, inside_transaction=False) -}}
{%- endmacro %}
