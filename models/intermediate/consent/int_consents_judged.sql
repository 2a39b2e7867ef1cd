{{ config(materialized='table') }}

with consents as (
    select * from {{ ref('int_consents') }}
),

statuses as (
    select * from {{ ref('consent_statuses') }}
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

-- what the row says, and when it becomes known that a grant under its notice is void: at once for a text that was not yet
-- published, else when it is found defective
stated as (
    select
        consents.*,
        notices.published_at as notice_published_at,
        notices.published_at > consents.effective_at as is_before_notice,
        case
            when notices.published_at > consents.effective_at then notices.published_at
            else notices.invalidated_at
        end as known_void_at,
        event_types.grants,
        statuses.track as stated_track,
        statuses.refuses,
        -- a browser's signal is an opt-out, whatever status the row gives it
        coalesce(event_types.is_signal, false) and statuses.track in ('consent', 'none') as is_signal,
        statuses.permits and not (
            coalesce(event_types.is_signal, false) and statuses.track = 'consent'
        ) as is_stated_permissive
    from consents
    inner join statuses on consents.status = statuses.status
    left join notices on consents.consent_version = notices.consent_version
    left join event_types on {{ folded_word('consents.event_type') }} = event_types.event_type
),

-- a permission that cannot be shown to have been known, or to be an act of the person, stays unknown
proven as (
    select
        *,
        case
            when is_signal then 'signal'
            when stated_track = 'none' then 'no_choice'
            when not is_stated_permissive then 'choice'
            when not is_recorded_at_known then 'not_recorded'
            when stated_track != 'consent' or event_type is null or grants = 'always' then 'choice'
            when grants = 'with_notice' and consent_version is not null then 'choice'
            when grants = 'with_notice' then 'without_notice'
            else 'no_act'
        end as finding,
        not is_stated_permissive and effective_at > {{ plus_seconds('recorded_at', 300) }} as has_clock_skew
    from stated
),

-- known to be void when it was recorded, a grant never held; found void later, it holds until that is known
timed as (
    select
        *,
        finding = 'choice' and is_stated_permissive and stated_track = 'consent'
        and coalesce(known_void_at <= recorded_at, false) as is_void,
        finding = 'choice' and is_stated_permissive and stated_track = 'consent' and coalesce(
            known_void_at > recorded_at and {{ is_in_interval('known_void_at', 'recorded_at', 'superseded_at') }}, false
        ) as is_cut_short
    from proven
),

versions as (
    select
        timed.*,
        false as is_after_cut
    from timed

    union all

    select
        timed.*,
        true as is_after_cut
    from timed
    where is_cut_short
),

judged as (
    select
        *,
        case
            when is_signal then 'signal'
            when finding = 'choice' then stated_track
            else 'none'
        end as track,
        case
            when is_signal then 'denied'
            when finding not in ('choice', 'no_choice') then 'unknown'
            when is_void or is_after_cut then 'invalidated'
            else status
        end as judged_status,
        finding = 'choice' and is_stated_permissive and not is_void and not is_after_cut as is_permissive,
        case
            when not is_void and not is_after_cut then finding
            when is_before_notice then 'before_notice'
            else 'defective_notice'
        end as judged_finding,
        case when has_clock_skew then recorded_at else effective_at end as acting_from,
        case when is_after_cut then known_void_at else recorded_at end as known_from,
        case when is_cut_short and not is_after_cut then known_void_at else superseded_at end as known_to
    from versions
)

select
    source_system,
    consent_event_id,
    -- of what an erased person chose only addresses and devices are left, which others may hold: each row stands for itself
    case
        when is_person_erased then 'erased'
        when customer_id is not null then 'customer_id'
        when email is not null then 'email'
        when phone is not null then 'phone'
        else 'anonymous_id'
    end as identifier_type,
    case when is_person_erased then consent_event_id else coalesce(customer_id, email, phone, anonymous_id) end as identifier,
    anonymous_id,
    email,
    phone,
    purpose,
    track,
    judged_status as status,
    judged_finding as finding,
    is_permissive,
    refuses and track = 'consent' or is_signal as is_refusal,
    not is_stated_permissive and stated_track != 'none' and not is_signal as is_stated_restriction,
    has_clock_skew,
    consent_version,
    notice_published_at,
    jurisdiction,
    event_type,
    source,
    request_id,
    acting_from as effective_at,
    -- the two-clock rule: a grant acts from the later of its clocks, a restriction from the earlier
    case when is_permissive then greatest(acting_from, known_from) else least(acting_from, known_from) end as acts_at,
    known_from as recorded_at,
    known_to as superseded_at
from judged
