with clock as (
    select * from {{ ref('evaluation_clock') }}
),

customer_keys as (
    select * from {{ ref('customer_keys') }}
),

linked_persons as (
    select * from {{ ref('int_linked_persons') }}
),

linked_accounts as (
    select * from linked_persons
    where identifier_type = 'customer_id'
),

held_records as (
    select
        clock.as_of,
        int_customers.*,
        linked_accounts.person_identifier
    from {{ ref('int_customers') }} as int_customers
    inner join clock
        on coalesce(int_customers.created_at, clock.as_of) <= clock.as_of
        and {{ is_in_interval(
            'clock.known_at', 'coalesce(int_customers.recorded_at, clock.known_at)', 'int_customers.superseded_at'
        ) }}
    left join linked_accounts
        on clock.as_of = linked_accounts.as_of
        and int_customers.customer_id = linked_accounts.identifier
),

-- the type stands as a column: DuckDB turns a constant in a left join's condition into a nested loop
records as (
    select
        as_of,
        'customer_id' as identifier_type,
        customer_id,
        country,
        region,
        birth_date,
        created_at
    from held_records
    where person_identifier is null

    union all

    -- of several records of one person the newest word counts, and the latest birth date: a child must not pass as of age
    select
        as_of,
        'customer_id' as identifier_type,
        person_identifier as customer_id,
        {{ latest('country', 'recorded_at', 'customer_id') }} as country,
        {{ latest('region', 'recorded_at', 'customer_id') }} as region,
        max(birth_date) as birth_date,
        min(created_at) as created_at
    from held_records
    where person_identifier is not null
    group by as_of, person_identifier
),

orders as (
    select
        as_of,
        customer_key,
        min(ordered_at) as first_seen_at,
        min(case when is_valid then ordered_at end) as first_order_at,
        -- of several at one instant any fixed choice that does not hang on keys, which differ from vault to vault
        {{ latest('country', 'ordered_at', 'country') }} as country,
        {{ latest('region', 'ordered_at', 'region') }} as region
    from {{ ref('orders') }}
    where customer_key is not null
    group by as_of, customer_key
),

consents as (
    select
        clock.as_of,
        coalesce(linked_persons.person_type, consent_events.identifier_type) as identifier_type,
        coalesce(linked_persons.person_identifier, consent_events.identifier) as identifier,
        min(consent_events.acts_at) as first_seen_at
    from {{ ref('int_consent_events') }} as consent_events
    inner join clock
        on {{ is_in_interval('clock.known_at', 'consent_events.recorded_at', 'consent_events.superseded_at') }}
        and consent_events.acts_at <= clock.as_of
    left join linked_persons
        on clock.as_of = linked_persons.as_of
        and consent_events.identifier_type = linked_persons.identifier_type
        and consent_events.identifier = linked_persons.identifier
    -- a restriction given by address is somebody else's act: it shows us nobody
    where not consent_events.is_by_address
    group by
        clock.as_of, coalesce(linked_persons.person_type, consent_events.identifier_type),
        coalesce(linked_persons.person_identifier, consent_events.identifier)
),

event_activity as (
    select
        as_of,
        'customer_id' as identifier_type,
        customer_id,
        first_seen_at
    from {{ ref('int_event_activity') }}
),

profiling_purposes as (
    select purpose from {{ ref('purposes') }}
    where is_profiling
),

profiling as (
    select
        as_of,
        customer_key,
        max(case when is_objected then 1 else 0 end) as is_objected,
        max(case when is_restricted then 1 else 0 end) as is_restricted
    from {{ ref('consent_state') }}
    where purpose in (select profiling_purposes.purpose from profiling_purposes)
    group by as_of, customer_key
),

known as (
    select
        clock.as_of,
        customer_keys.customer_key,
        customer_keys.identifier_type,
        orders.first_order_at,
        coalesce(records.country, orders.country) as country,
        coalesce(records.region, orders.region) as region,
        records.birth_date,
        records.created_at,
        orders.first_seen_at as first_bought_at,
        consents.first_seen_at as first_asked_at,
        event_activity.first_seen_at as first_visited_at
    from customer_keys
    cross join clock
    left join records
        on clock.as_of = records.as_of
        and customer_keys.identifier_type = records.identifier_type
        and customer_keys.identifier = records.customer_id
    left join orders
        on clock.as_of = orders.as_of
        and customer_keys.customer_key = orders.customer_key
    left join consents
        on clock.as_of = consents.as_of
        and customer_keys.identifier_type = consents.identifier_type
        and customer_keys.identifier = consents.identifier
    left join event_activity
        on clock.as_of = event_activity.as_of
        and customer_keys.identifier_type = event_activity.identifier_type
        and customer_keys.identifier = event_activity.customer_id
    where records.customer_id is not null
        or orders.customer_key is not null
        or consents.identifier is not null
        or event_activity.customer_id is not null
),

aged as (
    select
        known.*,
        {{ completed_years('known.birth_date', local_date('known.as_of')) }} as age_years
    from known
)

select
    aged.as_of,
    aged.customer_key,
    {{ least_of(['aged.created_at', 'aged.first_bought_at', 'aged.first_asked_at', 'aged.first_visited_at']) }} as first_seen_at,
    aged.first_order_at,
    aged.country,
    aged.region,
    case
        when aged.age_years < 18 then 'under_18'
        when aged.age_years < 25 then '18_24'
        when aged.age_years < 35 then '25_34'
        when aged.age_years < 45 then '35_44'
        when aged.age_years < 55 then '45_54'
        when aged.age_years < 65 then '55_64'
        when aged.age_years >= 65 then '65_plus'
    end as age_band,
    aged.identifier_type != 'customer_id' as is_guest,
    coalesce(linked_persons.identity_class, 'unlinked') as identity_class,
    case
        when profiling.is_restricted = 1 then 'restriction'
        when profiling.is_objected = 1 then 'objection'
        when aged.age_years < {{ var('minimum_age_years') | int }} then 'age_gate'
    end as not_profiled_reason
from aged
left join profiling
    on aged.as_of = profiling.as_of
    and aged.customer_key = profiling.customer_key
left join linked_persons
    on aged.as_of = linked_persons.as_of
    and aged.customer_key = linked_persons.customer_key
