{{ config(materialized='table') }}
{%- set text, rows = dbt.type_string(), [] -%}
{%- set bases = {'consent': 'your consent', 'legitimate_interests': 'our legitimate interest, to which you may object'} -%}
{%- for node in (segment_nodes() if execute else []) if segment_spec(node).status == 'active' -%}
    {%- set spec, receivers = segment_spec(node), [] -%}
    {%- for vendor_id in vendors_of(spec) -%}
        {%- do receivers.append(vendor_manifest(vendor_id).label) -%}
    {%- endfor -%}
    {%- set channels = spec.downstream_uses | map(attribute='channel') | list -%}
    {#- audiences ask for the consent of the channel whatever the segment rests on; soft opt-in alone goes without, by e-mail -#}
    {%- set messages = '' -%}
    {%- if 'email' in channels or 'sms' in channels -%}
        {%- set messages = 'only with your consent' -%}
        {%- if spec.get('eprivacy_basis') == 'soft_opt_in' -%}
            {%- set messages = 'with your consent; e-mails also where the law allows them to our customers, until you object' -%}
        {%- endif -%}
    {%- endif -%}
    {%- do rows.append([
        spec.segment_id, spec.name, spec.description_plain | trim, spec.lawful_basis,
        bases.get(spec.lawful_basis, spec.lawful_basis | replace('_', ' ')), spec.purpose,
        spec.get('consent_purposes', []) | join(';'),
        spec.data_inputs | map(attribute='data_category') | unique | sort | join(';'),
        receivers | join(';'), spec.retention.plain_text, spec.opt_out_path.url, spec.opt_out_path.channels | join(';'),
        spec.privacy_notice_ref, messages
    ]) -%}
{%- endfor %}

with specs as (
    {{ literal_rows([
        ['segment_id', text], ['segment_name', text], ['description_plain', text], ['lawful_basis', text], ['basis_text', text],
        ['purpose', text], ['consent_purposes', text], ['data_categories', text], ['recipients', text], ['retention_text', text],
        ['opt_out_url', text], ['opt_out_channels', text], ['privacy_notice_ref', text],
        ['messages_text', text]
    ], rows) }}
),

purposes as (
    select * from {{ ref('purposes') }}
)

select
    specs.segment_id,
    specs.segment_name,
    specs.description_plain,
    specs.lawful_basis,
    specs.basis_text,
    specs.messages_text,
    specs.purpose,
    purposes.name as purpose_name,
    purposes.description as purpose_text,
    specs.consent_purposes,
    specs.data_categories,
    specs.recipients,
    specs.retention_text,
    specs.opt_out_url,
    specs.opt_out_channels,
    specs.privacy_notice_ref
from specs
left join purposes on specs.purpose = purposes.purpose
