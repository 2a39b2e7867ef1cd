-- On which lawful basis does a segment stand, and where is the balancing test?
-- One row per version: basis, purposes, balancing test (lia_ref) and impact assessment (dpia_ref), retention and its next
-- review, since when, and who approved it. is_evidence_missing: legitimate interests without a balancing test.
-- Without a segment: all of them.
with asked as (
    select
        cast(null as {{ dbt.type_string() }}) as segment_id
),

registry as (
    select * from {{ ref('segment_registry') }}
)

select
    registry.segment_id,
    registry.spec_version,
    registry.effective_from,
    registry.effective_to,
    registry.lawful_basis,
    registry.lia_ref,
    registry.dpia_ref,
    registry.lawful_basis = 'legitimate_interests' and registry.lia_ref is null as is_evidence_missing,
    registry.purpose,
    registry.consent_purposes,
    registry.min_notice_version,
    registry.eprivacy_basis,
    registry.privacy_impact,
    registry.retention_text,
    registry.next_review_on,
    registry.owner,
    registry.approver
from asked
inner join registry on registry.segment_id = coalesce(asked.segment_id, registry.segment_id)
order by registry.segment_id asc, registry.spec_version desc
