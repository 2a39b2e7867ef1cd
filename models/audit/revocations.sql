-- depends_on: {{ ref('segment_evaluations') }}
with clock as (
    select * from {{ ref('evaluation_clock') }}
),

consent_events as (
    select
        events.*,
        customer_keys.customer_key
    from {{ ref('int_consent_events') }} as events
    inner join {{ ref('customer_keys') }} as customer_keys
        on events.identifier_type = customer_keys.identifier_type
        and events.identifier = customer_keys.identifier
    where events.track != 'none'
),

evaluations as (
    select distinct
        as_of,
        {{ least_of(['as_of', 'known_at']) }} as instant
    from {{ ref('segment_evaluations') }}
),

history as (
    select * from {{ ref('segment_membership_history') }}
),

segment_purposes as (
    select * from {{ ref('segment_purposes') }}
),

cancelled_sends as (
    select
        as_of,
        consent_event_key,
        customer_key,
        revoked_purpose,
        count(*) as n_sends_cancelled,
        count(*) filter (where not was_known_in_time) as n_sends_too_late
    from {{ ref('int_cancelled_sends') }}
    group by as_of, consent_event_key, customer_key, revoked_purpose
),

record_keys as (
    select secret from {{ vault_keys() }}
    where key_name = 'record_key'
),

-- what was known at known_at, and acts
known as (
    select
        clock.as_of,
        consent_events.*
    from consent_events
    inner join clock on {{ is_in_interval('clock.known_at', 'consent_events.recorded_at', 'consent_events.superseded_at') }}
),

revoking as (
    select * from known
    where status in ('withdrawn', 'revoked_by_controller', 'denied', 'objected', 'restricted')
        and acts_at <= as_of
),

-- permissions of the same person on the same matter; an inner join, because an outer one with "or" compares all rows with all
permitted as (
    select
        revoking.as_of,
        revoking.consent_event_id,
        revoking.customer_key,
        revoking.purpose,
        min(case when known.effective_at > revoking.effective_at then known.acts_at end) as permitted_again_at,
        min(known.effective_at) as first_effective_at
    from revoking
    inner join known
        on revoking.as_of = known.as_of
        and revoking.customer_key = known.customer_key
        and revoking.track = known.track
        and known.is_permissive
        and (
            known.purpose = '*' or revoking.purpose = '*'
            or {{ is_same_or_below('known.purpose', 'revoking.purpose') }}
            or {{ is_same_or_below('revoking.purpose', 'known.purpose') }}
        )
    group by revoking.as_of, revoking.consent_event_id, revoking.customer_key, revoking.purpose
),

-- a refusal revokes what was permitted before; the others do so whatever was before
revoked as (
    select
        revoking.as_of,
        revoking.consent_event_id,
        revoking.customer_key,
        revoking.purpose,
        min(revoking.status) as status,
        min(revoking.track) as track,
        min(revoking.request_id) as request_id,
        min(revoking.effective_at) as effective_at,
        min(revoking.acts_at) as acts_at,
        min(revoking.recorded_at) as recorded_at,
        {{ greatest_of(['min(revoking.acts_at)', 'min(revoking.recorded_at)']) }} as instant,
        min(permitted.permitted_again_at) as permitted_again_at
    from revoking
    left join permitted
        on revoking.as_of = permitted.as_of
        and revoking.consent_event_id = permitted.consent_event_id
        and revoking.customer_key = permitted.customer_key
        and revoking.purpose = permitted.purpose
    group by revoking.as_of, revoking.consent_event_id, revoking.customer_key, revoking.purpose
    having min(revoking.status) != 'denied' or min(permitted.first_effective_at) < min(revoking.effective_at)
),

-- the first evaluation that knew of a choice and lay after it
moments as (
    select
        instant,
        cast(null as {{ dbt.type_timestamp() }}) as evaluated_as_of
    from revoked

    union all

    select
        instant,
        as_of as evaluated_as_of
    from evaluations
),

answered as (
    select distinct
        instant,
        min(evaluated_as_of) over (order by instant range between current row and unbounded following) as evaluated_as_of,
        min(case when evaluated_as_of is not null then instant end) over () as first_instant
    from moments
),

-- the memberships that rested on what was revoked: those that the evaluation ended, and any that it left
memberships as (
    select
        revoked.as_of,
        revoked.consent_event_id,
        revoked.customer_key,
        revoked.purpose,
        count(distinct case when history.valid_to = answered.evaluated_as_of then history.segment_id end) as n_memberships_ended,
        count(
            distinct case when coalesce(history.valid_to > answered.evaluated_as_of, true) then history.segment_id end
        ) as n_memberships_left
    from revoked
    inner join answered on revoked.instant = answered.instant
    inner join history
        on revoked.customer_key = history.customer_key
        and answered.evaluated_as_of > history.valid_from
        and answered.evaluated_as_of <= coalesce(history.valid_to, answered.evaluated_as_of)
    inner join segment_purposes
        on history.segment_id = segment_purposes.segment_id
        and history.spec_version = segment_purposes.spec_version
        and (revoked.purpose = '*' or {{ is_same_or_below('segment_purposes.purpose', 'revoked.purpose') }})
        and (revoked.track != 'consent' or segment_purposes.is_consent_needed)
    group by revoked.as_of, revoked.consent_event_id, revoked.customer_key, revoked.purpose
),

-- what the first evaluation on record knew already met none; a person is still there only where the choice was taken back
acted as (
    select
        revoked.*,
        {{ record_key('consent', 'revoked.consent_event_id', 'record_keys.secret') }} as consent_event_key,
        case when revoked.request_id is not null
            then {{ record_key('request', 'revoked.request_id', 'record_keys.secret') }}
        end as request_key,
        case
            when coalesce(memberships.n_memberships_left, 0) = 0 or revoked.permitted_again_at <= answered.evaluated_as_of
                then answered.evaluated_as_of
        end as acted_at,
        coalesce(memberships.n_memberships_ended, 0) as n_memberships_ended
    from revoked
    cross join record_keys
    inner join answered
        on revoked.instant = answered.instant
        and answered.first_instant < revoked.instant
    left join memberships
        on revoked.as_of = memberships.as_of
        and revoked.consent_event_id = memberships.consent_event_id
        and revoked.customer_key = memberships.customer_key
        and revoked.purpose = memberships.purpose
)

select
    acted.as_of,
    acted.consent_event_key,
    acted.customer_key,
    acted.purpose,
    acted.status,
    acted.request_key,
    acted.effective_at,
    acted.recorded_at,
    acted.acted_at,
    acted.permitted_again_at,
    {{ hours_between('acted.effective_at', 'acted.recorded_at') }} as hours_to_record,
    {{ hours_between(greatest_of(['acted.acts_at', 'acted.recorded_at']), 'acted.acted_at') }} as hours_to_act,
    {{ hours_between('acted.acts_at', 'acted.acted_at') }} as hours_to_stop,
    coalesce(acted.acted_at, acted.as_of)
    > {{ plus_seconds('acted.acts_at', var('revocation_sla_hours') | int * 3600) }} as is_breach,
    acted.n_memberships_ended,
    coalesce(cancelled_sends.n_sends_cancelled, 0) as n_sends_cancelled,
    coalesce(cancelled_sends.n_sends_too_late, 0) as n_sends_too_late
from acted
left join cancelled_sends
    on acted.as_of = cancelled_sends.as_of
    and acted.consent_event_key = cancelled_sends.consent_event_key
    and acted.customer_key = cancelled_sends.customer_key
    and acted.purpose = cancelled_sends.revoked_purpose
