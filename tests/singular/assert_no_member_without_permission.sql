with requirements as (
    select
        members.as_of,
        members.segment_id,
        members.customer_key,
        segment_purposes.purpose,
        segment_purposes.min_notice_published_at,
        registry.lawful_basis
    from {{ ref('segment_members') }} as members
    inner join {{ ref('segment_purposes') }} as segment_purposes
        on members.segment_id = segment_purposes.segment_id
        and members.spec_version = segment_purposes.spec_version
    inner join {{ ref('segment_registry') }} as registry
        on members.segment_id = registry.segment_id
        and members.spec_version = registry.spec_version
)

select requirements.*
from requirements
left join {{ ref('consent_state') }} as consent_state
    on requirements.as_of = consent_state.as_of
    and requirements.customer_key = consent_state.customer_key
    and requirements.purpose = consent_state.purpose
left join {{ ref('customers') }} as customers
    on requirements.as_of = customers.as_of
    and requirements.customer_key = customers.customer_key
where consent_state.is_objected
    or consent_state.is_restricted
    or consent_state.has_opted_out
    or (
        requirements.lawful_basis = 'consent'
        and consent_state.is_granted is distinct from true
        and (consent_state.posture = 'opt_in' or consent_state.is_permitted_by_posture is distinct from true)
    )
    or (
        requirements.lawful_basis = 'consent'
        and consent_state.is_permitted_by_posture is distinct from true
        and requirements.min_notice_published_at <= requirements.as_of
        and coalesce(consent_state.notice_published_at < requirements.min_notice_published_at, true)
    )
    or customers.customer_key is null
    or customers.not_profiled_reason is not null
