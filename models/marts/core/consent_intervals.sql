with intervals as (
    select * from {{ ref('int_consent_intervals') }}
),

customer_keys as (
    select * from {{ ref('customer_keys') }}
),

record_keys as (
    select secret from {{ vault_keys() }}
    where key_name = 'record_key'
)

select
    intervals.as_of,
    customer_keys.customer_key,
    intervals.purpose,
    intervals.valid_from,
    intervals.valid_to,
    intervals.resolved_jurisdiction,
    intervals.posture,
    intervals.consent_status,
    intervals.is_granted,
    intervals.is_permitted_by_posture,
    intervals.has_opted_out,
    intervals.is_objected,
    intervals.is_restricted,
    case when intervals.consent_event_id is not null
        then {{ record_key('consent', 'intervals.consent_event_id', 'record_keys.secret') }}
    end as consent_event_key
from intervals
cross join record_keys
inner join customer_keys
    on intervals.identifier_type = customer_keys.identifier_type
    and intervals.identifier = customer_keys.identifier
