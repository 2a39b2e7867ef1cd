{{ config(materialized='table') }}

with received as (
    select * from {{ ref('stg_generic__consents') }}
),

-- raw rows of somebody erased come without their content
consents as (
    {{ without_erased('received', 'consents') }}
),

settings as (
    select * from {{ ref('int_settings') }}
),

purposes as (
    select purpose from {{ ref('purposes') }}
    union all
    select '*' as purpose
),

event_types as (
    select * from {{ ref('consent_event_types') }}
),

statuses as (
    select
        status,
        track,
        permits,
        permits and track = 'consent' as is_agreement
    from {{ ref('consent_statuses') }}
),

normalised as (
    select
        source_system,
        consent_event_id,
        customer_id,
        anonymous_id,
        {{ normalised_email('email') }} as email,
        {{ normalised_phone('phone') }} as phone,
        {{ folded_word('purpose') }} as purpose,
        {{ folded_word('status') }} as status,
        consent_version,
        jurisdiction,
        event_type,
        source,
        request_id,
        effective_at,
        recorded_at,
        coalesce(unreadable_column = 'recorded_at' or recorded_at > settings.ingested_at, false) as is_recording_wrong,
        settings.ingested_at,
        unreadable_column,
        unreadable_value,
        is_person_erased,
        is_erased
    from consents
    cross join settings
),

-- a restriction is heard also where its recording cannot be: it counts as one without it. A grant so recorded is rejected
judged as (
    select
        normalised.*,
        statuses.status is not null as is_status_known,
        coalesce(statuses.is_agreement, false) as is_agreement,
        coalesce(
            not statuses.permits and statuses.track != 'none'
            or event_types.is_signal and statuses.track in ('consent', 'none'), false
        ) as is_restriction
    from normalised
    left join statuses on normalised.status = statuses.status
    left join event_types on {{ folded_word('normalised.event_type') }} = event_types.event_type
),

timed as (
    select
        *,
        is_restriction and is_recording_wrong as is_recording_ignored,
        recorded_at is not null and not (is_restriction and is_recording_wrong) as is_recorded_at_known
    from judged
)

select
    timed.source_system,
    timed.consent_event_id,
    timed.customer_id,
    timed.anonymous_id,
    -- nobody else is bound by what an erased person agreed to: only that it replaces an older version is left
    case when not (timed.is_person_erased and timed.is_agreement) then timed.email end as email,
    case when not (timed.is_person_erased and timed.is_agreement) then timed.phone end as phone,
    timed.purpose,
    timed.status,
    timed.consent_version,
    timed.jurisdiction,
    timed.event_type,
    timed.source,
    timed.request_id,
    timed.effective_at,
    timed.is_recorded_at_known,
    timed.is_person_erased,
    -- a choice without its recording that is dated ahead was held when the data was ingested: a restriction must not wait
    case
        when timed.is_recorded_at_known then timed.recorded_at
        when timed.effective_at > timed.ingested_at then timed.ingested_at
        else timed.effective_at
    end as recorded_at,
    timed.is_restriction,
    timed.unreadable_value,
    case
        when timed.is_erased then {{ erased_reason() }}
        when timed.consent_event_id is null then 'missing consent_event_id'
        when timed.unreadable_column is not null and not (timed.is_recording_ignored and timed.unreadable_column = 'recorded_at')
            then 'unreadable ' || timed.unreadable_column
        when timed.purpose is null then 'missing purpose'
        when timed.status is null then 'missing status'
        when timed.effective_at is null then 'missing effective_at'
        when purposes.purpose is null then 'unknown purpose'
        when not timed.is_status_known then 'unknown status'
        when coalesce(timed.customer_id, timed.anonymous_id, timed.email, timed.phone) is null
            then 'nobody named'
        -- a choice dated ahead is no error: a grant waits for its day, a restriction acts when recorded
        when timed.is_recorded_at_known and timed.is_recording_wrong
            then 'recorded_at lies after the data was ingested'
    end as rejected_reason
from timed
left join purposes on timed.purpose = purposes.purpose
