-- Were the signals of browsers (Global Privacy Control) honoured, also for known customers and old profiles?
-- Of signals sent in the period (from, up to but not including to): one row per signal, person that it binds and purpose that it
-- governs, with what holds now. outcome: opted_out, where people may opt out; refused, where they must opt in; confirmed, the
-- person agreed to that very purpose afterwards; restricted, forbidden for another reason; nobody_known, a device that no record
-- leads to a person from; NOT_HONOURED, expected never. Reads the restricted database.
with asked as (
    select
        cast('2026-01-01 00:00:00' as {{ dbt.type_timestamp() }}) as from_instant,
        cast('2026-04-01 00:00:00' as {{ dbt.type_timestamp() }}) as to_instant
),

signals as (
    select signals.*
    from asked
    inner join {{ ref('int_consents_judged') }} as signals
        on asked.from_instant <= signals.effective_at
        and asked.to_instant > signals.effective_at
    where signals.track = 'signal' and signals.superseded_at is null
),

-- the purposes that anything here asks about
evaluated as (
    select distinct purpose from {{ ref('consent_state') }}
),

bound as (
    select
        signals.consent_event_id,
        signals.effective_at,
        customer_keys.customer_key,
        consent_events.purpose,
        consent_events.is_by_address as is_by_device,
        consent_events.recorded_at as acted_from
    from signals
    inner join {{ ref('int_consent_events') }} as consent_events
        on signals.consent_event_id = consent_events.consent_event_id
    inner join {{ ref('customer_keys') }} as customer_keys
        on consent_events.identifier_type = customer_keys.identifier_type
        and consent_events.identifier = customer_keys.identifier
    inner join evaluated on consent_events.purpose = evaluated.purpose
),

-- segments that need what the signal opted out of, and still have the person
members as (
    select
        history.customer_key,
        segment_purposes.purpose,
        count(*) as n_memberships
    from {{ ref('segment_membership_history') }} as history
    inner join {{ ref('segment_purposes') }} as segment_purposes
        on history.segment_id = segment_purposes.segment_id
        and history.spec_version = segment_purposes.spec_version
    where history.valid_to is null
    group by history.customer_key, segment_purposes.purpose
),

answered as (
    select
        bound.effective_at,
        bound.consent_event_id,
        bound.customer_key,
        bound.purpose,
        bound.is_by_device,
        bound.acted_from,
        consent_state.resolved_jurisdiction,
        consent_state.posture,
        consent_state.consent_status,
        consent_state.consent_effective_at,
        coalesce(members.n_memberships, 0) as n_memberships,
        case
            when consent_state.is_granted and consent_state.consent_effective_at > bound.effective_at then 'confirmed'
            when consent_state.has_opted_out and coalesce(members.n_memberships, 0) = 0 then 'opted_out'
            when consent_state.is_permitted_by_posture or coalesce(members.n_memberships, 0) > 0 then 'NOT_HONOURED'
            when consent_state.consent_status = 'denied' then 'refused'
            when not consent_state.is_granted then 'restricted'
            else 'NOT_HONOURED'
        end as outcome
    from bound
    left join {{ ref('consent_state') }} as consent_state
        on bound.customer_key = consent_state.customer_key
        and bound.purpose = consent_state.purpose
    left join members
        on bound.customer_key = members.customer_key
        and bound.purpose = members.purpose

    union all

    select
        signals.effective_at,
        signals.consent_event_id,
        cast(null as {{ dbt.type_string() }}) as customer_key,
        signals.purpose,
        true as is_by_device,
        signals.recorded_at as acted_from,
        cast(null as {{ dbt.type_string() }}) as resolved_jurisdiction,
        cast(null as {{ dbt.type_string() }}) as posture,
        cast(null as {{ dbt.type_string() }}) as consent_status,
        cast(null as {{ dbt.type_timestamp() }}) as consent_effective_at,
        cast(0 as bigint) as n_memberships,
        'nobody_known' as outcome
    from signals
    left join bound on signals.consent_event_id = bound.consent_event_id
    where bound.consent_event_id is null
)

select
    effective_at as signalled_at,
    customer_key,
    purpose,
    outcome,
    is_by_device,
    acted_from,
    resolved_jurisdiction,
    posture,
    consent_status,
    consent_effective_at,
    n_memberships,
    consent_event_id
from answered
order by effective_at, consent_event_id, customer_key, purpose
