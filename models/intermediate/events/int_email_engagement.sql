{{ config(materialized='table', tags=['clocked']) }}

with event_types as (
    select
        event_type,
        purpose
    from {{ ref('event_types') }}
    where event_type in ('email_sent', 'email_opened')
),

emails as (
    select
        events.customer_id,
        events.campaign_id,
        events.event_type,
        events.occurred_at,
        events.recorded_at,
        event_types.purpose
    from {{ ref('int_events_checked') }} as events
    inner join event_types on events.event_type = event_types.event_type
    where events.is_usable
        -- by this, and not by the join, DuckDB skips most other events while it reads
        and events.campaign_id is not null
),

-- without the other purposes they are clearly the smaller side of the join, and the engine keeps that in memory
periods as (
    select * from {{ ref('int_person_periods') }}
    where identifier_type = 'customer_id' and purpose in (select purpose from event_types)
),

-- one row per campaign: a campaign sent twice, or opened twice, is one
campaigns as (
    select
        periods.as_of,
        coalesce(periods.person_identifier, emails.customer_id) as customer_id,
        emails.campaign_id,
        max(emails.occurred_at) filter (where emails.event_type = 'email_sent') as sent_at,
        max(emails.occurred_at) filter (where emails.event_type = 'email_opened') as opened_at
    from emails
    inner join periods
        on emails.customer_id = periods.identifier
        and emails.purpose = periods.purpose
        and emails.occurred_at <= periods.as_of
        and emails.recorded_at <= periods.known_at
        and {{ is_in_interval('emails.occurred_at', 'periods.permitted_from', 'periods.permitted_to') }}
    group by periods.as_of, coalesce(periods.person_identifier, emails.customer_id), emails.campaign_id
),

newest as (
    select
        *,
        row_number() over (partition by as_of, customer_id order by sent_at desc, campaign_id asc) as newness
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
