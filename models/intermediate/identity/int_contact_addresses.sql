{{ config(materialized='table') }}

with customers as (
    select * from {{ ref('int_customers') }}
),

orders as (
    select * from {{ ref('int_orders') }}
),

consents as (
    select * from {{ ref('int_consents') }}
),

held as (
    select
        'email' as channel,
        email as address,
        'customer_id' as identifier_type,
        customer_id as identifier
    from customers

    union

    select
        'phone' as channel,
        phone as address,
        'customer_id' as identifier_type,
        customer_id as identifier
    from customers

    union

    select
        'email' as channel,
        email as address,
        case when customer_id is null then 'email' else 'customer_id' end as identifier_type,
        coalesce(customer_id, email) as identifier
    from orders

    union

    select
        'phone' as channel,
        phone as address,
        case
            when customer_id is not null then 'customer_id'
            when email is not null then 'email'
            else 'phone'
        end as identifier_type,
        coalesce(customer_id, email, phone) as identifier
    from orders

    union

    select
        'email' as channel,
        email as address,
        case when customer_id is null then 'email' else 'customer_id' end as identifier_type,
        coalesce(customer_id, email) as identifier
    from consents

    union

    select
        'phone' as channel,
        phone as address,
        case
            when customer_id is not null then 'customer_id'
            when email is not null then 'email'
            else 'phone'
        end as identifier_type,
        coalesce(customer_id, email, phone) as identifier
    from consents
)

select
    channel,
    address,
    identifier_type,
    identifier
from held
where address is not null
