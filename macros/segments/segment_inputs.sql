{#
    The features that the rule of a segment reads, sorted: every `features.<column>` of its SQL but the columns that it
    only hands on (as_of, customer_key, what last_activity_at is made of) and the instant that picks its version; what the
    rules of excluded segments read is read by it too.
    Argument: node, the segment model. Returns a list of column names; `as_of` is in it where the rule counts days itself.
#}
{% macro segment_inputs(node) -%}
    {%- set handed_on = modules.re.compile(
        'features[.]as_of ,|features[.]customer_key ,|features[.]\\w+ as last_activity_at'
        ~ '|is_in_interval [(] \\x27features[.]as_of\\x27 ,'
    ) -%}
    {%- set found = [] -%}
    {%- for rule in [node] + applied_nodes(node) -%}
        {%- do found.extend(modules.re.findall('features[.](\\w+)', handed_on.sub('', rule_text(rule)))) -%}
    {%- endfor -%}
    {{ return(found | unique | sort) }}
{%- endmacro %}

{# The columns of customer_features that a rule may read, in their order: its YAML without the keys. #}
{% macro feature_columns() -%}
    {{ return(feature_definitions() | map(attribute='name') | list) }}
{%- endmacro %}

{# The features as their YAML defines them: a list of columns with name, data_type and meta; empty while dbt parses. #}
{% macro feature_definitions() -%}
    {{ return(columns_of_features().values() | rejectattr('name', 'in', ['as_of', 'customer_key']) | list) }}
{%- endmacro %}

{# The columns of customer_features by name, its grain too, as their YAML defines them; none while dbt parses. #}
{% macro columns_of_features() -%}
    {%- for node in project_nodes(['customer_features']) -%}{{ return(node.get('columns', {})) }}{%- endfor -%}
    {{ return({}) }}
{%- endmacro %}

{#
    Fingerprint (MD5 hex) of the SQL that features are made by: all models of the intermediate and marts folders. Macros and
    vars are not in it.
#}
{% macro features_hash() -%}
    {%- set texts = [] -%}
    {%- set nodes = graph.get('nodes', {}) -%}
    {%- for id in nodes if id.startswith('model.') -%}
        {%- set node = nodes[id] -%}
        {%- do texts.append(node.name ~ ': ' ~ node.raw_code) if node.fqn[1] in ('intermediate', 'marts') -%}
    {%- endfor -%}
    {{ return(local_md5(texts | sort | join('\n'))) }}
{%- endmacro %}

{# The purpose that the events behind each feature need: a dict, name of the feature -> purpose. #}
{% macro feature_purposes() -%}
    {%- set found = {} -%}
    {%- for column in feature_definitions() -%}
        {%- if column.get('meta', {}).get('purpose') -%}
            {%- do found.update({column.name: column.meta.purpose}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}
