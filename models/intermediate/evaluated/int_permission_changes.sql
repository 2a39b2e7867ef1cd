with changes as (
    select * from {{ ref('int_membership_changes') }}
    where previous_as_of is not null
),

customers as (
    select
        as_of,
        customer_key,
        not_profiled_reason
    from {{ ref('int_evaluated_customers') }}
),

permissions as (
    select * from {{ ref('int_evaluated_permissions') }}
),

-- what the segment needs, and what the events behind its features need
needs as (
    select
        segment_id,
        effective_from,
        effective_to,
        purpose,
        is_consent_needed,
        min_notice_published_at
    from {{ ref('segment_purposes') }}

    union

    select
        segment_id,
        cast('1900-01-01 00:00:00' as {{ dbt.type_timestamp() }}) as effective_from,
        cast(null as {{ dbt.type_timestamp() }}) as effective_to,
        purpose,
        true as is_consent_needed,
        cast(null as {{ dbt.type_timestamp() }}) as min_notice_published_at
    from {{ ref('segment_inputs') }}
    where purpose is not null
),

-- who left is asked by the version that had admitted them, who entered by the one that admits: a version that accepts other
-- notices is nobody's choice
compared as (
    select
        changes.as_of,
        changes.segment_id,
        changes.customer_key,
        permissions.consent_status,
        coalesce(permissions.is_permitted_by_posture and not coalesce(permissions.is_granted, false), false)
            as is_permitted_unasked,
        {{ is_permitted('needs.is_consent_needed', 'permissions', 'needs.min_notice_published_at') }} as is_permitted,
        {{ is_permitted('needs.is_consent_needed', 'previous', 'needs.min_notice_published_at') }} as was_permitted,
        coalesce(permissions.is_objected, false) or coalesce(permissions.is_restricted, false) as is_objected,
        coalesce(previous.is_objected, false) or coalesce(previous.is_restricted, false) as was_objected
    from changes
    inner join needs
        on changes.segment_id = needs.segment_id
        and {{ is_in_interval(
            "case when changes.change = 'left' then changes.previous_as_of else changes.as_of end",
            'needs.effective_from', 'needs.effective_to'
        ) }}
    left join permissions
        on changes.as_of = permissions.as_of
        and changes.customer_key = permissions.customer_key
        and needs.purpose = permissions.purpose
    left join permissions as previous
        on changes.previous_as_of = previous.as_of
        and changes.customer_key = previous.customer_key
        and needs.purpose = previous.purpose
),

by_purpose as (
    select
        as_of,
        segment_id,
        customer_key,
        max(case when was_permitted and not is_permitted and is_objected then 1 else 0 end) as is_objection,
        -- what the person did not end: it ran out, was void, or a newer notice asks again
        max(case
            when was_permitted and not is_permitted and not is_objected
                and coalesce(consent_status, 'unknown') not in ('withdrawn', 'denied') then 1
            else 0
        end) as is_expired,
        max(case when was_permitted and not is_permitted and not is_objected then 1 else 0 end) as is_lost,
        max(case when not was_permitted and is_permitted and was_objected then 1 else 0 end) as is_objection_lifted,
        max(case when not was_permitted and is_permitted then 1 else 0 end) as is_given,
        max(case when not was_permitted and is_permitted and not is_permitted_unasked then 1 else 0 end) as is_given_by_choice
    from compared
    group by as_of, segment_id, customer_key
)

select
    changes.as_of,
    changes.segment_id,
    changes.customer_key,
    customers.not_profiled_reason,
    previous.not_profiled_reason as previous_not_profiled_reason,
    case
        when changes.change = 'left' then
            case
                when customers.not_profiled_reason in ('objection', 'restriction') or by_purpose.is_objection = 1 then 'objection'
                when by_purpose.is_lost = 1 and by_purpose.is_expired = 0 then 'consent_withdrawn'
                when by_purpose.is_lost = 1 then 'consent_expired'
            end
        when previous.not_profiled_reason in ('objection', 'restriction') or by_purpose.is_objection_lifted = 1 then 'objection'
        -- whom nobody had to ask was given nothing when we came to know them
        when by_purpose.is_given_by_choice = 1 or (by_purpose.is_given = 1 and previous.customer_key is not null)
            then 'consent_granted'
    end as permission_reason
from changes
inner join by_purpose
    on changes.as_of = by_purpose.as_of
    and changes.segment_id = by_purpose.segment_id
    and changes.customer_key = by_purpose.customer_key
left join customers
    on changes.as_of = customers.as_of
    and changes.customer_key = customers.customer_key
left join customers as previous
    on changes.previous_as_of = previous.as_of
    and changes.customer_key = previous.customer_key
