with clock as (
    select * from {{ ref('evaluation_clock') }}
),

consents as (
    select
        clock.as_of,
        consents.*,
        {{ is_in_interval('clock.known_at', 'consents.recorded_at', 'consents.superseded_at') }} as is_in_force
    from {{ ref('int_consents_judged') }} as consents
    inner join clock on {{ mostly('consents.recorded_at <= clock.known_at') }}
),

-- the texts of a version (one per language) that were published by then
texts as (
    select distinct
        clock.as_of,
        notices.consent_version,
        notices.text_sha256
    from {{ ref('int_notices') }} as notices
    inner join clock on notices.published_at <= clock.known_at
),

notices as (
    select
        as_of,
        consent_version,
        {{ dbt.listagg('text_sha256', "';'", 'order by text_sha256') }} as text_sha256
    from texts
    group by as_of, consent_version
),

-- for how many persons and purposes it is what decides now; is_in_force stands as a column, because a condition on one side of a
-- left join makes DuckDB compare every row with every other
decisions as (
    select
        as_of,
        consent_event_id,
        true as is_in_force,
        count(*) as n_states_decided
    from {{ ref('int_consent_states') }}
    where consent_event_id is not null
    group by as_of, consent_event_id
),

-- one person at one instant said both on one purpose: the restrictive decides; the relation is named again, because what two read
-- of a CTE is kept in memory
conflicts as (
    select
        clock.as_of,
        true as is_in_force,
        judged.identifier_type,
        judged.identifier,
        judged.purpose,
        judged.track,
        judged.effective_at
    from {{ ref('int_consents_judged') }} as judged
    inner join clock on {{ mostly(is_in_interval('clock.known_at', 'judged.recorded_at', 'judged.superseded_at')) }}
    where judged.track != 'none'
    group by clock.as_of, judged.identifier_type, judged.identifier, judged.purpose, judged.track, judged.effective_at
    having max(case when judged.is_permissive then 1 else 0 end) > min(case when judged.is_permissive then 1 else 0 end)
),

record_keys as (
    select secret from {{ vault_keys() }}
    where key_name = 'record_key'
)

select
    consents.as_of,
    {{ record_key('consent', 'consents.consent_event_id', 'record_keys.secret') }} as consent_event_key,
    consents.recorded_at,
    case when not consents.is_in_force then consents.superseded_at end as superseded_at,
    consents.is_in_force,
    consents.source_system,
    customer_keys.customer_key,
    consents.purpose,
    consents.status as consent_status,
    case
        when consents.track = 'none' then 'none'
        when consents.track = 'signal' then 'opts_out'
        when consents.track = 'objection' and consents.is_permissive then 'lifts_objection'
        when consents.track = 'objection' then 'objects'
        when consents.track = 'restriction' and consents.is_permissive then 'lifts_restriction'
        when consents.track = 'restriction' then 'restricts'
        when consents.is_permissive then 'permits'
        when consents.is_refusal then 'refuses'
        else 'ends'
    end as effect,
    consents.finding,
    coalesce(decisions.n_states_decided, 0) as n_states_decided,
    consents.has_clock_skew,
    conflicts.identifier is not null as has_conflict,
    consents.consent_version,
    notices.text_sha256,
    consents.event_type,
    consents.source,
    case when consents.request_id is not null
        then {{ record_key('request', 'consents.request_id', 'record_keys.secret') }}
    end as request_key,
    consents.jurisdiction,
    coalesce(jurisdictions.resolved_jurisdiction, 'unresolved') as resolved_jurisdiction,
    coalesce(jurisdictions.regime, 'unresolved') as regime,
    coalesce(jurisdictions.posture, 'opt_in') as posture,
    consents.effective_at,
    consents.acts_at
from consents
cross join record_keys
left join {{ ref('customer_keys') }} as customer_keys
    on consents.identifier_type = customer_keys.identifier_type
    and consents.identifier = customer_keys.identifier
left join notices
    on consents.as_of = notices.as_of
    and consents.consent_version = notices.consent_version
left join decisions
    on consents.as_of = decisions.as_of
    and consents.consent_event_id = decisions.consent_event_id
    and consents.is_in_force = decisions.is_in_force
left join conflicts
    on consents.is_in_force = conflicts.is_in_force
    and consents.as_of = conflicts.as_of
    and consents.identifier_type = conflicts.identifier_type
    and consents.identifier = conflicts.identifier
    and consents.purpose = conflicts.purpose
    and consents.track = conflicts.track
    and consents.effective_at = conflicts.effective_at
left join {{ ref('int_jurisdictions') }} as jurisdictions
    on consents.as_of = jurisdictions.as_of
    and consents.identifier_type = jurisdictions.identifier_type
    and consents.identifier = jurisdictions.identifier
    and {{ is_in_interval('consents.effective_at', 'jurisdictions.valid_from', 'jurisdictions.valid_to') }}
