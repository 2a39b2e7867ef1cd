{#
    How a table or a view is replaced on DuckDB: dropped and made anew in one transaction, which readers see whole or not at
    all. dbt's own way (build beside, rename the old one, rename the new one, drop) takes four more statements per model.
    Overrides dbt's materializations of these names.
#}
{% materialization table, adapter='duckdb' %}
    {%- set relation = this.incorporate(type='table') -%}
    {{- run_hooks(pre_hooks, inside_transaction=False) if pre_hooks -}}
    {{- run_hooks(pre_hooks, inside_transaction=True) if pre_hooks -}}
    {%- call statement('main') -%}
        {{ drop_former(relation) }}
        {{ get_create_table_as_sql(False, relation, compiled_code) }}
        {{ descriptions(relation) }}
    {%- endcall -%}
    {{- finish_relation(relation) -}}
    {{ return({'relations': [relation]}) }}
{% endmaterialization %}

{% materialization view, adapter='duckdb' %}
    {%- set relation = this.incorporate(type='view') -%}
    {{- run_hooks(pre_hooks, inside_transaction=False) if pre_hooks -}}
    {{- run_hooks(pre_hooks, inside_transaction=True) if pre_hooks -}}
    {%- call statement('main') -%}
        {{ drop_former(relation) }}
        {{ get_create_view_as_sql(relation, compiled_code) }}
        {{ descriptions(relation) }}
    {%- endcall -%}
    {{- finish_relation(relation) -}}
    {{ return({'relations': [relation]}) }}
{% endmaterialization %}

{#
    The statements that make a table: for one with a contract its columns with their types and constraints, then its rows. As
    dbt's own macro says it, which puts it together from ten others, a good part of what dbt does for a table. Overrides that
    macro. Arguments as dbt defines them.
#}
{% macro duckdb__get_create_table_as_sql(temporary, relation, sql) -%}
    {%- if temporary or config.get('sql_header') or not config.get('contract').enforced -%}
        {{ return(create_table_as(temporary, relation, sql)) }}
    {%- endif -%}
    {%- do duckdb__get_assert_columns_equivalent(sql) -%}
    {%- set columns = adapter.render_raw_columns_constraints(raw_columns=model['columns']) -%}
    {%- set constraints = adapter.render_raw_model_constraints(raw_constraints=model['constraints']) -%}
    {%- set names = [] -%}
    {%- for column in model['columns'].values() -%}
        {%- do names.append(adapter.quote(column.name) if column.get('quote') else column.name) -%}
    {%- endfor %}
    create table {{ relation }} (
        {{ (columns + constraints) | join(',\n        ') }}
    );
    insert into {{ relation }} ({{ names | join(', ') }}) (
        select {{ names | join(', ') }}
        from (
            {{ sql }}
        ) as model_subq
    );
{%- endmacro %}

{# The statement that removes what stands under a relation's name, table or view; nothing where nothing does. #}
{% macro drop_former(relation) -%}
    {%- set former = load_cached_relation(relation) -%}
    {%- if former is not none -%}
        drop {{ former.type }} if exists {{ former }};
    {%- endif -%}
{%- endmacro %}

{# What follows once a relation is made: hooks and the commit. Argument: relation. #}
{% macro finish_relation(relation) -%}
    {{- run_hooks(post_hooks, inside_transaction=True) if post_hooks -}}
    {%- do adapter.commit() -%}
    {{- run_hooks(post_hooks, inside_transaction=False) if post_hooks -}}
{%- endmacro %}

{#
    The statements that describe a relation and its columns, where it keeps its descriptions (`persist_docs`): the contract has
    already proven that every column exists. What has no description gets none. Argument: relation, of the model that is built.
#}
{% macro descriptions(relation) -%}
    {%- if config.persist_relation_docs() and model.description -%}
        comment on {{ relation.type }} {{ relation }} is '{{ model.description | replace("'", "''") }}';
    {%- endif -%}
    {%- for column in (model.columns.values() if config.persist_column_docs() else []) if column.description %}
        comment on column {{ relation }}.{{ column.name }} is '{{ column.description | replace("'", "''") }}';
    {%- endfor -%}
{%- endmacro %}

{# For dbt's other materializations. Overrides dbt's macro, which asks for the columns first. Arguments as dbt defines them. #}
{% macro duckdb__persist_docs(relation, model, for_relation, for_columns) -%}
    {%- set comments = descriptions(relation) -%}
    {%- if comments -%}
        {%- call statement('comments') -%}{{ comments }}{%- endcall -%}
    {%- endif -%}
{%- endmacro %}

{#
    Stops a model whose columns are not those of its contract. Asks DuckDB for one side only; where its words differ from the
    contract's, dbt's own check follows, which asks for both and says what differs. Overrides dbt's macro of this name.
    Argument: sql, the model's query.
#}
{% macro duckdb__get_assert_columns_equivalent(sql) -%}
    {%- set words = {'text': 'varchar', 'text[]': 'varchar[]', 'double precision': 'double'} -%}
    {%- set said, made = [], [] -%}
    {%- for column in model['columns'].values() -%}
        {%- set type = (column.data_type or '') | lower | replace(', ', ',') | replace('numeric(', 'decimal(') -%}
        {%- do said.append((column.name | lower, words.get(type, type))) -%}
    {%- endfor -%}
    {%- for column in adapter.get_column_schema_from_query(get_empty_subquery_sql(sql)) if said -%}
        {%- do made.append((column.name | lower, column.dtype | lower)) -%}
    {%- endfor -%}
    {%- if made | sort != said | sort or not said -%}
        {%- do assert_columns_equivalent(sql) -%}
    {%- endif -%}
{%- endmacro %}
