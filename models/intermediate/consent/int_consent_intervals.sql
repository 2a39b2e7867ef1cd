{{ config(materialized='table', tags=['clocked']) }}
{%- set key = 'as_of, identifier_type, identifier, purpose' %}
{%- set state = [
    'consent_status', 'is_granted', 'is_permitted_by_posture', 'has_opted_out', 'is_objected', 'is_restricted', 'consent_event_id'
] %}
{%- set starts = ['valid_from', 'silence_permits_from'] %}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

purposes as (
    select * from {{ ref('purposes') }}
),

jurisdictions as (
    select
        *,
        max(case when posture != 'opt_in' then 1 else 0 end) over (partition by as_of, identifier_type, identifier) = 1
            as is_outside_opt_in
    from {{ ref('int_jurisdictions') }}
),

-- a grant says nothing on what its notice did not ask
acting as (
    select
        clock.as_of,
        consent_events.identifier_type,
        consent_events.identifier,
        purposes.purpose,
        consent_events.track,
        consent_events.consent_event_id,
        consent_events.status,
        consent_events.is_permissive,
        consent_events.is_refusal,
        consent_events.effective_at,
        consent_events.acts_at,
        consent_events.is_permissive and consent_events.track = 'consent' as is_grant,
        coalesce(named.obeys_signal, false) as is_specific,
        {{ plus_seconds('consent_events.effective_at', 'purposes.consent_valid_days * 86400') }} as expires_at,
        notice_gaps.uncovered_from
    from {{ ref('int_consent_events') }} as consent_events
    inner join clock
        on {{ is_in_interval('clock.known_at', 'consent_events.recorded_at', 'consent_events.superseded_at') }}
        and consent_events.acts_at <= clock.as_of
    inner join purposes
        on (consent_events.purpose = '*' or {{ is_same_or_below('purposes.purpose', 'consent_events.purpose') }})
        and purposes.is_evaluated
    left join purposes as named on consent_events.purpose = named.purpose
    left join {{ ref('int_notice_gaps') }} as notice_gaps
        on clock.as_of = notice_gaps.as_of
        and consent_events.consent_version = notice_gaps.consent_version
        and purposes.purpose = notice_gaps.purpose
    where not (consent_events.is_permissive and consent_events.track = 'consent')
        or coalesce(notice_gaps.uncovered_from > consent_events.effective_at, true)
),

-- a grant ends by itself, when its time is over or a later notice asks anew; from then on it says that
steps as (
    select
        {{ key }}, track, consent_event_id, status, is_permissive, is_refusal, is_specific, effective_at,
        acts_at as starts_at, 0 as phase
    from acting

    union all

    select
        {{ key }}, track, consent_event_id, 'expired' as status, false as is_permissive, is_refusal, is_specific, effective_at,
        greatest(expires_at, acts_at) as starts_at, 1 as phase
    from acting
    where is_grant and expires_at <= as_of

    union all

    select
        {{ key }}, track, consent_event_id, 'unknown' as status, false as is_permissive, is_refusal, is_specific, effective_at,
        greatest(uncovered_from, acts_at) as starts_at, 2 as phase
    from acting
    where is_grant and uncovered_from <= as_of
),

-- of the choices that act, the one with the greatest number decides: the latest, at one instant the restrictive
numbered as (
    select
        *,
        row_number() over (
            partition by {{ key }}, track
            order by effective_at asc, case when is_permissive then 0 else 1 end asc, consent_event_id desc, phase asc
        ) as choice_number
    from steps
),

instants as (
    select {{ key }}, starts_at, track, choice_number, effective_at, is_permissive, is_refusal, is_specific, phase
    from numbered
    {%- for start in starts %}

    union all

    select
        jurisdictions.as_of, jurisdictions.identifier_type, jurisdictions.identifier, purposes.purpose,
        jurisdictions.{{ start }} as starts_at, 'law' as track, null as choice_number, null as effective_at,
        false as is_permissive, false as is_refusal, false as is_specific, 0 as phase
    from jurisdictions
    inner join purposes on purposes.is_evaluated and purposes.follows_posture
    where jurisdictions.is_outside_opt_in and jurisdictions.{{ start }} <= jurisdictions.as_of
    {%- endfor %}
),

