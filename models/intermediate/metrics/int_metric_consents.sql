{%- set start = 'windows.window_from' -%}

with windows as (
    -- without an evaluation on record that is old enough nothing is said of the start, so nothing is looked up
    select * from {{ ref('int_metric_windows') }}
    where start_as_of is not null
),

purposes as (
    select * from {{ ref('purposes') }}
    where is_evaluated
),

-- choices as they stood, and were known, when the window began
chosen as (
    select
        windows.as_of,
        windows.window_from,
        consent_events.identifier_type,
        consent_events.identifier,
        purposes.purpose,
        consent_events.consent_event_id,
        consent_events.track,
        consent_events.is_permissive,
        consent_events.is_refusal,
        consent_events.effective_at,
        consent_events.is_permissive and consent_events.track = 'consent' as is_grant,
        -- it names what a signal governs, not something wider
        coalesce(named.obeys_signal, false) as is_specific,
        {{ plus_seconds('consent_events.effective_at', 'purposes.consent_valid_days * 86400') }} as expires_at,
        notice_gaps.uncovered_from
    from {{ ref('int_consent_events') }} as consent_events
    inner join windows
        on {{ is_in_interval(start, 'consent_events.recorded_at', 'consent_events.superseded_at') }}
        and consent_events.acts_at <= {{ start }}
    inner join purposes
        on consent_events.purpose = '*'
        or {{ is_same_or_below('purposes.purpose', 'consent_events.purpose') }}
    left join purposes as named on consent_events.purpose = named.purpose
    left join {{ ref('int_notice_gaps') }} as notice_gaps
        on windows.as_of = notice_gaps.as_of
        and consent_events.consent_version = notice_gaps.consent_version
        and purposes.purpose = notice_gaps.purpose
    where consent_events.track != 'none'
),

held as (
    select
        as_of,
        window_from,
        identifier_type,
        identifier,
        purpose,
        consent_event_id,
        track,
        effective_at,
        is_refusal,
        is_grant and is_specific as is_specific_grant,
        is_permissive and not (
            is_grant and coalesce(uncovered_from <= window_from or expires_at <= window_from, false)
        ) as is_permissive
    from chosen
    where not is_grant or coalesce(uncovered_from > effective_at, true)
),

ranked as (
    select
        *,
        row_number() over (
            partition by as_of, identifier_type, identifier, purpose, track
            {{ choice_order() }}
        ) as choice_number
    from held
),

-- once per identifier and purpose
choices as (
    select
        as_of,
        window_from,
        identifier_type,
        identifier,
        purpose,
        coalesce(max(case when track = 'consent' and choice_number = 1 and is_permissive then 1 end), 0) = 1 as is_granted,
        coalesce(
            max(case when track in ('objection', 'restriction') and choice_number = 1 and not is_permissive then 1 end), 0
        ) = 1 as is_barred,
        max(case when track = 'consent' and choice_number = 1 then effective_at end) as consent_effective_at,
        min(case when track = 'signal' then effective_at end) as first_signal_at,
        max(case when track = 'signal' then effective_at end) as last_signal_at,
        max(case when is_specific_grant and is_permissive then effective_at end) as confirmed_at,
        max(case when track = 'consent' and (is_refusal or (is_specific_grant and not is_permissive)) then effective_at end)
            as unconfirmed_at
    from ranked
    group by as_of, window_from, identifier_type, identifier, purpose
),

-- the law decides how long a signal of the browser holds
places as (
    select
        jurisdictions.as_of,
        jurisdictions.identifier_type,
        jurisdictions.identifier,
        jurisdictions.posture
    from {{ ref('int_jurisdictions') }} as jurisdictions
    inner join windows
        on jurisdictions.as_of = windows.as_of
        and {{ is_in_interval(start, 'jurisdictions.valid_from', 'jurisdictions.valid_to') }}
    where jurisdictions.posture = 'opt_out'
),

placed as (
    select
        choices.as_of,
        choices.identifier_type,
        choices.identifier,
        choices.purpose,
        choices.is_barred,
        choices.is_granted and not {{ is_signalled('places.posture', 'choices') }} as is_granted
    from choices
    left join places
        on choices.as_of = places.as_of
        and choices.identifier_type = places.identifier_type
        and choices.identifier = places.identifier
),

starts as (
    select
        placed.as_of,
        coalesce(linked_persons.person_key, customer_keys.customer_key) as customer_key,
        placed.purpose
    from placed
    inner join {{ ref('customer_keys') }} as customer_keys
        on placed.identifier_type = customer_keys.identifier_type
        and placed.identifier = customer_keys.identifier
    left join {{ ref('int_linked_persons') }} as linked_persons
        on placed.as_of = linked_persons.as_of
        and customer_keys.customer_key = linked_persons.customer_key
    group by placed.as_of, coalesce(linked_persons.person_key, customer_keys.customer_key), placed.purpose
    -- of a person with several identifiers each has to permit
    having sum(case when placed.is_granted and coalesce(linked_persons.is_held, true) then 1 else 0 end)
        = coalesce(max(linked_persons.identifier_count), 1)
        and max(case when placed.is_barred then 1 else 0 end) = 0
),

consents as (
    select * from {{ ref('consent_state') }}
),

facts as (
    select
        coalesce(consents.as_of, starts.as_of) as as_of,
        coalesce(consents.customer_key, starts.customer_key) as customer_key,
        coalesce(consents.purpose, starts.purpose) as purpose,
        coalesce({{ is_permitted('true', 'consents') }}, false) as is_permitted,
        coalesce(consents.is_granted, false) as is_granted,
        coalesce(consents.consent_status in ('withdrawn', 'denied') or consents.is_objected, false) as is_ended,
        starts.customer_key is not null as is_granted_at_start
    from consents
    full outer join starts
        on consents.as_of = starts.as_of
        and consents.customer_key = starts.customer_key
        and consents.purpose = starts.purpose
)

select
    as_of,
    customer_key,
    purpose,
    is_permitted,
    -- a grant is not effective where an objection, a restriction or an opt-out stands against it
    is_permitted and is_granted as is_granted,
    is_granted_at_start,
    is_granted_at_start and is_ended as is_opted_out
from facts
-- whoever permits nothing, and did not, counts in nothing
where is_permitted or is_granted_at_start
