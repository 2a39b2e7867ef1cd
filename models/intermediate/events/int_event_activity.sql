{{ config(materialized='table') }}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

events as (
    select * from {{ ref('int_events') }}
    where customer_id is not null
),

periods as (
    select * from {{ ref('int_consent_periods') }}
    where identifier_type = 'customer_id'
),

-- an event counts where its purpose was permitted when it happened and still is
permitted as (
    select
        clock.as_of,
        events.customer_id,
        events.event_id,
        events.event_type,
        events.amount,
        events.occurred_at,
        periods.identifier is not null as is_permitted
    from events
    inner join clock
        on events.occurred_at <= clock.as_of
        and events.recorded_at <= clock.known_at
    left join periods
        on events.customer_id = periods.identifier
        and events.purpose = periods.purpose
        and {{ is_in_interval('events.occurred_at', 'periods.permitted_from', 'periods.permitted_to') }}
),

-- the one pass over all of history holds only what a re-delivered event cannot change
history as (
    select
        as_of,
        customer_id,
        min(occurred_at) filter (where is_permitted) as first_seen_at,
        max(occurred_at) filter (where is_permitted) as last_seen_at,
        max(occurred_at) filter (where is_permitted and event_type = 'checkout_started') as checkout_started_at,
        max(occurred_at) filter (
            where is_permitted and event_type = 'add_to_cart' and occurred_at <= {{ plus_seconds('as_of', -3600) }}
        ) as last_add_to_cart_at,
        max(occurred_at) filter (where is_permitted and event_type = 'email_opened') as last_email_opened_at,
        max(occurred_at) filter (where is_permitted and event_type = 'subscribed') as subscribed_at,
        max(occurred_at) filter (where is_permitted and event_type = 'unsubscribed') as unsubscribed_at,
        {{ latest('amount', 'occurred_at', 'event_id', "is_permitted and event_type = 'survey_answered'") }} as last_survey_score,
        count(distinct case when is_permitted and event_type = 'referral' then event_id end) as referral_count
    from permitted
    group by as_of, customer_id
),

recent as (
    select
        as_of,
        customer_id,
        count(distinct case when {{ in_last_days('occurred_at', 30) }} then session_id end) as session_count_30d,
        count(distinct session_id) as session_count_90d,
        count(distinct case when device_type = 'mobile' then session_id end) as mobile_session_count_90d,
        count(distinct case when event_type = 'product_view' and {{ in_last_days('occurred_at', 30) }} then event_id end)
            as product_view_count_30d,
        count(distinct case when event_type = 'product_view' then event_id end) as product_view_count_90d,
        count(distinct case when event_type = 'email_clicked' then event_id end) as email_click_count_90d,
        count(distinct case when event_type = 'support_ticket' then event_id end) as support_ticket_count_90d
    from {{ ref('int_recent_events') }}
    group by as_of, customer_id
)

select
    history.as_of,
    history.customer_id,
    history.first_seen_at,
    history.last_seen_at,
    coalesce(recent.session_count_30d, 0) as session_count_30d,
    coalesce(recent.session_count_90d, 0) as session_count_90d,
    coalesce(recent.mobile_session_count_90d, 0) as mobile_session_count_90d,
    coalesce(recent.product_view_count_30d, 0) as product_view_count_30d,
    coalesce(recent.product_view_count_90d, 0) as product_view_count_90d,
    history.checkout_started_at,
    history.last_add_to_cart_at,
    history.last_email_opened_at,
    coalesce(recent.email_click_count_90d, 0) as email_click_count_90d,
    history.subscribed_at,
    history.unsubscribed_at,
    coalesce(recent.support_ticket_count_90d, 0) as support_ticket_count_90d,
    history.last_survey_score,
    history.referral_count
from history
left join recent
    on history.as_of = recent.as_of
    and history.customer_id = recent.customer_id
