-- keys of receivers cannot be traced back, so the lists are counted: members whom the channel's permission covers, none other
with expected as (
    select
        audiences.as_of,
        audiences.audience_id,
        count(*) as n_expected
    from {{ ref('audiences') }} as audiences
    inner join {{ ref('vendor_states') }} as vendor_states
        on audiences.as_of = vendor_states.as_of
        and audiences.vendor_id = vendor_states.vendor_id
    inner join {{ ref('segment_members') }} as members
        on audiences.as_of = members.as_of
        and audiences.segment_id = members.segment_id
    inner join {{ ref('consent_state') }} as consent_state
        on members.as_of = consent_state.as_of
        and members.customer_key = consent_state.customer_key
        and audiences.purpose = consent_state.purpose
    where not vendor_states.is_blocked
        and audiences.channel in ('email', 'sms', 'paid_ads')
        and (consent_state.is_granted or consent_state.is_permitted_by_posture)
        and not consent_state.has_opted_out
        and not consent_state.is_objected
        and not consent_state.is_restricted
    group by audiences.as_of, audiences.audience_id
),

listed as (
    select
        memberships.as_of,
        memberships.audience_id,
        count(*) as n_listed
    from {{ ref('audience_memberships') }} as memberships
    inner join {{ ref('audiences') }} as audiences
        on memberships.as_of = audiences.as_of
        and memberships.audience_id = audiences.audience_id
    where audiences.channel in ('email', 'sms', 'paid_ads') and audiences.vendor_id is not null
    group by memberships.as_of, memberships.audience_id
)

select
    coalesce(expected.audience_id, listed.audience_id) as audience_id,
    expected.n_expected,
    listed.n_listed
from expected
full join listed
    on expected.as_of = listed.as_of
    and expected.audience_id = listed.audience_id
where expected.n_expected is distinct from listed.n_listed
