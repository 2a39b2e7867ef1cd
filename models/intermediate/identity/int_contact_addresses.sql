{{ config(materialized='table') }}

with customers as (
    select
        customer_id,
        email,
        phone,
        recorded_at
    from {{ ref('int_customers') }}

    union all

    -- a record with a cell that cannot be read is no record, but whose address it was is told: a refusal must find its holder
    select
        customer_id,
        email,
        phone,
        recorded_at
    from {{ ref('int_customers_checked') }}
    where rejected_reason like 'unreadable %'
),

orders as (
    select * from {{ ref('int_orders') }}
),

consents as (
    select * from {{ ref('int_consents') }}
    where not is_person_erased
),

held as (
    select
        'email' as channel,
        email as address,
        'customer_id' as identifier_type,
        customer_id as identifier,
        recorded_at
    from customers

    union all

    select
        'phone' as channel,
        phone as address,
        'customer_id' as identifier_type,
        customer_id as identifier,
        recorded_at
    from customers

    union all

    select
        'email' as channel,
        email as address,
        case when customer_id is null then 'email' else 'customer_id' end as identifier_type,
        coalesce(customer_id, email) as identifier,
        recorded_at
    from orders

    union all

    select
        'phone' as channel,
        phone as address,
        case
            when customer_id is not null then 'customer_id'
            when email is not null then 'email'
            else 'phone'
        end as identifier_type,
        coalesce(customer_id, email, phone) as identifier,
        recorded_at
    from orders

    union all

    select
        'email' as channel,
        email as address,
        case when customer_id is null then 'email' else 'customer_id' end as identifier_type,
        coalesce(customer_id, email) as identifier,
        recorded_at
    from consents

    union all

    select
        'phone' as channel,
        phone as address,
        case
            when customer_id is not null then 'customer_id'
            when email is not null then 'email'
            else 'phone'
        end as identifier_type,
        coalesce(customer_id, email, phone) as identifier,
        recorded_at
    from consents
)

-- whoever held an address once stays its holder: known from the first recording of any fact that names it
select
    channel,
    address,
    identifier_type,
    identifier,
    min(recorded_at) as recorded_at
from held
where address is not null
group by channel, address, identifier_type, identifier
