{%- set columns = [
    'resolved_jurisdiction', 'regime', 'posture', 'consent_status', 'is_granted', 'is_permitted_by_posture', 'has_opted_out',
    'is_objected', 'is_restricted', 'consent_version', 'notice_published_at', 'consent_event_id', 'consent_effective_at'
] %}

with states as (
    select * from {{ ref('int_consent_states') }}
),

customer_keys as (
    select * from {{ ref('customer_keys') }}
),

linked_persons as (
    select * from {{ ref('int_linked_persons') }}
),

record_keys as (
    select secret from {{ vault_keys() }}
    where key_name = 'record_key'
),

-- what each identifier of a person with several of them says; the weakest is the evidence
linked_states as (
    select
        linked_persons.person_key,
        linked_persons.identifier_count,
        states.*,
        count(*) over identifiers_of_person as known_count,
        min(case when states.is_granted then 1 else 0 end) over identifiers_of_person as least_granted,
        min(case when states.is_granted or states.is_permitted_by_posture then 1 else 0 end) over identifiers_of_person
            as least_permitted,
        max(case when states.has_opted_out then 1 else 0 end) over identifiers_of_person as most_opted_out,
        max(case when states.is_objected then 1 else 0 end) over identifiers_of_person as most_objected,
        max(case when states.is_restricted then 1 else 0 end) over identifiers_of_person as most_restricted,
        row_number() over (
            partition by states.as_of, linked_persons.person_key, states.purpose
            order by
                case when states.is_granted or states.is_permitted_by_posture then 1 else 0 end,
                case when states.is_granted then 1 else 0 end, case when states.notice_published_at is null then 0 else 1 end,
                states.notice_published_at, states.consent_effective_at, linked_persons.customer_key
        ) as weakness
    from states
    inner join linked_persons
        on states.as_of = linked_persons.as_of
        and states.identifier_type = linked_persons.identifier_type
        and states.identifier = linked_persons.identifier
    -- of an identifier that only links name there is nothing to permit
    where linked_persons.is_held
    window identifiers_of_person as (partition by states.as_of, linked_persons.person_key, states.purpose)
),

-- a merge never widens permission: every identifier must permit, and one that never chose does not
merged as (
    select
        *,
        known_count = identifier_count as is_known
    from linked_states
    where weakness = 1
),

persons as (
    select
        states.as_of,
        customer_keys.customer_key,
        states.purpose,
        states.{{ columns | join(',\n        states.') }}
    from states
    inner join customer_keys
        on states.identifier_type = customer_keys.identifier_type
        and states.identifier = customer_keys.identifier
    left join linked_persons
        on states.as_of = linked_persons.as_of
        and customer_keys.customer_key = linked_persons.customer_key
    where linked_persons.customer_key is null

    union all

    select
        as_of,
        person_key as customer_key,
        purpose,
        resolved_jurisdiction,
        regime,
        posture,
        case when is_known then consent_status else 'unknown' end as consent_status,
        is_known and least_granted = 1 as is_granted,
        is_known and least_permitted = 1 and least_granted = 0 as is_permitted_by_posture,
        most_opted_out = 1 as has_opted_out,
        most_objected = 1 as is_objected,
        most_restricted = 1 as is_restricted,
        case when is_known then consent_version end as consent_version,
        case when is_known then notice_published_at end as notice_published_at,
        case when is_known then consent_event_id end as consent_event_id,
        case when is_known then consent_effective_at end as consent_effective_at
    from merged
)

select
    persons.as_of,
    persons.customer_key,
    persons.purpose,
    persons.resolved_jurisdiction,
    persons.regime,
    persons.posture,
    persons.consent_status,
    persons.is_granted,
    persons.is_permitted_by_posture,
    persons.has_opted_out,
    persons.is_objected,
    persons.is_restricted,
    persons.consent_version,
    persons.notice_published_at,
    case when persons.consent_event_id is not null
        then {{ record_key('consent', 'persons.consent_event_id', 'record_keys.secret') }}
    end as consent_event_key,
    persons.consent_effective_at
from persons
cross join record_keys
