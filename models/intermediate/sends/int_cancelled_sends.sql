{{ config(materialized='table', tags=['clocked']) }}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

sends as (
    select * from {{ ref('int_scheduled_sends') }}
),

addresses as (
    select * from {{ ref('int_contact_addresses') }}
    where channel = 'email'
),

consent_events as (
    select * from ({{ choices_of_persons(['request_id']) }}) as choices_of_persons
    where track != 'none'
),

channel_purposes as (
    select * from {{ ref('purposes') }}
    where channel is not null
),

segment_purposes as (
    select * from {{ ref('segment_purposes') }}
),

customer_keys as (
    select * from {{ ref('customer_keys') }}
),

record_keys as (
    select secret from {{ vault_keys() }}
    where key_name = 'record_key'
),

-- what lies behind is asked as of its own instant, what lies ahead as of now
planned as (
    select
        sends.*,
        clock.as_of,
        clock.known_at,
        {{ least_of(['sends.scheduled_at', 'clock.as_of']) }} as asked_at,
        case {{ folded_word('sends.channel') }} when 'email' then 'email' when 'sms' then 'phone' end as address_channel
    from sends
    inner join clock on {{ is_in_interval('clock.known_at', 'sends.recorded_at', 'sends.superseded_at') }}
),

-- whom a send reaches: the person named, and the address where that is not known to be the person's; without a person all holders
named as (
    select
        as_of,
        send_id,
        'customer_id' as identifier_type,
        customer_id as identifier
    from planned
    where customer_id is not null

    union

    select
        planned.as_of,
        planned.send_id,
        'email' as identifier_type,
        planned.email as identifier
    from planned
    left join addresses
        on planned.email = addresses.address
        and planned.customer_id = addresses.identifier
        and planned.known_at >= addresses.recorded_at
        and addresses.identifier_type = 'customer_id'
    where planned.email is not null and addresses.address is null

    union

    select
        planned.as_of,
        planned.send_id,
        addresses.identifier_type,
        addresses.identifier
    from planned
    inner join addresses
        on planned.email = addresses.address
        and planned.known_at >= addresses.recorded_at
    where planned.customer_id is null
),

-- a person of several identifiers permits what each of them does
recipients as (
    select * from named

    union

    select
        named.as_of,
        named.send_id,
        others.identifier_type,
        others.identifier
    from named
    inner join {{ ref('int_linked_persons') }} as linked_persons
        on named.as_of = linked_persons.as_of
        and named.identifier_type = linked_persons.identifier_type
        and named.identifier = linked_persons.identifier
    inner join {{ ref('int_linked_persons') }} as others
        on linked_persons.as_of = others.as_of
        and linked_persons.person_key = others.person_key
),

-- what a send needs: its channel (one that is not known needs all of them) and the purposes of its segment
needs as (
    select
        planned.as_of,
        planned.send_id,
        channel_purposes.purpose,
        true as is_consent_needed
    from planned
    inner join channel_purposes on coalesce(planned.address_channel, channel_purposes.channel) = channel_purposes.channel

    union

    select
        planned.as_of,
        planned.send_id,
        segment_purposes.purpose,
        segment_purposes.is_consent_needed
    from planned
    inner join segment_purposes
        on planned.segment_id = segment_purposes.segment_id
        and {{ is_in_interval('planned.asked_at', 'segment_purposes.effective_from', 'segment_purposes.effective_to') }}
),

choices as (
    select
        planned.as_of,
        planned.send_id,
        recipients.identifier_type,
        recipients.identifier,
        consent_events.consent_event_id,
        consent_events.request_id,
        consent_events.purpose as revoked_purpose,
        consent_events.is_permissive,
        consent_events.effective_at,
        consent_events.acts_at,
        consent_events.recorded_at,
        consent_events.seen_from,
        max(case when consent_events.is_permissive then consent_events.effective_at end) over (
            partition by
                planned.as_of, planned.send_id, recipients.identifier_type, recipients.identifier, needs.purpose,
                consent_events.track
        ) as permitted_at
    from planned
    inner join recipients
        on planned.as_of = recipients.as_of
        and planned.send_id = recipients.send_id
    inner join needs
        on planned.as_of = needs.as_of
        and planned.send_id = needs.send_id
    inner join consent_events
        on recipients.identifier_type = consent_events.identifier_type
        and recipients.identifier = consent_events.identifier
        and {{ is_in_interval('planned.known_at', 'consent_events.recorded_at', 'consent_events.superseded_at') }}
        and planned.asked_at >= consent_events.acts_at
        and planned.as_of >= consent_events.seen_from
        and planned.as_of <= consent_events.seen_to
        and (consent_events.purpose = '*' or {{ is_same_or_below('needs.purpose', 'consent_events.purpose') }})
        and (consent_events.track != 'consent' or needs.is_consent_needed)
),

-- a choice cancels while no later one permits again, at one instant the restrictive decides; the first of them is the cause
causes as (
    select
        *,
        row_number() over (
            partition by as_of, send_id
            order by acts_at, consent_event_id, revoked_purpose, seen_from, identifier_type, identifier
        ) as cause_number
    from choices
    where not is_permissive and coalesce(effective_at >= permitted_at, true)
)

select
    planned.as_of,
    planned.send_id,
    {{ record_key('send', 'planned.send_id', 'record_keys.secret') }} as send_key,
    customer_keys.customer_key,
    planned.channel,
    planned.campaign_id,
    planned.segment_id,
    planned.scheduled_at,
    causes.revoked_purpose,
    {{ record_key('consent', 'causes.consent_event_id', 'record_keys.secret') }} as consent_event_key,
    case when causes.request_id is not null
        then {{ record_key('request', 'causes.request_id', 'record_keys.secret') }}
    end as request_key,
    causes.acts_at as cancelled_from,
    causes.recorded_at,
    causes.recorded_at <= planned.scheduled_at as was_known_in_time
from planned
cross join record_keys
inner join causes
    on planned.as_of = causes.as_of
    and planned.send_id = causes.send_id
    and causes.cause_number = 1
left join customer_keys
    on causes.identifier_type = customer_keys.identifier_type
    and causes.identifier = customer_keys.identifier
