{{ config(materialized='table') }}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

emails as (
    select * from {{ ref('int_events') }}
    where customer_id is not null
        and campaign_id is not null
        and event_type in ('email_sent', 'email_opened')
),

periods as (
    select * from {{ ref('int_consent_periods') }}
    where identifier_type = 'customer_id'
),

-- one row per campaign: a campaign sent twice, or opened twice, is one
campaigns as (
    select
        clock.as_of,
        emails.customer_id,
        emails.campaign_id,
        max(emails.occurred_at) filter (where emails.event_type = 'email_sent') as sent_at,
        max(emails.occurred_at) filter (where emails.event_type = 'email_opened') as opened_at
    from emails
    inner join clock
        on emails.occurred_at <= clock.as_of
        and emails.recorded_at <= clock.known_at
    inner join periods
        on emails.customer_id = periods.identifier
        and emails.purpose = periods.purpose
        and {{ is_in_interval('emails.occurred_at', 'periods.permitted_from', 'periods.permitted_to') }}
    group by clock.as_of, emails.customer_id, emails.campaign_id
),

newest as (
    select
        *,
        row_number() over (partition by as_of, customer_id order by sent_at desc, campaign_id) as newness
    from campaigns
    where sent_at is not null
)

select
    as_of,
    customer_id,
    count(*) as email_count,
    count(*) filter (where opened_at is not null) as opened_count
from newest
where newness <= 6
group by as_of, customer_id
