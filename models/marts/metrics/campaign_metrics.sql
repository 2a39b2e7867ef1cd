{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    full_refresh=false,
    pre_hook="{{ rewind_rows() }}"
) }}

-- depends_on: {{ ref('evaluation_clock') }}
with windows as (
    select distinct
        as_of,
        window_from
    from {{ ref('int_metric_customers') }}
),

events as (
    select * from {{ ref('int_campaign_events') }}
),

sends as (
    select * from events
    where event_type = 'email_sent'
),

-- a campaign sent twice to a person, or opened twice, is one
recipients as (
    select
        events.as_of,
        events.customer_key,
        events.campaign_id,
        max(case when events.event_type = 'email_opened' then 1 else 0 end) as is_opened,
        max(case when events.event_type = 'email_clicked' then 1 else 0 end) as is_clicked
    from events
    inner join windows on events.as_of = windows.as_of
    where events.occurred_at > windows.window_from and events.campaign_id is not null
    group by events.as_of, events.customer_key, events.campaign_id
    having max(case when events.event_type = 'email_sent' then 1 else 0 end) = 1
),

-- who unsubscribes without naming a campaign had enough of the newest one sent
unsubscriptions as (
    select
        events.as_of,
        events.customer_key,
        events.event_key,
        coalesce(
            max(events.campaign_id), {{ latest('sends.campaign_id', 'sends.occurred_at', 'sends.event_key') }}
        ) as campaign_id
    from events
    inner join windows on events.as_of = windows.as_of
    left join sends
        on events.as_of = sends.as_of
        and events.customer_key = sends.customer_key
        and events.occurred_at >= sends.occurred_at
        and {{ plus_seconds('events.occurred_at', '-86400 * ' ~ (var('attribution_days') | int)) }} < sends.occurred_at
    where events.event_type = 'unsubscribed' and events.occurred_at > windows.window_from
    group by events.as_of, events.customer_key, events.event_key
),

unsubscribed as (
    select distinct
        as_of,
        customer_key,
        campaign_id
    from unsubscriptions
),

starters as (
    select
        as_of,
        segment_id,
        customer_key
    from {{ ref('int_metric_members') }}
    where moment = 'start' and segment_id != '(all)'
),

audiences as (
    select
        recipients.*,
        starters.segment_id
    from recipients
    inner join starters
        on recipients.as_of = starters.as_of
        and recipients.customer_key = starters.customer_key

    union all

    select
        recipients.*,
        '(all)' as segment_id
    from recipients
),

counts as (
    select
        audiences.as_of,
        audiences.segment_id,
        audiences.campaign_id,
        count(*) as n_sent,
        cast(sum(audiences.is_opened) as bigint) as n_opened,
        cast(sum(audiences.is_clicked) as bigint) as n_clicked,
        count(unsubscribed.customer_key) as n_unsubscribed
    from audiences
    left join unsubscribed
        on audiences.as_of = unsubscribed.as_of
        and audiences.customer_key = unsubscribed.customer_key
        and audiences.campaign_id = unsubscribed.campaign_id
    group by audiences.as_of, audiences.segment_id, audiences.campaign_id
)

select
    counts.as_of,
    counts.segment_id,
    counts.campaign_id,
    windows.window_from,
    counts.n_sent,
    counts.n_opened,
    counts.n_clicked,
    counts.n_unsubscribed,
    {{ exact_ratio('counts.n_opened', 'counts.n_sent') }} as open_rate,
    {{ exact_ratio('counts.n_clicked', 'counts.n_sent') }} as click_rate,
    {{ exact_ratio('counts.n_clicked', 'counts.n_opened') }} as click_to_open_rate,
    {{ exact_ratio('counts.n_unsubscribed', 'counts.n_sent') }} as unsubscribe_rate
from counts
inner join windows on counts.as_of = windows.as_of
