{%- set rows = [] -%}
{%- for pseudonym in (pseudonyms() if execute else []) -%}
    {%- set found = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type in ('model', 'snapshot') and pseudonym[0] in node.columns -%}
        {%- if node.config.database != 'restricted' -%}
            {%- do found.append(node.name) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do rows.append(pseudonym + [found | length]) -%}
{%- endfor -%}
with pseudonyms as (
    {{ literal_rows([
        ['column_name', dbt.type_string()], ['stands_for', dbt.type_string()], ['is_same_within', dbt.type_string()],
        ['ended_by', dbt.type_string()], ['resolved_by', dbt.type_string()], ['n_relations', 'integer']
    ], rows) }}
)

select
    column_name,
    stands_for,
    is_same_within,
    ended_by,
    resolved_by,
    n_relations
from pseudonyms
