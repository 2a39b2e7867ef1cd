{#
    The spec of a segment model: what its YAML says under `config.meta.segment`, over what all segments share
    (`+meta: segment_defaults` in dbt_project.yml). Argument: node, a model of the graph. Returns a dict.
#}
{% macro segment_spec(node) -%}
    {%- set meta = node.config.meta -%}
    {%- set spec = {} -%}
    {%- do spec.update(meta.get('segment_defaults', {})) -%}
    {%- do spec.update(meta.get('segment', {})) -%}
    {{ return(spec) }}
{%- endmacro %}

{#
    The segment models of the project, in the order of their names. Returns a list of graph nodes. One search in all ids at once,
    because to ask each of 800 took ten times as long.
#}
{% macro segment_nodes() -%}
    {%- set found = [] -%}
    {%- for id in modules.re.findall('(?m)^model[.]' ~ project_name ~ '[.]seg_.*', '\n'.join(graph.nodes)) -%}
        {%- do found.append(graph.nodes[id]) -%}
    {%- endfor -%}
    {{ return(found | sort(attribute='name')) }}
{%- endmacro %}

{#
    Models, snapshots and seeds of the project by their names, in that order; empty while dbt parses. By key: walking over all
    nodes turns each of them into a dict, which took a second of every build. Argument: names, a list.
#}
{% macro project_nodes(names) -%}
    {%- set nodes, found = graph.get('nodes', {}), [] -%}
    {%- for name in names -%}
        {%- for kind in ('model', 'snapshot', 'seed') if kind ~ '.' ~ project_name ~ '.' ~ name in nodes -%}
            {%- do found.append(nodes[kind ~ '.' ~ project_name ~ '.' ~ name]) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}
