{% snapshot segment_specs %}

{{ config(
    unique_key=['segment_id', 'spec_version'],
    strategy='check',
    check_cols=['content_hash'],
    updated_at='as_of',
    hard_deletes='invalidate',
    pre_hook=["{{ rewind_as_of('rows') }}", "{{ rewind_as_of('ends') }}"],
    full_refresh=false
) }}
{%- set content = [
    'segment_id', 'spec_version', 'status', 'effective_from', 'effective_to', 'rule_hash', 'spec_json', 'rule_sql'
] %}

-- depends_on: {{ ref('run_started') }}
with clock as (
    select * from {{ ref('evaluation_clock') }}
),

registry as (
    select * from {{ ref('segment_registry') }}
)

select
    clock.as_of,
    registry.segment_id,
    registry.spec_version,
    registry.segment_name,
    registry.description_plain,
    registry.status,
    registry.priority,
    registry.lawful_basis,
    registry.lia_ref,
    registry.consent_purposes,
    registry.min_notice_version,
    registry.purpose,
    registry.eprivacy_basis,
    registry.privacy_impact,
    registry.dpia_ref,
    registry.data_sources,
    registry.retention_trigger,
    registry.retention_days,
    registry.retention_text,
    registry.next_review_on,
    registry.vendors,
    registry.opt_out_url,
    registry.owner,
    registry.data_steward,
    registry.author,
    registry.requested_by,
    registry.approver,
    registry.change_reason,
    registry.change_ref,
    registry.effective_from,
    registry.effective_to,
    registry.parameters,
    registry.stability,
    registry.spec_json,
    registry.rule_sql,
    registry.rule_hash,
    {{ sha256_hex(canonical_row(content, 'registry')) }} as content_hash
from registry
cross join clock

{% endsnapshot %}
