{{ config(materialized='view') }}

with clock as (
    select * from {{ ref('evaluation_clock') }}
    where previous_as_of is not null
),

consents as (
    select
        clock.as_of,
        consent_events.identifier_type,
        consent_events.identifier,
        consent_events.is_permissive,
        consent_events.consent_event_id,
        consent_events.effective_at
    from clock
    inner join {{ ref('int_consent_events') }} as consent_events
        on clock.previous_as_of >= consent_events.effective_at
        and clock.previous_known_at < consent_events.recorded_at
        and clock.known_at >= consent_events.recorded_at
    where consent_events.track != 'none'

    union all

    -- a later version that names somebody else, another day or purpose takes the choice from whoever it had been of: a grant
    -- that was none is like a restriction, and the other way round. From whom the later version does not name it takes no
    -- restriction (int_consents_repeated)
    select
        clock.as_of,
        former.identifier_type,
        former.identifier,
        not former.is_permissive as is_permissive,
        former.consent_event_id,
        former.effective_at
    from clock
    inner join {{ ref('int_consent_events') }} as former
        on clock.previous_as_of >= least(former.effective_at, former.acts_at)
        and {{ is_in_interval('clock.previous_known_at', 'former.recorded_at', 'former.superseded_at') }}
        and clock.known_at >= former.superseded_at
    left join {{ ref('int_consent_events') }} as later
        on former.consent_event_id = later.consent_event_id
        and former.identifier_type = later.identifier_type
        and former.identifier = later.identifier
        and former.purpose = later.purpose
        and former.track = later.track
        and former.is_permissive = later.is_permissive
        and coalesce(former.consent_version, '') = coalesce(later.consent_version, '')
        and former.effective_at >= later.effective_at
        and {{ is_in_interval('clock.known_at', 'later.recorded_at', 'later.superseded_at') }}
    where former.track != 'none' and later.consent_event_id is null
)

select
    as_of,
    identifier_type,
    identifier,
    case when is_permissive then 'late_grant' else 'late_restriction' end as fact,
    count(distinct consent_event_id) as n_facts,
    min(effective_at) as first_occurred_at
from consents
group by as_of, identifier_type, identifier, is_permissive