running as (
    select distinct
        {{ key }},
        starts_at,
        max(case when track = 'consent' then choice_number end) over until_now as consent_number,
        max(case when track = 'none' then choice_number end) over until_now as none_number,
        max(case when track = 'signal' then choice_number end) over until_now as signal_number,
        coalesce(max(case when track = 'objection' then choice_number * 2 + case when is_permissive then 0 else 1 end end)
            over until_now, 0) % 2 = 1 as is_objected,
        coalesce(max(case when track = 'restriction' then choice_number * 2 + case when is_permissive then 0 else 1 end end)
            over until_now, 0) % 2 = 1 as is_restricted,
        min(case when track = 'signal' then effective_at end) over until_now as first_signal_at,
        max(case when track = 'signal' then effective_at end) over until_now as last_signal_at,
        max(case when track = 'consent' and is_specific and is_permissive then effective_at end) over until_now as confirmed_at,
        max(case when track = 'consent' and (is_refusal or (is_specific and phase > 0)) then effective_at end) over until_now
            as unconfirmed_at
    from instants
    window until_now as (partition by {{ key }} order by starts_at)
),

decided as (
    select
        running.*,
        coalesce(consents.status, nones.status) as consent_status,
        consents.is_permissive as is_granted,
        consents.is_refusal as is_refused,
        consents.consent_event_id,
        consents.effective_at as consent_effective_at,
        signals.consent_event_id as signal_event_id,
        coalesce(jurisdictions.resolved_jurisdiction, 'unresolved') as resolved_jurisdiction,
        coalesce(jurisdictions.posture, 'opt_in') as posture,
        purposes.obeys_signal,
        purposes.follows_posture and coalesce(jurisdictions.silence_permits_from <= running.starts_at, false)
            as does_silence_permit
    from running
    inner join purposes on running.purpose = purposes.purpose
    left join jurisdictions
        on running.as_of = jurisdictions.as_of
        and running.identifier_type = jurisdictions.identifier_type
        and running.identifier = jurisdictions.identifier
        and {{ is_in_interval('running.starts_at', 'jurisdictions.valid_from', 'jurisdictions.valid_to') }}
    {%- for alias, track in [('consents', 'consent'), ('nones', 'none'), ('signals', 'signal')] %}
    left join numbered as {{ alias }}
        on running.as_of = {{ alias }}.as_of
        and running.identifier_type = {{ alias }}.identifier_type
        and running.identifier = {{ alias }}.identifier
        and running.purpose = {{ alias }}.purpose
        and running.{{ track }}_number = {{ alias }}.choice_number
        and {{ alias }}.track = '{{ track }}'
    {%- endfor %}
),

signalled as (
    select
        *,
        {{ is_signalled('decided.posture', 'decided') }} as is_signalled
    from decided
),

states as (
    select
        {{ key }},
        starts_at,
        resolved_jurisdiction,
        posture,
        {{ consent_state_columns() }}
    from signalled
),

changes as (
    select
        *,
        {%- for column in state %}
        {{ 'not (' if loop.first }}{{ column }} is not distinct from lag({{ column }}) over instants_in_order
        {{- ' and' if not loop.last else ') as is_change' }}
        {%- endfor %}
    from states
    window instants_in_order as (partition by {{ key }} order by starts_at)
)

select
    {{ key }},
    starts_at as valid_from,
    lead(starts_at) over (partition by {{ key }} order by starts_at) as valid_to,
    resolved_jurisdiction,
    posture,
    {{ state | join(',\n    ') }}
from changes
where is_change
