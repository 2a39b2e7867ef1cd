{{ config(materialized='table', tags=['clocked']) }}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

-- strictness decides between two laws; the number names a law, so that one running maximum finds it
jurisdictions as (
    select
        *,
        case posture when 'opt_in' then 3 when 'opt_out' then 2 else 1 end as strictness,
        row_number() over (order by {{ byte_ordered('jurisdiction') }}) as jurisdiction_number
    from {{ ref('jurisdictions') }}
),

-- where a person lives, by the customer record; the first record tells of the time before it, too
records as (
    select
        clock.as_of,
        'customer_id' as identifier_type,
        customers.customer_id as identifier,
        case
            when row_number() over (partition by clock.as_of, customers.customer_id order by customers.recorded_at) = 1
                then cast('1900-01-01 00:00:00' as {{ dbt.type_timestamp() }})
            else customers.recorded_at
        end as valid_from,
        true as is_record,
        case
            when customers.region is null then customers.country
            when customers.country is null
                or starts_with({{ folded_code('customers.region') }}, {{ folded_code('customers.country') }} || '-')
                then customers.region
            else customers.country || '-' || customers.region
        end as stated,
        case when {{ is_in_interval('clock.known_at', 'customers.recorded_at', 'customers.superseded_at') }}
            then customers.birth_date end as birth_date
    from {{ ref('int_customers') }} as customers
    inner join clock
        on coalesce(customers.created_at, clock.as_of) <= clock.as_of
        and customers.recorded_at <= clock.known_at
),

-- what a choice says of the place counts until the next record
choices as (
    select distinct
        clock.as_of,
        consent_events.identifier_type,
        consent_events.identifier,
        consent_events.acts_at as valid_from,
        false as is_record,
        consent_events.jurisdiction as stated,
        cast(null as date) as birth_date
    from {{ ref('int_consent_events') }} as consent_events
    inner join clock
        on {{ is_in_interval('clock.known_at', 'consent_events.recorded_at', 'consent_events.superseded_at') }}
        and consent_events.acts_at <= clock.as_of
    where consent_events.jurisdiction is not null and not consent_events.is_by_address
),

places as (
    select * from records
    union all
    select * from choices
),

-- a part of a country without a row of its own is under the country's; a place that is not listed is under none, the strictest
laws as (
    select
        places.*,
        case when places.stated is not null then
            (coalesce(exact.strictness, country.strictness, 3) * 2 + case when places.is_record then 1 else 0 end) * 1000
            + coalesce(exact.jurisdiction_number, country.jurisdiction_number, 0)
        end as strength
    from places
    left join jurisdictions as exact on {{ folded_code('places.stated') }} = exact.jurisdiction
    left join jurisdictions as country
        on substr({{ folded_code('places.stated') }}, 1, 2) = country.jurisdiction
        -- "US" and "US-TX", not "Usbekistan"
        and substr({{ folded_code('places.stated') }} || '-', 3, 1) = '-'
),

epochs as (
    select
        *,
        sum(case when is_record then 1 else 0 end) over (
            partition by as_of, identifier_type, identifier order by valid_from
        ) as epoch
    from laws
),

-- since the last record, the strictest of the places named
decided as (
    select distinct
        as_of,
        identifier_type,
        identifier,
        valid_from,
        max(strength) over (partition by as_of, identifier_type, identifier, epoch order by valid_from) as strength,
        max(birth_date) over (partition by as_of, identifier_type, identifier) as birth_date
    from epochs
),

intervals as (
    select
        *,
        lead(valid_from) over (partition by as_of, identifier_type, identifier order by valid_from) as valid_to,
        {{ start_of_local_day(birthday('birth_date', var('opt_in_age_years') | int)) }} as of_age_at
    from decided
),

named as (
    select
        intervals.as_of,
        intervals.identifier_type,
        intervals.identifier,
        intervals.valid_from,
        intervals.valid_to,
        coalesce(jurisdictions.jurisdiction, 'unresolved') as resolved_jurisdiction,
        coalesce(jurisdictions.regime, 'unresolved') as regime,
        coalesce(jurisdictions.posture, 'opt_in') as posture,
        case when jurisdictions.posture in ('opt_out', 'notice_only') then
            greatest(intervals.valid_from, coalesce(intervals.of_age_at, intervals.valid_from))
        end as silence_permits_from
    from intervals
    left join jurisdictions on intervals.strength % 1000 = jurisdictions.jurisdiction_number
)

select
    as_of,
    identifier_type,
    identifier,
    valid_from,
    valid_to,
    resolved_jurisdiction,
    regime,
    posture,
    -- a person under age must opt in everywhere
    case when valid_to is null or silence_permits_from < valid_to then silence_permits_from end as silence_permits_from
from named
