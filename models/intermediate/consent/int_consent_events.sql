{{ config(materialized='table') }}

with consents as (
    select * from {{ ref('int_consents_judged') }}
),

purposes as (
    select * from {{ ref('purposes') }}
),

addresses as (
    select * from {{ ref('int_contact_addresses') }}
),

-- whoever is known to have used a device, by a deterministic link; a link that ended takes no signal back
devices as (
    select
        case when left_type = 'customer_id' then right_id else left_id end as anonymous_id,
        case when left_type = 'customer_id' then left_id else right_id end as customer_id,
        min(recorded_at) as recorded_at
    from {{ ref('int_identity_links') }}
    where match_class = 'deterministic'
        and (
            (left_type = 'customer_id' and right_type in ('anonymous_id', 'cookie_id', 'device_id'))
            or (right_type = 'customer_id' and left_type in ('anonymous_id', 'cookie_id', 'device_id'))
        )
    group by 1, 2
),

persons as (
    select * from consents where identifier_type not in ('anonymous_id', 'erased')
),

addressed as (
    select
        consents.*,
        'email' as channel,
        consents.email as address
    from consents
    where consents.is_stated_restriction and consents.identifier_type != 'anonymous_id' and consents.email is not null

    union all

    select
        consents.*,
        'phone' as channel,
        consents.phone as address
    from consents
    where consents.is_stated_restriction and consents.identifier_type != 'anonymous_id' and consents.phone is not null
),

-- a signal speaks of what it governs, whatever purpose its row names, for the person and whoever used the device
signals as (
    select
        consent_event_id,
        recorded_at as event_recorded_at,
        identifier_type as event_identifier_type,
        identifier as event_identifier,
        recorded_at,
        identifier_type,
        identifier,
        false as is_by_address
    from persons
    where track = 'signal'

    union all

    select
        consents.consent_event_id,
        consents.recorded_at as event_recorded_at,
        consents.identifier_type as event_identifier_type,
        consents.identifier as event_identifier,
        greatest(consents.recorded_at, devices.recorded_at) as recorded_at,
        'customer_id' as identifier_type,
        devices.customer_id as identifier,
        true as is_by_address
    from consents
    inner join devices on consents.anonymous_id = devices.anonymous_id
    where consents.track = 'signal'
        and not (consents.identifier_type = 'customer_id' and consents.identifier = devices.customer_id)
),

-- a restriction given by address binds every holder of that address, on that channel only, once both are known
bound as (
    select
        addressed.consent_event_id,
        addressed.recorded_at as event_recorded_at,
        addressed.identifier_type as event_identifier_type,
        addressed.identifier as event_identifier,
        greatest(addressed.recorded_at, addresses.recorded_at) as recorded_at,
        addresses.identifier_type,
        addresses.identifier,
        purposes.purpose,
        true as is_by_address
    from addressed
    inner join addresses
        on addressed.channel = addresses.channel
        and addressed.address = addresses.address
    inner join purposes
        on addressed.channel = purposes.channel
        and (
            addressed.purpose = '*'
            or {{ is_same_or_below('purposes.purpose', 'addressed.purpose') }}
            or {{ is_same_or_below('addressed.purpose', 'purposes.purpose') }}
        )
    where not (addresses.identifier_type = addressed.identifier_type and addresses.identifier = addressed.identifier)

    union all

    select
        signals.consent_event_id,
        signals.event_recorded_at,
        signals.event_identifier_type,
        signals.event_identifier,
        signals.recorded_at,
        signals.identifier_type,
        signals.identifier,
        purposes.purpose,
        signals.is_by_address
    from signals
    inner join purposes on purposes.obeys_signal
),

-- two whom one event names at one instant may share an address or a device: it binds its holders once
numbered as (
    select
        *,
        row_number() over (
            partition by consent_event_id, event_recorded_at, identifier_type, identifier, purpose, is_by_address
            order by event_identifier_type, event_identifier
        ) as binding_number
    from bound
),

bindings as (
    select
        consent_event_id,
        recorded_at as event_recorded_at,
        identifier_type as event_identifier_type,
        identifier as event_identifier,
        recorded_at,
        identifier_type,
        identifier,
        purpose,
        false as is_by_address
    from persons
    where track != 'signal'

    union all

    select
        consent_event_id,
        event_recorded_at,
        event_identifier_type,
        event_identifier,
        recorded_at,
        identifier_type,
        identifier,
        purpose,
        is_by_address
    from numbered
    where binding_number = 1
)

select
    consents.source_system,
    consents.consent_event_id,
    bindings.identifier_type,
    bindings.identifier,
    bindings.purpose,
    consents.track,
    consents.status,
    consents.is_permissive,
    consents.is_refusal,
    bindings.is_by_address,
    consents.has_clock_skew,
    consents.consent_version,
    consents.notice_published_at,
    consents.jurisdiction,
    consents.event_type,
    consents.source,
    consents.request_id,
    consents.effective_at,
    consents.acts_at,
    bindings.event_recorded_at,
    bindings.recorded_at,
    consents.superseded_at
from consents
inner join bindings
    on consents.consent_event_id = bindings.consent_event_id
    and consents.recorded_at = bindings.event_recorded_at
    and consents.identifier_type = bindings.event_identifier_type
    and consents.identifier = bindings.event_identifier
-- a version that ended before its holder was known binds nobody
where consents.superseded_at is null or bindings.recorded_at < consents.superseded_at
