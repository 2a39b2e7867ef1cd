{{ config(materialized='table') }}

with orders as (
    select * from {{ ref('int_orders') }}
),

customers as (
    select * from {{ ref('int_customers') }}
),

consents as (
    select * from {{ ref('int_consent_events') }}
),

links as (
    select * from {{ ref('int_identity_links') }}
),

-- of all events, whatever the date evaluated: a key must not come and go with the clock
events as (
    select
        customer_id,
        first_recorded_at as recorded_at
    from {{ ref('int_events_received') }}
    where customer_id is not null
),

-- a person is known by customer id; a guest by e-mail, else by phone
named as (
    select
        case
            when customer_id is not null then 'customer_id'
            when email is not null then 'email'
            else 'phone'
        end as identifier_type,
        coalesce(customer_id, email, phone) as identifier,
        recorded_at,
        recorded_at as held_at
    from orders
    where coalesce(customer_id, email, phone) is not null

    union all

    select
        'customer_id' as identifier_type,
        customer_id as identifier,
        recorded_at,
        recorded_at as held_at
    from customers

    union all

    select
        identifier_type,
        identifier,
        recorded_at,
        recorded_at as held_at
    from consents

    union all

    select
        'customer_id' as identifier_type,
        customer_id as identifier,
        recorded_at,
        recorded_at as held_at
    from events
    {%- for side in ['left', 'right'] %}

    union all

    select
        {{ side }}_type as identifier_type,
        {{ side }}_id as identifier,
        recorded_at,
        cast(null as {{ dbt.type_timestamp() }}) as held_at
    from links
    where {{ side }}_type != 'anonymous_id'
    {%- endfor %}
)

select
    identifier_type,
    identifier,
    min(recorded_at) as first_recorded_at,
    min(held_at) as first_held_at
from named
group by identifier_type, identifier
