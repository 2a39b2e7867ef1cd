-- keys of receivers cannot be traced back, so the lists are counted: members whom the channel's permission covers, none other
with refusing as (
    select
        as_of,
        customer_key
    from {{ ref('consent_state') }}
    where purpose = 'marketing.communications.email'
        and (is_objected or is_restricted or consent_status in ('denied', 'withdrawn', 'revoked_by_controller'))
),

expected as (
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
    left join {{ ref('consent_state') }} as consent_state
        on members.as_of = consent_state.as_of
        and members.customer_key = consent_state.customer_key
        and audiences.purpose = consent_state.purpose
    left join {{ ref('int_soft_opt_ins') }} as soft_opt_ins
        on members.as_of = soft_opt_ins.as_of
        and members.customer_key = soft_opt_ins.customer_key
    where not vendor_states.is_blocked
        and audiences.channel in ('email', 'sms', 'paid_ads')
        and (
            (
                (consent_state.is_granted or consent_state.is_permitted_by_posture)
                and not consent_state.has_opted_out
                and not consent_state.is_objected
                and not consent_state.is_restricted
            )
            or (audiences.channel = 'email' and audiences.is_soft_opt_in_enough and soft_opt_ins.customer_key is not null)
        )
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

union all

-- nobody is a customer to write to who said no
select
    'soft_opt_in on ' || permissions.channel as audience_id,
    cast(null as bigint) as n_expected,
    count(*) as n_listed
from {{ ref('channel_permissions') }} as permissions
left join refusing
    on permissions.as_of = refusing.as_of
    and permissions.customer_key = refusing.customer_key
where permissions.permission_basis = 'soft_opt_in' and (permissions.channel != 'email' or refusing.customer_key is not null)
group by permissions.channel
