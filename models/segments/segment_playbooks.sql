{{ config(materialized='table') }}
{%- set text, rows = dbt.type_string(), [] -%}
{#- what to do about a segment is no part of a rule's versions: the text of today, of each spec that has one -#}
{%- for node in (segment_nodes() if execute else []) if segment_spec(node).get('playbook') -%}
    {%- set spec = segment_spec(node) -%}
    {%- do rows.append([
        spec.segment_id, spec.name, spec.status, spec.description_plain | trim, spec.playbook.strategy,
        spec.playbook.channels | join(';'), spec.playbook.campaign_ideas | join('\n'), spec.playbook.source
    ]) -%}
{%- endfor %}

{{ literal_rows([
    ['segment_id', text], ['segment_name', text], ['status', text], ['description_plain', text], ['strategy', text],
    ['playbook_channels', text], ['campaign_ideas', text], ['playbook_source', text]
], rows) }}
