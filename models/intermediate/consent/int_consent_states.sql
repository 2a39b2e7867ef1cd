{{ config(materialized='table', tags=['clocked']) }}

with choices as (
    select * from {{ ref('int_consent_choices') }}
),

purposes as (
    select * from {{ ref('purposes') }}
    where is_evaluated
),

-- the law that a person is under at as_of
jurisdictions as (
    select
        *,
        coalesce(silence_permits_from <= as_of, false) as does_silence_permit
    from {{ ref('int_jurisdictions') }}
    where {{ is_in_interval('as_of', 'valid_from', 'valid_to') }}
),

-- who chose something, and whom the law lets us consider unasked
known as (
    select
        as_of,
        identifier_type,
        identifier,
        purpose
    from choices

    union

    select
        jurisdictions.as_of,
        jurisdictions.identifier_type,
        jurisdictions.identifier,
        purposes.purpose
    from jurisdictions
    inner join purposes on purposes.follows_posture
    where jurisdictions.does_silence_permit
),

placed as (
    select
        known.*,
        choices.consent_status,
        choices.is_granted,
        choices.is_refused,
        choices.is_objected,
        choices.is_restricted,
        choices.consent_version,
        choices.notice_published_at,
        choices.consent_event_id,
        choices.consent_effective_at,
        choices.signal_event_id,
        choices.last_signal_at,
        coalesce(jurisdictions.resolved_jurisdiction, 'unresolved') as resolved_jurisdiction,
        coalesce(jurisdictions.regime, 'unresolved') as regime,
        coalesce(jurisdictions.posture, 'opt_in') as posture,
        purposes.obeys_signal,
        purposes.follows_posture and coalesce(jurisdictions.does_silence_permit, false) as does_silence_permit,
        {{ is_signalled('jurisdictions.posture', 'choices') }} as is_signalled
    from known
    inner join purposes on known.purpose = purposes.purpose
    left join choices
        on known.as_of = choices.as_of
        and known.identifier_type = choices.identifier_type
        and known.identifier = choices.identifier
        and known.purpose = choices.purpose
    left join jurisdictions
        on known.as_of = jurisdictions.as_of
        and known.identifier_type = jurisdictions.identifier_type
        and known.identifier = jurisdictions.identifier
)

select
    as_of,
    identifier_type,
    identifier,
    purpose,
    resolved_jurisdiction,
    regime,
    posture,
    {{ consent_state_columns() }},
    case when not is_signalled then consent_version end as consent_version,
    case when not is_signalled then notice_published_at end as notice_published_at,
    case when is_signalled then last_signal_at else consent_effective_at end as consent_effective_at
from placed
