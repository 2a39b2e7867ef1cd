{#
    A test of many grains in one statement: dbt spends more time on a test than the database does. The grain of a relation
    stands once, in its `config.meta.grain`. Argument: names, a list of models, snapshots or seeds; the test then waits for all
    of them, and what depends on all of them waits for the test. Returns a query without rows.
    Errors: the first relation whose grain does not hold, with the columns and how many keys stand in more than one row.
#}
{% macro broken_grains(names) -%}
    {%- set nodes = {} -%}
    {%- for node in project_nodes(names) -%}
        {%- do nodes.update({node.name: node}) -%}
    {%- endfor -%}
with repeated as (
    {%- for name in names %}
    {%- set relation = ref(name) %}
    {%- set columns = nodes[name].config.meta.grain | join(', ') if name in nodes else 'key' %}
    select '{{ name }} ({{ columns }})' as grain, count(*) as n_keys
    from (select {{ columns }} from {{ relation }} group by {{ columns }} having count(*) > 1) as keys
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select grain, n_keys
from repeated
where n_keys > 0
    and {{ raise_if(
        'n_keys > 0',
        "'The grain of ' || grain || ' does not hold: ' || cast(n_keys as " ~ dbt.type_string() ~ ") || ' keys stand in more than one row.'"
    ) }}
{%- endmacro %}
