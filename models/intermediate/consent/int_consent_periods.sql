{{ config(materialized='table', tags=['clocked']) }}
{%- set key = 'as_of, identifier_type, identifier, purpose' %}
{%- set silence_starts = ['valid_from', 'silence_permits_from'] %}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

-- a signal is a refusal here, whatever was confirmed since
consent_events as (
    select
        *,
        case when track = 'signal' then 'consent' else track end as choice_track
    from ({{ choices_of_persons(['is_refusal']) }}) as choices_of_persons
    where track != 'none'
),

states as (
    select * from {{ ref('int_consent_states') }}
    where (is_granted or is_permitted_by_posture) and not is_objected and not is_restricted
),

purposes as (
    select * from {{ ref('purposes') }}
),

notice_gaps as (
    select * from {{ ref('int_notice_gaps') }}
),

jurisdictions as (
    select
        *,
        max(silence_permits_from) over (partition by as_of, identifier_type, identifier) is not null as does_silence_ever_permit
    from {{ ref('int_jurisdictions') }}
),

-- nobody is profiled by what happened before they were of age; who names no birth date passes
of_age as (
    select
        clock.as_of,
        'customer_id' as identifier_type,
        customers.customer_id as identifier,
        {{ start_of_local_day(birthday('customers.birth_date', var('minimum_age_years') | int)) }} as of_age_at
    from {{ ref('int_customers') }} as customers
    inner join clock
        on coalesce(customers.created_at, clock.as_of) <= clock.as_of
        and {{ is_in_interval('clock.known_at', 'customers.recorded_at', 'customers.superseded_at') }}
    where customers.birth_date is not null
),

-- whether an event was permitted when it happened goes by the effective time alone, as known at known_at
choices as (
    select
        states.as_of,
        states.identifier_type,
        states.identifier,
        states.purpose,
        consent_events.choice_track as track,
        consent_events.effective_at,
        -- 1 while consent is given, or while an objection or restriction blocks; at one instant the restrictive decides
        case
            when consent_events.choice_track = 'consent' then min(case when consent_events.is_permissive then 1 else 0 end)
            else max(case when consent_events.is_permissive then 0 else 1 end)
        end as level,
        max(case when consent_events.is_refusal then 1 else 0 end) as refusal_level,
        min({{ least_of([
            'notice_gaps.uncovered_from', plus_seconds('consent_events.effective_at', 'purposes.consent_valid_days * 86400')
        ]) }}) as ends_at,
        lead(consent_events.effective_at) over (
            partition by states.as_of, states.identifier_type, states.identifier, states.purpose, consent_events.choice_track
            order by consent_events.effective_at
        ) as next_choice_at
    from states
    inner join clock on states.as_of = clock.as_of
    inner join consent_events
        on states.identifier_type = consent_events.identifier_type
        and states.identifier = consent_events.identifier
        and {{ is_in_interval('clock.known_at', 'consent_events.recorded_at', 'consent_events.superseded_at') }}
        and clock.as_of >= consent_events.seen_from
        and clock.as_of <= consent_events.seen_to
        and (consent_events.purpose = '*' or {{ is_same_or_below('states.purpose', 'consent_events.purpose') }})
    left join purposes on states.purpose = purposes.purpose
    left join notice_gaps
        on states.as_of = notice_gaps.as_of
        and states.purpose = notice_gaps.purpose
        and consent_events.consent_version = notice_gaps.consent_version
    where not consent_events.is_permissive
        or consent_events.track != 'consent'
        or coalesce(notice_gaps.uncovered_from > consent_events.effective_at, true)
    group by
        states.as_of, states.identifier_type, states.identifier, states.purpose, consent_events.choice_track,
        consent_events.effective_at
),

-- beside what was chosen: whether the latest choice refuses, and whether the law takes silence as permission
levels_by_track as (
    select {{ key }}, track, effective_at, level
    from choices

    union all

    select {{ key }}, 'refusal' as track, effective_at, refusal_level as level
    from choices
    where track = 'consent'

    union all

    -- a consent that nobody renewed ends by itself
    select {{ key }}, 'consent' as track, ends_at as effective_at, 0 as level
    from choices
    where track = 'consent' and level = 1 and (ends_at < next_choice_at or (ends_at is not null and next_choice_at is null))
    {%- for start in silence_starts %}

    union all

    select
        states.as_of,
        states.identifier_type,
        states.identifier,
        states.purpose,
        'silence' as track,
        jurisdictions.{{ start }} as effective_at,
        case when jurisdictions.silence_permits_from <= jurisdictions.{{ start }} then 1 else 0 end as level
    from states
    inner join purposes
        on states.purpose = purposes.purpose
        and purposes.follows_posture
    inner join jurisdictions
        on states.as_of = jurisdictions.as_of
        and states.identifier_type = jurisdictions.identifier_type
        and states.identifier = jurisdictions.identifier
        and jurisdictions.does_silence_ever_permit
    {{ 'where jurisdictions.silence_permits_from > jurisdictions.valid_from' if not loop.first }}
    {%- endfor %}
),

steps as (
    select
        *,
        level - lag(level, 1, 0) over (partition by {{ key }}, track order by effective_at) as step
    from levels_by_track
),

instants as (
    select
        {{ key }},
        effective_at,
        sum(case when track = 'consent' then step else 0 end) as given_step,
        sum(case when track = 'silence' then step else 0 end) as silence_step,
        sum(case when track = 'refusal' then step else 0 end) as refusal_step,
        sum(case when track in ('objection', 'restriction') then step else 0 end) as blocked_step
    from steps
    group by {{ key }}, effective_at
),

levels as (
    select
        *,
        sum(blocked_step) over instants_until_now = 0 and (
            sum(given_step) over instants_until_now = 1
            or (sum(silence_step) over instants_until_now = 1 and sum(refusal_step) over instants_until_now = 0)
        ) as is_permitted
    from instants
    window instants_until_now as (partition by {{ key }} order by effective_at)
),

states_over_time as (
    select
        *,
        lag(is_permitted, 1, false) over (partition by {{ key }} order by effective_at) as was_permitted
    from levels
),

changes as (
    select
        *,
        lead(effective_at) over (partition by {{ key }} order by effective_at) as next_effective_at
    from states_over_time
    where is_permitted != was_permitted
)

select
    changes.as_of,
    clock.known_at,
    changes.identifier_type,
    changes.identifier,
    changes.purpose,
    greatest(changes.effective_at, coalesce(of_age.of_age_at, changes.effective_at)) as permitted_from,
    changes.next_effective_at as permitted_to
from changes
inner join clock on changes.as_of = clock.as_of
left join of_age
    on changes.as_of = of_age.as_of
    and changes.identifier_type = of_age.identifier_type
    and changes.identifier = of_age.identifier
where changes.is_permitted
    and (changes.next_effective_at is null or coalesce(of_age.of_age_at < changes.next_effective_at, true))
