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

-- of all events, whatever the date evaluated: a key must not come and go with the clock
events as (
    select customer_id from {{ ref('int_events') }}
    where customer_id is not null
),

-- a person is known by customer id; a guest by e-mail, else by phone
named as (
    select
        'customer_id' as identifier_type,
        customer_id as identifier
    from orders
    where customer_id is not null

    union

    select
        'email' as identifier_type,
        email as identifier
    from orders
    where customer_id is null and email is not null

    union

    select
        'phone' as identifier_type,
        phone as identifier
    from orders
    where customer_id is null and email is null and phone is not null

    union

    select
        'customer_id' as identifier_type,
        customer_id as identifier
    from customers

    union

    select
        identifier_type,
        identifier
    from consents

    union

    select
        'customer_id' as identifier_type,
        customer_id as identifier
    from events
)

select
    identifier_type,
    identifier
from named
