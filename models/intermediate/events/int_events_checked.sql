{{ config(materialized=view_or_copy()) }}
{#- a literal, not a join with the settings: a condition on a joined row would be tested apart from the scan -#}
{%- set ingested_at = instant_setting('INGESTED_AT') -%}

with events as (
    select * from {{ ref('stg_generic__events') }}
)

select
    events.source_system,
    case when erased.identifier_hash is null then events.event_id end as event_id,
    events.event_type,
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
    coalesce(events.recorded_at, events.occurred_at) as recorded_at,
    events.unreadable_value,
    -- the same as "no rejected_reason", without its texts; one expression, because the planner of DuckDB takes each condition for
    -- one that keeps a fifth of the rows, and builds its hash tables on the wrong side once it expects a hundredth
    case
        when erased.identifier_hash is not null then false
        when events.event_id is null or events.event_type is null or events.occurred_at is null then false
        when events.unreadable_column is not null then false
        when events.occurred_at > {{ plus_seconds('events.recorded_at', 300) }} then false
        when coalesce(events.recorded_at, events.occurred_at) > {{ ingested_at }} then false
        else true
    end as is_usable,
    erased.erased_until,
    case
        when erased.identifier_hash is not null then {{ erased_reason() }}
        when events.event_id is null then 'missing event_id'
        when events.unreadable_column is not null then 'unreadable ' || events.unreadable_column
        when events.occurred_at is null then 'missing occurred_at'
        when events.event_type is null then 'missing event_type'
        {{ time_rejections('events.occurred_at', 'events.recorded_at', ingested_at) }}
    end as rejected_reason
from events
{{ join_erased("'customer_id'", 'events.customer_id', ['events.occurred_at', 'events.recorded_at']) }}
