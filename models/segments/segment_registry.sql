{{ config(materialized='table') }}

{%- set rows = [] -%}
{%- if execute -%}
    {%- for node in segment_nodes() -%}
        {%- set spec = segment_spec(node) -%}
        {%- set versions = spec.versions | sort(attribute='effective_from') -%}
        {%- for version in versions -%}
            {%- do rows.append({
                'node': node, 'spec': spec, 'version': version,
                'effective_to': versions[loop.index].effective_from if not loop.last else none
            }) -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endif -%}

with specs as (
    {%- for row in rows %}
    {%- set spec, version = row.spec, row.version %}
    select
        {{ text_literal(spec.segment_id) }} as segment_id,
        {{ version.number }} as spec_version,
        {{ text_literal(spec.name) }} as segment_name,
        {{ text_literal(spec.description_plain | trim) }} as description_plain,
        {{ text_literal(spec.status) }} as status,
        {{ spec.priority }} as priority,
        {{ text_literal(spec.lawful_basis) }} as lawful_basis,
        {{ text_literal(spec.get('lia_ref')) }} as lia_ref,
        {{ text_literal(spec.get('consent_purposes', []) | join(';')) }} as consent_purposes,
        {{ text_literal(version.get('min_notice_version')) }} as min_notice_version,
        {{ text_literal(spec.purpose) }} as purpose,
        {{ text_literal(spec.get('eprivacy_basis')) }} as eprivacy_basis,
        {{ text_literal(spec.privacy_impact) }} as privacy_impact,
        {{ text_literal(spec.get('dpia_ref')) }} as dpia_ref,
        {{ text_literal(spec.data_inputs | map(attribute='dataset') | unique | sort | join(';')) }} as data_sources,
        {{ text_literal(spec.retention.trigger) }} as retention_trigger,
        {{ spec.retention.duration[1:-1] if spec.retention.get('duration') else 'cast(null as integer)' }} as retention_days,
        {{ text_literal(spec.retention.plain_text) }} as retention_text,
        {{ text_literal(spec.retention.get('next_review_on')) }} as next_review_on,
        {{ text_literal(spec.vendors | map(attribute='vendor_id') | sort | join(';')) }} as vendors,
        {{ text_literal(spec.opt_out_path.url) }} as opt_out_url,
        {{ text_literal(spec.owner) }} as owner,
        {{ text_literal(spec.data_steward) }} as data_steward,
        {{ text_literal(version.author) }} as author,
        {{ text_literal(version.requested_by) }} as requested_by,
        {{ text_literal(version.approver) }} as approver,
        {{ text_literal(version.reason) }} as change_reason,
        {{ text_literal(version.get('change_ref')) }} as change_ref,
        cast('{{ version.effective_from }}' as {{ dbt.type_timestamp() }}) as effective_from,
        cast({{ text_literal(row.effective_to) }} as {{ dbt.type_timestamp() }}) as effective_to,
        {{ text_literal(tojson(version.parameters, sort_keys=true)) }} as parameters,
        {{ version.get('stability') or 'cast(null as integer)' }} as stability,
        {{ text_literal(tojson(spec, sort_keys=true)) }} as spec_json,
        {{ text_literal(row.node.raw_code) }} as rule_sql,
        {{ text_literal(locked_text(row.node, version)) }} as locked_text
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    segment_id,
    spec_version,
    segment_name,
    description_plain,
    status,
    priority,
    lawful_basis,
    lia_ref,
    consent_purposes,
    min_notice_version,
    purpose,
    eprivacy_basis,
    privacy_impact,
    dpia_ref,
    data_sources,
    retention_trigger,
    retention_days,
    retention_text,
    cast(next_review_on as date) as next_review_on,
    vendors,
    opt_out_url,
    owner,
    data_steward,
    author,
    requested_by,
    approver,
    change_reason,
    change_ref,
    effective_from,
    effective_to,
    parameters,
    stability,
    spec_json,
    rule_sql,
    {{ sha256_hex('locked_text') }} as rule_hash
from specs
