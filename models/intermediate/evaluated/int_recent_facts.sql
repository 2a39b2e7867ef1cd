with clock as (
    select * from {{ ref('evaluation_clock') }}
    where previous_as_of is not null
),

customer_keys as (
    select * from {{ ref('customer_keys') }}
),

linked_persons as (
    select * from {{ ref('int_linked_persons') }}
),

events as (
    select
        as_of,
        'customer_id' as identifier_type,
        customer_id as identifier,
        'late_event' as fact,
        late_event_count as n_facts,
        first_late_event_at as first_occurred_at
    from {{ ref('int_event_activity') }}
    where late_event_count > 0
),

-- a customer record is known from recorded_at on and says what held since it was created; without that date, since the record
-- before it
records as (
    select
        clock.as_of,
        'customer_id' as identifier_type,
        customers.customer_id as identifier,
        'late_record' as fact,
        count(*) as n_facts,
        min(coalesce(customers.created_at, former.recorded_at)) as first_occurred_at
    from clock
    inner join {{ ref('int_customers') }} as customers
        on clock.previous_known_at < customers.recorded_at
        and {{ is_in_interval('clock.known_at', 'customers.recorded_at', 'customers.superseded_at') }}
    left join {{ ref('int_customers') }} as former
        on customers.customer_id = former.customer_id
        and {{ is_in_interval('clock.previous_known_at', 'former.recorded_at', 'former.superseded_at') }}
    where coalesce(customers.created_at, former.recorded_at) <= clock.previous_as_of
    group by clock.as_of, customers.customer_id
),

late_rates as (
    select
        clock.as_of,
        clock.known_at,
        exchange_rates.currency,
        min(exchange_rates.rate_date) as rate_date
    from clock
    inner join {{ ref('int_exchange_rates') }} as exchange_rates
        on {{ local_date('clock.previous_as_of') }} >= exchange_rates.rate_date
        and clock.previous_known_at < exchange_rates.recorded_at
        and clock.known_at >= exchange_rates.recorded_at
    group by clock.as_of, clock.known_at, exchange_rates.currency
),

-- whose money a rate that was recorded late can move: orders since the day of the rate
converted as (
    select
        late_rates.as_of,
        case
            when orders.customer_id is not null then 'customer_id'
            when orders.email is not null then 'email'
            else 'phone'
        end as identifier_type,
        coalesce(orders.customer_id, orders.email, orders.phone) as identifier,
        'late_rate' as fact,
        count(*) as n_facts,
        min(orders.ordered_at) as first_occurred_at
    from late_rates
    inner join {{ ref('int_orders') }} as orders
        on late_rates.currency = orders.currency
        and late_rates.as_of >= orders.ordered_at
        and late_rates.rate_date <= {{ local_date('orders.ordered_at') }}
        and {{ is_in_interval('late_rates.known_at', 'orders.recorded_at', 'orders.superseded_at') }}
    group by late_rates.as_of, identifier_type, identifier
),

restricted_facts as (
    select * from events
    union all
    select * from {{ ref('int_late_choices') }}
    union all
    select * from records
    union all
    select * from converted
    union all
    select * from {{ ref('int_late_links') }}
)

select
    as_of,
    customer_key,
    fact,
    n_facts,
    first_occurred_at
from {{ ref('int_recent_order_facts') }}

union all

select
    restricted_facts.as_of,
    coalesce(linked_persons.person_key, customer_keys.customer_key) as customer_key,
    restricted_facts.fact,
    cast(sum(restricted_facts.n_facts) as bigint) as n_facts,
    min(restricted_facts.first_occurred_at) as first_occurred_at
from restricted_facts
inner join customer_keys
    on restricted_facts.identifier_type = customer_keys.identifier_type
    and restricted_facts.identifier = customer_keys.identifier
left join linked_persons
    on restricted_facts.as_of = linked_persons.as_of
    and restricted_facts.identifier_type = linked_persons.identifier_type
    and restricted_facts.identifier = linked_persons.identifier
group by
    restricted_facts.as_of, coalesce(linked_persons.person_key, customer_keys.customer_key), restricted_facts.fact
