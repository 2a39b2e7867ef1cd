with salts as (
    select * from {{ pid_salts() }}
    where destroyed_at is null
),

-- a device that never agreed to anything has no pseudonym
devices as (
    select distinct anonymous_id
    from {{ ref('int_consents_judged') }}
    where identifier_type = 'anonymous_id'
        and is_permissive
        and track = 'consent'
        and not {{ names_nobody('anonymous_id') }}
),

seen as (
    select
        'anonymous_id' as identifier_type,
        events.anonymous_id as identifier,
        events.occurred_at as seen_at
    from {{ ref('int_events') }} as events
    inner join devices on events.anonymous_id = devices.anonymous_id
    where events.customer_id is null

    union all

    select
        'email' as identifier_type,
        email as identifier,
        ordered_at as seen_at
    from {{ ref('int_orders') }}
    where email is not null

    union all

    select
        'email' as identifier_type,
        email as identifier,
        coalesce(created_at, recorded_at) as seen_at
    from {{ ref('int_customers') }}
    where email is not null

    union all

    select
        'email' as identifier_type,
        email as identifier,
        effective_at as seen_at
    from {{ ref('int_consents') }}
    where email is not null
),

-- by the time at which it happened: what is recorded late belongs to the epoch that it was in
first_seen as (
    select
        identifier_type,
        identifier,
        min(seen_at) as first_seen_at
    from seen
    group by identifier_type, identifier
)

select
    first_seen.identifier_type,
    first_seen.identifier,
    salts.epoch,
    {{ pid('first_seen.identifier_type', 'first_seen.identifier', 'salts') }} as pid
from first_seen
inner join salts on first_seen.first_seen_at < coalesce(salts.valid_to, cast('9999-12-31 00:00:00' as {{ dbt.type_timestamp() }}))
