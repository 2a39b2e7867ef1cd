{{ config(materialized='table') }}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

consent_events as (
    select * from {{ ref('int_consent_events') }}
),

states as (
    select * from {{ ref('int_consent_states') }}
    where is_granted and not is_restricted
),

-- whether an event was permitted when it happened goes by the effective time alone, as known at known_at
choices as (
    select
        states.as_of,
        clock.known_at,
        states.identifier_type,
        states.identifier,
        states.purpose,
        consent_events.effective_at,
        -- at one instant the restrictive choice decides
        min(case when consent_events.is_permissive then 1 else 0 end) as is_permissive
    from states
    inner join clock on states.as_of = clock.as_of
    inner join consent_events
        on states.identifier_type = consent_events.identifier_type
        and states.identifier = consent_events.identifier
        and {{ is_in_interval('clock.known_at', 'consent_events.recorded_at', 'consent_events.superseded_at') }}
    where consent_events.track = 'consent'
        and (
            consent_events.purpose = '*'
            or {{ is_same_or_below('states.purpose', 'consent_events.purpose') }}
        )
    group by
        states.as_of, clock.known_at, states.identifier_type, states.identifier, states.purpose, consent_events.effective_at
),

periods as (
    select
        *,
        lead(effective_at) over (
            partition by as_of, identifier_type, identifier, purpose order by effective_at
        ) as next_effective_at
    from choices
)

select
    as_of,
    known_at,
    identifier_type,
    identifier,
    purpose,
    effective_at as permitted_from,
    next_effective_at as permitted_to
from periods
where is_permissive = 1
