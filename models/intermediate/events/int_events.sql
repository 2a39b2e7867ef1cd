with events as (
    select * from {{ ref('int_events_checked') }}
    where is_usable
),

event_types as (
    select
        event_type,
        purpose,
        is_customer_act
    from {{ ref('event_types') }}
)

select
    events.source_system,
    events.event_id,
    -- a type outside the contract is kept as "other"
    coalesce(event_types.event_type, 'other') as event_type,
    coalesce(event_types.purpose, 'personalize.content.profiling') as purpose,
    coalesce(event_types.is_customer_act, true) as is_customer_act,
    events.customer_id,
    events.anonymous_id,
    events.session_id,
    events.product_id,
    events.product_category,
    events.device_type,
    events.channel,
    events.campaign_id,
    events.segment_id,
    events.experiment_id,
    events.variant,
    events.consent_version,
    events.amount,
    events.occurred_at,
    events.recorded_at
from events
left join event_types on events.event_type = event_types.event_type
