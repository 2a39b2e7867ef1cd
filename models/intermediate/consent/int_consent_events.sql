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

event_types as (
    select * from {{ ref('consent_event_types') }}
),

-- a version of the notice counts from its first publication (in any language) until it is first found defective; no row of
-- it is known before it was published, so no end either
notices as (
    select
        consent_version,
        min(published_at) as published_at,
        min(case when invalidated_at is not null then {{ greatest_of(['published_at', 'invalidated_at']) }} end) as invalidated_at
    from {{ ref('int_notices') }}
    group by consent_version
),

addresses as (
    select * from {{ ref('int_contact_addresses') }}
),

-- when it becomes known that a grant under its notice is void: at once for a text that was not yet published, else when it is
-- found defective
noticed as (
    select
        consents.*,
        notices.published_at as notice_published_at,
        case
            when notices.published_at > consents.effective_at then notices.published_at
            else notices.invalidated_at
        end as known_void_at
    from consents
    left join notices on consents.consent_version = notices.consent_version
),

judged as (
    select
        noticed.*,
        statuses.track as stated_track,
        statuses.permits as is_stated_permissive,
        -- a permission that cannot be shown to have been known, or to be an act of the person, stays unknown
        statuses.permits and (
            not noticed.is_recorded_at_known
            or (
                statuses.track = 'consent' and noticed.event_type is not null and not coalesce(
                    event_types.grants = 'always'
                    or (event_types.grants = 'with_notice' and noticed.consent_version is not null), false
                )
            )
        ) as is_unproven,
        -- known to be void when it was recorded, it never held; found void later, it holds until that is known
        statuses.permits and statuses.track = 'consent'
        and coalesce(noticed.known_void_at <= noticed.recorded_at, false) as is_void,
        statuses.permits and statuses.track = 'consent' and noticed.is_recorded_at_known and coalesce(
            noticed.known_void_at > noticed.recorded_at
            and {{ is_in_interval('noticed.known_void_at', 'noticed.recorded_at', 'noticed.superseded_at') }}, false
        ) as is_cut_short,
        not statuses.permits and noticed.effective_at > {{ plus_seconds('noticed.recorded_at', 300) }} as has_clock_skew
    from noticed
    inner join statuses on noticed.status = statuses.status
    left join event_types on {{ folded_word('noticed.event_type') }} = event_types.event_type
    where coalesce(noticed.customer_id, noticed.email, noticed.phone) is not null
),

versions as (
    select
        judged.*,
        false as is_after_cut
    from judged

    union all

    select
        judged.*,
        true as is_after_cut
    from judged
    where is_cut_short
),

own as (
    select
        source_system,
        consent_event_id,
        email,
        phone,
        purpose,
        consent_version,
        notice_published_at,
        jurisdiction,
        event_type,
        source,
        request_id,
        has_clock_skew,
        case
            when customer_id is not null then 'customer_id'
            when email is not null then 'email'
            else 'phone'
        end as identifier_type,
        coalesce(customer_id, email, phone) as identifier,
        not is_stated_permissive and stated_track != 'none' as is_stated_restriction,
        case when is_unproven then 'none' else stated_track end as track,
        case
            when is_unproven then 'unknown'
            when is_void or is_after_cut then 'invalidated'
            else status
        end as status,
        is_stated_permissive and not is_unproven and not is_void and not is_after_cut as is_permissive,
        case when has_clock_skew then recorded_at else effective_at end as effective_at,
        case when is_after_cut then known_void_at else recorded_at end as recorded_at,
        case when is_cut_short and not is_after_cut then known_void_at else superseded_at end as superseded_at
    from versions
),

addressed as (
    select
        own.*,
        'email' as channel,
        own.email as address
    from own
    where own.is_stated_restriction and own.email is not null

    union all

    select
        own.*,
        'phone' as channel,
        own.phone as address
    from own
    where own.is_stated_restriction and own.phone is not null
),

bindings as (
    select
        consent_event_id,
        recorded_at as event_recorded_at,
        recorded_at,
        identifier_type,
        identifier,
        purpose,
        false as is_by_address
    from own

    union all

    -- a restriction given by address binds every holder of that address, on that channel only, once both are known
    select
        addressed.consent_event_id,
        addressed.recorded_at as event_recorded_at,
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
)

select
    own.source_system,
    own.consent_event_id,
    bindings.identifier_type,
    bindings.identifier,
    bindings.purpose,
    own.track,
    own.status,
    own.is_permissive,
    bindings.is_by_address,
    own.has_clock_skew,
    own.consent_version,
    own.notice_published_at,
    own.jurisdiction,
    own.event_type,
    own.source,
    own.request_id,
    own.effective_at,
    -- the two-clock rule: a grant acts from the later of its clocks, a restriction from the earlier
    case
        when own.is_permissive then greatest(own.effective_at, own.recorded_at)
        else least(own.effective_at, own.recorded_at)
    end as acts_at,
    bindings.recorded_at,
    own.superseded_at
from own
inner join bindings
    on own.consent_event_id = bindings.consent_event_id
    and own.recorded_at = bindings.event_recorded_at
-- a version that ended before its holder was known binds nobody
where own.superseded_at is null or bindings.recorded_at < own.superseded_at
