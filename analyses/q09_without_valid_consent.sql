-- Who was processed without valid consent in a period? Expected: nobody, but for choices that reached us late.
-- One row per member and purpose whose choice, by its own time and as known today, forbade the processing at an evaluation in
-- the period (from, up to but not including to). kind: late_arrival, first recorded after that evaluation; breach, known by
-- then; no_evidence, a member on the basis of consent without a consent on record, where the law asks for one. Reads the
-- restricted database.
with asked as (
    select
        cast('2026-01-01 00:00:00' as {{ dbt.type_timestamp() }}) as from_instant,
        cast('2026-04-01 00:00:00' as {{ dbt.type_timestamp() }}) as to_instant,
        cast(null as {{ dbt.type_string() }}) as segment_id
),

history as (
    select history.*
    from asked
    inner join {{ ref('segment_membership_history') }} as history
        on asked.to_instant > history.valid_from
        and (asked.from_instant < history.valid_to or history.valid_to is null)
        and history.segment_id = coalesce(asked.segment_id, history.segment_id)
),

evaluated as (
    select distinct evaluations.as_of
    from asked
    inner join {{ ref('segment_evaluations') }} as evaluations
        on asked.from_instant <= evaluations.as_of
        and asked.to_instant > evaluations.as_of
),

segment_purposes as (
    select * from {{ ref('segment_purposes') }}
),

evaluated_purposes as (
    select distinct purpose from segment_purposes
),

-- a choice on a purpose covers the purposes below it; at one instant the restrictive decides
choices as (
    select
        customer_keys.customer_key,
        evaluated_purposes.purpose,
        consent_events.track,
        consent_events.effective_at,
        min(case when consent_events.is_permissive then 1 else 0 end) as is_permissive,
        min(consent_events.recorded_at) as recorded_at
    from {{ ref('int_consent_events') }} as consent_events
    inner join {{ ref('customer_keys') }} as customer_keys
        on consent_events.identifier_type = customer_keys.identifier_type
        and consent_events.identifier = customer_keys.identifier
    inner join evaluated_purposes
        on consent_events.purpose in ('*', evaluated_purposes.purpose)
        or consent_events.purpose || '.' = substr(evaluated_purposes.purpose, 1, length(consent_events.purpose) + 1)
    where consent_events.track != 'none' and consent_events.superseded_at is null
    group by customer_keys.customer_key, evaluated_purposes.purpose, consent_events.track, consent_events.effective_at
),

periods as (
    select
        *,
        lead(effective_at) over (partition by customer_key, purpose, track order by effective_at) as next_effective_at
    from choices
),

-- where the law of the place takes silence as permission, consent need not be shown
permitted_by_posture as (
    select
        evaluated.as_of,
        intervals.customer_key,
        intervals.purpose
    from evaluated
    inner join {{ ref('consent_intervals') }} as intervals
        on evaluated.as_of >= intervals.valid_from
        and (evaluated.as_of < intervals.valid_to or intervals.valid_to is null)
    where intervals.is_permitted_by_posture
),

forbidden as (
    select
        history.segment_id,
        history.customer_key,
        periods.purpose,
        periods.track,
        periods.effective_at,
        periods.recorded_at,
        evaluated.as_of,
        case when periods.recorded_at > evaluated.as_of then 'late_arrival' else 'breach' end as kind
    from periods
    inner join history on periods.customer_key = history.customer_key
    inner join segment_purposes
        on history.segment_id = segment_purposes.segment_id
        and history.spec_version = segment_purposes.spec_version
        and periods.purpose = segment_purposes.purpose
    inner join evaluated
        on history.valid_from <= evaluated.as_of
        and (history.valid_to > evaluated.as_of or history.valid_to is null)
        and periods.effective_at <= evaluated.as_of
        and (periods.next_effective_at > evaluated.as_of or periods.next_effective_at is null)
    left join permitted_by_posture
        on evaluated.as_of = permitted_by_posture.as_of
        and periods.customer_key = permitted_by_posture.customer_key
        and periods.purpose = permitted_by_posture.purpose
        and periods.track = 'consent'
    where periods.is_permissive = 0
        and (segment_purposes.is_consent_needed or periods.track != 'consent')
        and permitted_by_posture.customer_key is null

    union all

    select
        history.segment_id,
        history.customer_key,
        cast(null as {{ dbt.type_string() }}) as purpose,
        'consent' as track,
        cast(null as {{ dbt.type_timestamp() }}) as effective_at,
        cast(null as {{ dbt.type_timestamp() }}) as recorded_at,
        evaluated.as_of,
        'no_evidence' as kind
    from history
    inner join evaluated
        on history.valid_from <= evaluated.as_of
        and (history.valid_to > evaluated.as_of or history.valid_to is null)
    inner join segment_purposes
        on history.segment_id = segment_purposes.segment_id
        and history.spec_version = segment_purposes.spec_version
        and segment_purposes.purpose_number = 1
    left join permitted_by_posture
        on evaluated.as_of = permitted_by_posture.as_of
        and history.customer_key = permitted_by_posture.customer_key
        and segment_purposes.purpose = permitted_by_posture.purpose
    where history.lawful_basis = 'consent' and history.consent_event_key is null and permitted_by_posture.customer_key is null
)

select
    kind,
    segment_id,
    customer_key,
    purpose,
    track,
    effective_at,
    recorded_at,
    min(as_of) as first_as_of,
    max(as_of) as last_as_of,
    count(*) as n_evaluations
from forbidden
group by kind, segment_id, customer_key, purpose, track, effective_at, recorded_at
order by kind, segment_id, customer_key, purpose, effective_at
