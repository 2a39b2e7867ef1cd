{{ config(materialized='table', tags=['clocked']) }}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

laws as (
    select * from {{ ref('int_laws') }}
),

listed as (
    select distinct place from laws
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
        on {{ mostly('coalesce(customers.created_at, clock.as_of) <= clock.as_of and customers.recorded_at <= clock.known_at') }}
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
        on {{ mostly(is_in_interval('clock.known_at', 'consent_events.recorded_at', 'consent_events.superseded_at')) }}
        and {{ mostly('consent_events.acts_at <= clock.as_of') }}
    where consent_events.jurisdiction is not null and not consent_events.is_by_address
),

coded_places as (
    select
        *,
        {{ folded_code('stated') }} as code
    from (
        select * from records
        union all
        select * from choices
    ) as stated_places
),

-- a part of a country without a row of its own is under the country's; a place that is not listed is under none, the strictest
places as (
    select
        coded_places.*,
        coalesce(exact.place, countries.place) as place
    from coded_places
    left join listed as exact on coded_places.code = exact.place
    -- "US" and "US-TX", not "Usbekistan"; a second condition on the same row would make DuckDB compare every row with every place
    left join listed as countries
        on case when substr(coded_places.code || '-', 3, 1) = '-' then substr(coded_places.code, 1, 2) end = countries.place
),

-- where somebody is known to live, the law may change, too
turns as (
    select * from places

    union all

    select distinct
        places.as_of,
        places.identifier_type,
        places.identifier,
        laws.valid_from,
        false as is_record,
        cast(null as {{ dbt.type_string() }}) as stated,
        cast(null as date) as birth_date,
        cast(null as {{ dbt.type_string() }}) as code,
        cast(null as {{ dbt.type_string() }}) as place
    from places
    inner join laws
        on places.place = laws.place
        and places.valid_from < laws.valid_from
        and places.as_of >= laws.valid_from
),

epochs as (
    select
        *,
        sum(case when is_record then 1 else 0 end) over (partition by as_of, identifier_type, identifier order by valid_from)
            as epoch,
        max(birth_date) over (partition by as_of, identifier_type, identifier) as known_birth_date
    from turns
),

instants as (
    select distinct
        as_of,
        identifier_type,
        identifier,
        epoch,
        valid_from,
        known_birth_date as birth_date
    from epochs
),

-- each place once since the last record, however often it was named; what the record names holds from the start
named_places as (
    select
        as_of,
        identifier_type,
        identifier,
        epoch,
        place,
        max(case when is_record then 1 else 0 end) as of_record,
        min(valid_from) as named_from
    from epochs
    where stated is not null
    group by as_of, identifier_type, identifier, epoch, place
),

-- since the last record, the strictest law in force of the places named; at equal strictness that of the record
ranked as (
    select
        instants.as_of,
        instants.identifier_type,
        instants.identifier,
        instants.valid_from,
        instants.birth_date,
        laws.jurisdiction,
        laws.regime,
        laws.posture,
        -- wherever else the person may live, it must be allowed there too
        min(case when laws.allows_soft_opt_in then 1 else 0 end) over (
            partition by instants.as_of, instants.identifier_type, instants.identifier, instants.valid_from
        ) = 1 as allows_soft_opt_in,
        row_number() over (
            partition by instants.as_of, instants.identifier_type, instants.identifier, instants.valid_from
            order by
                case laws.posture when 'notice_only' then 1 when 'opt_out' then 2 else 3 end desc,
                coalesce(named_places.of_record, 0) desc,
                coalesce({{ byte_ordered('laws.jurisdiction') }}, '') desc
        ) as law_rank
    from instants
    left join named_places
        on instants.as_of = named_places.as_of
        and instants.identifier_type = named_places.identifier_type
        and instants.identifier = named_places.identifier
        and instants.epoch = named_places.epoch
        and instants.valid_from >= named_places.named_from
    left join laws
        on named_places.place = laws.place
        and {{ is_in_interval('instants.valid_from', 'laws.valid_from', 'laws.valid_to') }}
),

intervals as (
    select
        *,
        lead(valid_from) over (partition by as_of, identifier_type, identifier order by valid_from) as valid_to,
        {{ start_of_local_day(birthday('birth_date', var('opt_in_age_years') | int)) }} as of_age_at
    from ranked
    where law_rank = 1
),

resolved as (
    select
        as_of,
        identifier_type,
        identifier,
        valid_from,
        valid_to,
        coalesce(jurisdiction, 'unresolved') as resolved_jurisdiction,
        coalesce(regime, 'unresolved') as regime,
        coalesce(posture, 'opt_in') as posture,
        case when posture in ('opt_out', 'notice_only') then greatest(valid_from, coalesce(of_age_at, valid_from)) end
            as silence_permits_from,
        case when allows_soft_opt_in then greatest(valid_from, coalesce(of_age_at, valid_from)) end as soft_opt_in_from
    from intervals
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
    case when valid_to is null or silence_permits_from < valid_to then silence_permits_from end as silence_permits_from,
    case when valid_to is null or soft_opt_in_from < valid_to then soft_opt_in_from end as soft_opt_in_from
from resolved
