with states as (
    select * from {{ ref('int_consent_states') }}
),

customer_keys as (
    select * from {{ ref('customer_keys') }}
),

record_keys as (
    select secret from {{ vault_keys() }}
    where key_name = 'record_key'
)

select
    states.as_of,
    customer_keys.customer_key,
    states.purpose,
    states.resolved_jurisdiction,
    states.regime,
    states.posture,
    states.consent_status,
    states.is_granted,
    states.is_permitted_by_posture,
    states.has_opted_out,
    states.is_objected,
    states.is_restricted,
    states.consent_version,
    states.notice_published_at,
    case when states.consent_event_id is not null
        then {{ record_key('consent', 'states.consent_event_id', 'record_keys.secret') }}
    end as consent_event_key,
    states.consent_effective_at
from states
cross join record_keys
inner join customer_keys
    on states.identifier_type = customer_keys.identifier_type
    and states.identifier = customer_keys.identifier
