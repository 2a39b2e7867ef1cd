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

{# The segment models of the project, in the order of their names. Returns a list of graph nodes. #}
{% macro segment_nodes() -%}
    {%- set found = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.name.startswith('seg_') -%}
        {%- do found.append(node) -%}
    {%- endfor -%}
    {{ return(found | sort(attribute='name')) }}
{%- endmacro %}
