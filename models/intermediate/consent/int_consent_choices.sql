{{ config(materialized='table', tags=['clocked']) }}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

consent_events as (
    {{ choices_of_persons(['is_refusal']) }}
),

purposes as (
    select * from {{ ref('purposes') }}
),

notice_gaps as (
    select * from {{ ref('int_notice_gaps') }}
),

-- what was known at known_at; an event not yet acting says nothing
visible as (
    select
        clock.as_of,
        consent_events.identifier_type,
        consent_events.identifier,
        purposes.purpose,
        consent_events.consent_event_id,
        consent_events.track,
        consent_events.status,
        consent_events.is_permissive,
        consent_events.is_refusal,
        consent_events.consent_version,
        case when consent_events.notice_published_at <= clock.known_at then consent_events.notice_published_at end
            as notice_published_at,
        consent_events.effective_at,
        consent_events.is_permissive and consent_events.track = 'consent' as is_grant,
        -- it names what a signal governs, not something wider
        coalesce(named.obeys_signal, false) as is_specific,
        {{ plus_seconds('consent_events.effective_at', 'purposes.consent_valid_days * 86400') }} as expires_at,
        notice_gaps.uncovered_from
    from consent_events
    inner join clock
        on {{ is_in_interval('clock.known_at', 'consent_events.recorded_at', 'consent_events.superseded_at') }}
        and consent_events.acts_at <= clock.as_of
        and clock.as_of >= consent_events.seen_from
        and clock.as_of <= consent_events.seen_to
    inner join purposes
        on (consent_events.purpose = '*' or {{ is_same_or_below('purposes.purpose', 'consent_events.purpose') }})
        and purposes.is_evaluated
    left join purposes as named on consent_events.purpose = named.purpose
    left join notice_gaps
        on clock.as_of = notice_gaps.as_of
        and consent_events.consent_version = notice_gaps.consent_version
        and purposes.purpose = notice_gaps.purpose
),

-- a grant says nothing on what its notice did not ask, and ends when that is asked anew or its time is over
held as (
    select
        as_of,
        identifier_type,
        identifier,
        purpose,
        consent_event_id,
        track,
        consent_version,
        notice_published_at,
        effective_at,
        is_refusal,
        is_grant and is_specific as is_specific_grant,
        case
            when is_grant and uncovered_from <= as_of then 'unknown'
            when is_grant and expires_at <= as_of then 'expired'
            else status
        end as status,
        is_permissive and not (is_grant and coalesce(uncovered_from <= as_of or expires_at <= as_of, false)) as is_permissive
    from visible
    where not is_grant or coalesce(uncovered_from > effective_at, true)
),

-- the latest choice decides; at one instant the restrictive; "unknown" and "pending" have a track of their own
ranked as (
    select
        *,
        row_number() over (
            partition by as_of, identifier_type, identifier, purpose, track
            {{ choice_order() }}
        ) as choice_number
    from held
)

select
    as_of,
    identifier_type,
    identifier,
    purpose,
    coalesce(
        max(case when track = 'consent' and choice_number = 1 then status end),
        max(case when track = 'none' and choice_number = 1 then status end), 'unknown'
    ) as consent_status,
    coalesce(max(case when track = 'consent' and choice_number = 1 and is_permissive then 1 end), 0) = 1 as is_granted,
    coalesce(max(case when track = 'consent' and choice_number = 1 and is_refusal then 1 end), 0) = 1 as is_refused,
    coalesce(max(case when track = 'objection' and choice_number = 1 and not is_permissive then 1 end), 0) = 1 as is_objected,
    coalesce(max(case when track = 'restriction' and choice_number = 1 and not is_permissive then 1 end), 0) = 1 as is_restricted,
    max(case when track = 'consent' and choice_number = 1 then consent_version end) as consent_version,
    max(case when track = 'consent' and choice_number = 1 then notice_published_at end) as notice_published_at,
    max(case when track = 'consent' and choice_number = 1 then consent_event_id end) as consent_event_id,
    max(case when track = 'consent' and choice_number = 1 then effective_at end) as consent_effective_at,
    min(case when track = 'signal' then effective_at end) as first_signal_at,
    max(case when track = 'signal' then effective_at end) as last_signal_at,
    max(case when track = 'signal' and choice_number = 1 then consent_event_id end) as signal_event_id,
    max(case when is_specific_grant and is_permissive then effective_at end) as confirmed_at,
    -- a refusal, or the end of the confirmation itself, takes it back
    max(case when track = 'consent' and (is_refusal or (is_specific_grant and not is_permissive)) then effective_at end)
        as unconfirmed_at
from ranked
group by as_of, identifier_type, identifier, purpose
