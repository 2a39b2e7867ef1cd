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

statuses as (
    select
        status,
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
        recorded_at is not null as is_recorded_at_known,
        -- a choice without its recording that is dated ahead was held when the data was ingested: a restriction must not wait
        coalesce(
            recorded_at, case when effective_at > settings.ingested_at then settings.ingested_at else effective_at end
        ) as recorded_at,
        unreadable_column,
        unreadable_value,
        is_person_erased,
        is_erased
    from consents
    cross join settings
)

select
    normalised.source_system,
    normalised.consent_event_id,
    normalised.customer_id,
    normalised.anonymous_id,
    -- nobody else is bound by what an erased person agreed to: only that it replaces an older version is left
    case when not (normalised.is_person_erased and statuses.is_agreement) then normalised.email end as email,
    case when not (normalised.is_person_erased and statuses.is_agreement) then normalised.phone end as phone,
    normalised.purpose,
    normalised.status,
    normalised.consent_version,
    normalised.jurisdiction,
    normalised.event_type,
    normalised.source,
    normalised.request_id,
    normalised.effective_at,
    normalised.is_recorded_at_known,
    normalised.is_person_erased,
    normalised.recorded_at,
    normalised.unreadable_value,
    case
        when normalised.is_erased then {{ erased_reason() }}
        when normalised.consent_event_id is null then 'missing consent_event_id'
        when normalised.unreadable_column is not null then 'unreadable ' || normalised.unreadable_column
        when normalised.purpose is null then 'missing purpose'
        when normalised.status is null then 'missing status'
        when normalised.effective_at is null then 'missing effective_at'
        when purposes.purpose is null then 'unknown purpose'
        when statuses.status is null then 'unknown status'
        when coalesce(normalised.customer_id, normalised.anonymous_id, normalised.email, normalised.phone) is null
            then 'nobody named'
        -- a choice dated ahead is no error: a grant waits for its day, a restriction acts when recorded
        when normalised.is_recorded_at_known and normalised.recorded_at > settings.ingested_at
            then 'recorded_at lies after the data was ingested'
    end as rejected_reason
from normalised
cross join settings
left join purposes on normalised.purpose = purposes.purpose
left join statuses on normalised.status = statuses.status
