{{ config(materialized='table') }}

with consents as (
    select * from {{ ref('int_consents') }}
),

statuses as (
    select * from {{ ref('consent_statuses') }}
),

purposes as (
    select * from {{ ref('purposes') }}
),

notices as (
    select * from {{ ref('int_notices') }}
),

addresses as (
    select * from {{ ref('int_contact_addresses') }}
),

-- a grant is worth what its notice was: shown before it was published, or found defective, it permits nothing
judged as (
    select
        consents.*,
        statuses.track as stated_track,
        case
            when statuses.permits and statuses.track = 'consent' and notices.published_at > consents.effective_at then 'invalidated'
            else consents.status
        end as judged_status,
        -- without its own recording a grant cannot be shown to have been known: it stays unknown
        statuses.permits and not consents.is_recorded_at_known as is_unproven,
        not statuses.permits and consents.effective_at > {{ plus_seconds('consents.recorded_at', 300) }} as has_clock_skew
    from consents
    inner join statuses on consents.status = statuses.status
    left join notices
        on consents.consent_version = notices.consent_version
        and notices.superseded_at is null
),

clocked as (
    select
        source_system,
        consent_event_id,
        customer_id,
        email,
        phone,
        purpose,
        consent_version,
        jurisdiction,
        event_type,
        source,
        request_id,
        recorded_at,
        superseded_at,
        has_clock_skew,
        case when is_unproven then 'none' else stated_track end as track,
        case when is_unproven then 'unknown' else judged_status end as status,
        judged_status in ('granted', 'renewed', 'objection_lifted', 'restriction_lifted') and not is_unproven as is_permissive,
        case when has_clock_skew then recorded_at else effective_at end as effective_at
    from judged
),

own as (
    select
        source_system,
        email,
        phone,
        consent_event_id,
        purpose,
        track,
        status,
        is_permissive,
        has_clock_skew,
        consent_version,
        jurisdiction,
        event_type,
        source,
        request_id,
        effective_at,
        recorded_at,
        superseded_at,
        case
            when customer_id is not null then 'customer_id'
            when email is not null then 'email'
            when phone is not null then 'phone'
        end as identifier_type,
        coalesce(customer_id, email, phone) as identifier,
        false as is_by_address
    from clocked
    where coalesce(customer_id, email, phone) is not null
),

addressed as (
    select
        own.*,
        'email' as channel,
        email as address
    from own
    where not is_permissive and track != 'none' and email is not null

    union all

    select
        own.*,
        'phone' as channel,
        phone as address
    from own
    where not is_permissive and track != 'none' and phone is not null
),

-- a restriction given by address binds every holder of that address, on that channel only
by_address as (
    select
        addressed.source_system,
        addressed.consent_event_id,
        purposes.purpose,
        addressed.track,
        addressed.status,
        addressed.is_permissive,
        addressed.has_clock_skew,
        addressed.consent_version,
        addressed.jurisdiction,
        addressed.event_type,
        addressed.source,
        addressed.request_id,
        addressed.effective_at,
        addressed.recorded_at,
        addressed.superseded_at,
        addresses.identifier_type,
        addresses.identifier,
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
),

identified as (
    select
        source_system,
        consent_event_id,
        purpose,
        track,
        status,
        is_permissive,
        has_clock_skew,
        consent_version,
        jurisdiction,
        event_type,
        source,
        request_id,
        effective_at,
        recorded_at,
        superseded_at,
        identifier_type,
        identifier,
        is_by_address
    from own

    union all

    select
        source_system,
        consent_event_id,
        purpose,
        track,
        status,
        is_permissive,
        has_clock_skew,
        consent_version,
        jurisdiction,
        event_type,
        source,
        request_id,
        effective_at,
        recorded_at,
        superseded_at,
        identifier_type,
        identifier,
        is_by_address
    from by_address
)

select
    source_system,
    consent_event_id,
    identifier_type,
    identifier,
    purpose,
    track,
    status,
    is_permissive,
    is_by_address,
    has_clock_skew,
    consent_version,
    jurisdiction,
    event_type,
    source,
    request_id,
    effective_at,
    -- the two-clock rule: a grant acts from the later of its clocks, a restriction from the earlier
    case
        when is_permissive then greatest(effective_at, recorded_at)
        else least(effective_at, recorded_at)
    end as acts_at,
    recorded_at,
    superseded_at
from identified
