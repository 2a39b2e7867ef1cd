with audiences as (
    select * from {{ ref('audiences') }}
    where status = 'active'
),

members as (
    select * from {{ ref('segment_members') }}
),

consent_state as (
    select * from {{ ref('consent_state') }}
),

soft_opt_ins as (
    select * from {{ ref('channel_permissions') }}
    where permission_basis = 'soft_opt_in'
),

keys as (
    select * from {{ vault_keys() }}
    where key_name = 'record_key'
),

-- membership is not permission to contact: the channel's own permission is asked too
permitted as (
    select
        audiences.as_of,
        audiences.audience_id,
        audiences.key_domain,
        audiences.key_epoch,
        members.customer_key
    from audiences
    inner join members
        on audiences.as_of = members.as_of
        and audiences.segment_id = members.segment_id
    left join consent_state
        on members.as_of = consent_state.as_of
        and members.customer_key = consent_state.customer_key
        and audiences.purpose = consent_state.purpose
    left join soft_opt_ins
        on members.as_of = soft_opt_ins.as_of
        and members.customer_key = soft_opt_ins.customer_key
        and audiences.channel = soft_opt_ins.channel
    where {{ is_permitted('audiences.is_consent_needed', 'consent_state') }}
        or (audiences.is_soft_opt_in_enough and soft_opt_ins.customer_key is not null)
)

select
    permitted.as_of,
    permitted.audience_id,
    {{ export_key('permitted.customer_key', 'permitted.key_domain', 'permitted.key_epoch') }} as member_key
from permitted
cross join keys
