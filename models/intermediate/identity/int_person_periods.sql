{{ config(tags=['clocked']) }}

with periods as (
    select * from {{ ref('int_consent_periods') }}
),

linked_persons as (
    select * from {{ ref('int_linked_persons') }}
),

linked_periods as (
    select
        periods.*,
        linked_persons.customer_key,
        linked_persons.person_key,
        linked_persons.person_identifier,
        linked_persons.identifier_count,
        linked_persons.is_held,
        linked_persons.merged_at
    from periods
    inner join linked_persons
        on periods.as_of = linked_persons.as_of
        and periods.identifier_type = linked_persons.identifier_type
        and periods.identifier = linked_persons.identifier
),

-- when each identifier permits for the first time since the merge
entries as (
    select
        as_of,
        person_key,
        purpose,
        customer_key,
        identifier_count,
        min(greatest(permitted_from, merged_at)) as permitted_from
    from linked_periods
    where is_held and (permitted_to is null or permitted_to > merged_at)
    group by as_of, person_key, purpose, customer_key, identifier_count
),

-- a merged person permits from when all of its identifiers do, and not at all while one does not
persons as (
    select
        as_of,
        person_key,
        purpose,
        max(permitted_from) as permitted_from
    from entries
    group by as_of, person_key, purpose, identifier_count
    having count(*) = identifier_count
),

cut_periods as (
    select
        linked_periods.*,
        persons.permitted_from as person_permitted_from
    from linked_periods
    inner join persons
        on linked_periods.as_of = persons.as_of
        and linked_periods.person_key = persons.person_key
        and linked_periods.purpose = persons.purpose
)

select
    periods.as_of,
    periods.known_at,
    periods.identifier_type,
    periods.identifier,
    periods.purpose,
    periods.permitted_from,
    periods.permitted_to,
    cast(null as {{ dbt.type_string() }}) as person_identifier
from periods
left join linked_persons
    on periods.as_of = linked_persons.as_of
    and periods.identifier_type = linked_persons.identifier_type
    and periods.identifier = linked_persons.identifier
where linked_persons.identifier is null

union all

-- before the merge each identifier had its own permission
select
    as_of,
    known_at,
    identifier_type,
    identifier,
    purpose,
    permitted_from,
    case when permitted_to < merged_at then permitted_to else merged_at end as permitted_to,
    person_identifier
from cut_periods
where permitted_from < merged_at

union all

select
    as_of,
    known_at,
    identifier_type,
    identifier,
    purpose,
    greatest(permitted_from, person_permitted_from) as permitted_from,
    permitted_to,
    person_identifier
from cut_periods
where permitted_to is null or permitted_to > person_permitted_from
