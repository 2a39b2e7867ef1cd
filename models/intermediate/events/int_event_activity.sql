{{ config(materialized='table', tags=['clocked']) }}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

events as (
    select * from {{ ref('int_events') }}
    where customer_id is not null
),

periods as (
    select * from {{ ref('int_person_periods') }}
    where identifier_type = 'customer_id'
),

linked_persons as (
    select * from {{ ref('int_linked_persons') }}
    where identifier_type = 'customer_id'
),

-- an event counts where its purpose was permitted when it happened and still is; what we did ourselves shows nobody. Of what does
-- not count type or purpose is null: a filter below is one comparison, because DuckDB takes three times as long for an AND
visible as (
    select
        clock.as_of,
        coalesce(linked_persons.person_identifier, events.customer_id) as customer_id,
        events.event_id,
        events.event_type,
        events.amount,
        events.occurred_at,
        case when periods.identifier is not null then events.event_type end as permitted_type,
        case when periods.identifier is not null and events.is_customer_act then events.purpose end as seen_purpose,
        periods.identifier is not null
        and events.occurred_at <= clock.previous_as_of
        and events.recorded_at > clock.previous_known_at as is_late
    from events
    inner join clock
        on events.occurred_at <= clock.as_of
        and events.recorded_at <= clock.known_at
    left join linked_persons
        on clock.as_of = linked_persons.as_of
        and events.customer_id = linked_persons.identifier
    left join periods
        on clock.as_of = periods.as_of
        and events.customer_id = periods.identifier
        and events.purpose = periods.purpose
        and {{ is_in_interval('events.occurred_at', 'periods.permitted_from', 'periods.permitted_to') }}
)

-- one pass; an event delivered again moves no minimum and no maximum
select
    as_of,
    customer_id,
    min(occurred_at) filter (where seen_purpose is not null) as first_seen_at,
    max(occurred_at) filter (where seen_purpose is not null) as last_seen_at,
    min(occurred_at) filter (where seen_purpose = 'personalize.content.profiling') as first_visited_at,
    max(occurred_at) filter (where seen_purpose = 'personalize.content.profiling') as last_visited_at,
    max(occurred_at) filter (where permitted_type = 'product_view') as last_viewed_at,
    max(occurred_at) filter (where permitted_type = 'checkout_started') as checkout_started_at,
    max(occurred_at) filter (
        where permitted_type = 'add_to_cart' and occurred_at <= {{ plus_seconds('as_of', -3600) }}
    ) as last_add_to_cart_at,
    max(occurred_at) filter (where permitted_type = 'email_opened') as last_email_opened_at,
    max(occurred_at) filter (where permitted_type = 'subscribed') as subscribed_at,
    max(occurred_at) filter (where permitted_type = 'unsubscribed') as unsubscribed_at,
    -- what stops messages needs no permission
    max(occurred_at) filter (where event_type = 'unsubscribed') as last_unsubscribed_at,
    {{ latest('amount', 'occurred_at', 'event_id', "permitted_type = 'survey_answered'") }} as last_survey_score,
    count(distinct event_id) filter (where permitted_type = 'referral') as referral_count,
    count(*) filter (where is_late) as late_event_count,
    min(occurred_at) filter (where is_late) as first_late_event_at
from visible
group by as_of, customer_id
