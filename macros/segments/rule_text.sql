{# The rule of a segment model as its lock sees it: SQL without comments, white space collapsed. Argument: node. #}
{% macro rule_text(node) -%}
    {%- set without_jinja_comments = modules.re.sub('(?s)[{]#.*?#[}]', '', node.raw_code) -%}
    {%- set without_comments = modules.re.sub('--[^\n]*', '', without_jinja_comments) -%}
    {{ return(modules.re.sub('\\s+', ' ', without_comments) | trim) }}
{%- endmacro %}

{# What the lock of one spec version holds: its parameters and its rule, as one text. Arguments: node, version. #}
{% macro locked_text(node, version) -%}
    {{ return(tojson(version.parameters, sort_keys=true) ~ '|' ~ version.effective_from ~ '|' ~ rule_text(node)) }}
{%- endmacro %}

{# A text as a quoted SQL literal. #}
{% macro text_literal(text) -%}
    {%- if text is none or text is undefined -%}cast(null as {{ dbt.type_string() }})
    {%- else -%}'{{ text | string | replace("'", "''") }}'
    {%- endif -%}
{%- endmacro %}
