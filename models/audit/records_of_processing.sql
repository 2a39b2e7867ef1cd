{%- set text, rows = dbt.type_string(), [] -%}
{%- for node in (segment_nodes() if execute else []) -%}
    {%- set spec, receivers, places = segment_spec(node), [], [] -%}
    {%- for vendor_id in vendors_of(spec) -%}
        {%- set vendor = vendor_manifest(vendor_id) -%}
        {%- do receivers.append(vendor.label ~ ' (' ~ vendor.role ~ ')') -%}
        {%- do places.extend(vendor_countries(vendor)) -%}
    {%- endfor -%}
    {%- set downstream = spec.downstream_uses | map(attribute='purpose') | list -%}
    {%- set purposes = [spec.purpose] + spec.get('consent_purposes', []) + downstream -%}
    {%- set inputs = spec.data_inputs -%}
    {%- do rows.append([
        spec.segment_id, spec.name, spec.status, var('controller_name'), var('controller_contact'), var('dpo_contact'),
        spec.owner, purposes | unique | join(';'), spec.lawful_basis, spec.get('lia_ref'), spec.get('dpia_ref'),
        spec.privacy_impact, spec.data_subjects | join(';'), inputs | map(attribute='data_category') | unique | sort | join(';'),
        spec.special_category, inputs | map(attribute='source_system') | unique | sort | join(';'), receivers | join(';'),
        places | unique | sort | join(';'), spec.cross_border.countries | join(';'), spec.cross_border.transfer_basis,
        spec.retention.plain_text, spec.retention.duration[1:-1] if spec.retention.get('duration') else none,
        spec.backup_retention[1:-1], security_measures()
    ]) -%}
{%- endfor %}

with activities as (
    {{ literal_rows([
        ['segment_id', text], ['segment_name', text], ['status', text], ['controller_name', text], ['controller_contact', text],
        ['dpo_contact', text], ['owner', text], ['processing_purposes', text], ['lawful_basis', text], ['lia_ref', text],
        ['dpia_ref', text],
        ['privacy_impact', text], ['data_subjects', text], ['data_categories', text], ['is_special_category', 'boolean'],
        ['source_systems', text], ['recipients', text], ['countries', text], ['third_countries', text], ['transfer_basis', text],
        ['retention_text', text], ['retention_days', 'integer'], ['backup_retention_days', 'integer'], ['security_measures', text]
    ], rows) }}
)

select
    segment_id,
    segment_name,
    status,
    controller_name,
    controller_contact,
    dpo_contact,
    owner,
    processing_purposes,
    lawful_basis,
    lia_ref,
    dpia_ref,
    privacy_impact,
    data_subjects,
    data_categories,
    is_special_category,
    source_systems,
    recipients,
    countries,
    third_countries,
    transfer_basis,
    retention_text,
    retention_days,
    backup_retention_days,
    security_measures
from activities
