{{ config(materialized='table', tags=['clocked']) }}
{%- set purpose = "'" ~ channel_purposes()['email'] ~ "'" %}
{%- set events_of_email = "(consent_events.purpose = '*' or " ~ is_same_or_below(purpose, 'consent_events.purpose') ~ ")" %}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

customer_keys as (
    select * from {{ ref('customer_keys') }}
),

linked_persons as (
    select * from {{ ref('int_linked_persons') }}
),

refunds as (
    select
        clock.as_of,
        int_refunds.order_id,
        sum(int_refunds.amount) as amount
    from {{ ref('int_refunds') }} as int_refunds
    inner join clock
        on int_refunds.refunded_at <= clock.as_of
        and {{ is_in_interval('clock.known_at', 'int_refunds.recorded_at', 'int_refunds.superseded_at') }}
    group by clock.as_of, int_refunds.order_id
),

-- the address that an account has now: what it had before is not written to
accounts as (
    select
        clock.as_of,
        int_customers.customer_id,
        int_customers.email
    from {{ ref('int_customers') }} as int_customers
    inner join clock on {{ is_in_interval('clock.known_at', 'int_customers.recorded_at', 'int_customers.superseded_at') }}
    where int_customers.email is not null
),

-- a sale that stands, in which the address was given; grouped before the accounts are asked
sales as (
    select
        clock.as_of,
        int_orders.customer_id,
        int_orders.email,
        min(int_orders.ordered_at) as customer_since
    from {{ ref('int_orders') }} as int_orders
    inner join clock
        on {{ mostly('int_orders.ordered_at <= clock.as_of and '
            ~ is_in_interval('clock.known_at', 'int_orders.recorded_at', 'int_orders.superseded_at')) }}
    left join refunds
        on clock.as_of = refunds.as_of
        and int_orders.order_id = refunds.order_id
    where int_orders.email is not null
        and {{ is_valid_order_status('int_orders.status') }}
        and int_orders.gross_amount - int_orders.discount_amount > coalesce(refunds.amount, 0)
    group by clock.as_of, int_orders.customer_id, int_orders.email
),

addressees as (
    select
        sales.as_of,
        case when sales.customer_id is null then 'email' else 'customer_id' end as identifier_type,
        coalesce(sales.customer_id, sales.email) as identifier,
        sales.customer_since
    from sales
    left join accounts
        on sales.as_of = accounts.as_of
        and sales.customer_id = accounts.customer_id
    where sales.email = coalesce(accounts.email, sales.email)
),

buyers as (
    select
        addressees.as_of,
        coalesce(linked_persons.person_key, customer_keys.customer_key) as customer_key,
        coalesce(max(linked_persons.identifier_count), 1) as identifier_count,
        min(addressees.customer_since) as customer_since
    from addressees
    inner join customer_keys
        on addressees.identifier_type = customer_keys.identifier_type
        and addressees.identifier = customer_keys.identifier
    left join linked_persons
        on addressees.as_of = linked_persons.as_of
        and customer_keys.customer_key = linked_persons.customer_key
    group by addressees.as_of, coalesce(linked_persons.person_key, customer_keys.customer_key)
),

-- where the law allows it, for every identifier of the person: a merge never widens permission
allowed as (
    select
        places.as_of,
        coalesce(linked_persons.person_key, customer_keys.customer_key) as customer_key,
        count(*) as identifier_count
    from {{ ref('int_jurisdictions') }} as places
    inner join customer_keys
        on places.identifier_type = customer_keys.identifier_type
        and places.identifier = customer_keys.identifier
    left join linked_persons
        on places.as_of = linked_persons.as_of
        and customer_keys.customer_key = linked_persons.customer_key
    where {{ is_in_interval('places.as_of', 'places.valid_from', 'places.valid_to') }}
        and places.soft_opt_in_from <= places.as_of
        and coalesce(linked_persons.is_held, true)
    group by places.as_of, coalesce(linked_persons.person_key, customer_keys.customer_key)
),

-- a refusal stands until a consent that held: one that was void takes nothing back
standing_refusals as (
    select
        clock.as_of,
        consent_events.identifier_type,
        consent_events.identifier
    from {{ ref('int_consent_events') }} as consent_events
    inner join clock
        on {{ is_in_interval('clock.known_at', 'consent_events.recorded_at', 'consent_events.superseded_at') }}
        and consent_events.acts_at <= clock.as_of
    where consent_events.track = 'consent' and {{ events_of_email }}
    group by clock.as_of, consent_events.identifier_type, consent_events.identifier
    having coalesce(
        max(case when consent_events.is_refusal then consent_events.effective_at end)
        >= max(case when consent_events.is_permissive then consent_events.effective_at end),
        max(case when consent_events.is_refusal then 1 else 0 end) = 1
    )
),

refusing as (
    select
        as_of,
        identifier_type,
        identifier
    from standing_refusals

    union

    select
        as_of,
        identifier_type,
        identifier
    from {{ ref('int_consent_choices') }}
    where purpose = {{ purpose }} and (is_refused or is_objected or is_restricted)

    union

    -- who unsubscribes objects, whatever else is permitted
    select
        as_of,
        'customer_id' as identifier_type,
        customer_id as identifier
    from {{ ref('int_event_activity') }}
    where last_unsubscribed_at is not null
),

refused as (
    select distinct
        refusing.as_of,
        coalesce(linked_persons.person_key, customer_keys.customer_key) as customer_key
    from refusing
    inner join customer_keys
        on refusing.identifier_type = customer_keys.identifier_type
        and refusing.identifier = customer_keys.identifier
    left join linked_persons
        on refusing.as_of = linked_persons.as_of
        and customer_keys.customer_key = linked_persons.customer_key
)

select
    buyers.as_of,
    buyers.customer_key,
    buyers.customer_since
from buyers
inner join allowed
    on buyers.as_of = allowed.as_of
    and buyers.customer_key = allowed.customer_key
    and buyers.identifier_count = allowed.identifier_count
left join refused
    on buyers.as_of = refused.as_of
    and buyers.customer_key = refused.customer_key
where refused.customer_key is null
