{{ config(materialized=view_or_copy()) }}
{#- a literal, not a join with the settings: a condition on a joined row would be tested apart from the scan -#}
{%- set ingested_at = instant_setting('INGESTED_AT') -%}
{#- an event is of the person it names, else of the device -#}
{%- set side_type = "case when events.customer_id is null then 'anonymous_id' else 'customer_id' end" %}
{%- set device = 'case when events.customer_id is null then events.anonymous_id end' %}
{%- set is_erased = 'erased.identifier_hash is not null' %}
{%- set columns = [
    'session_id', 'product_id', 'product_category', 'device_type', 'channel', 'campaign_id', 'segment_id', 'experiment_id',
    'variant', 'consent_version', 'amount'
] %}

with events as (
    select * from {{ ref('stg_generic__events') }}
)

select
    events.source_system,
    case when erased.identifier_hash is null then events.event_id end as event_id,
    {{ without_content_in_a_copy('events.event_type', is_erased) }} as event_type,
    {{ without_content_in_a_copy('events.customer_id', is_erased) }} as customer_id,
    -- on which device a person did something is nobody's business from here on
    {{ without_content_in_a_copy(device, is_erased) }} as anonymous_id,
    {%- for column in columns %}
    {{ without_content_in_a_copy('events.' ~ column, is_erased) }} as {{ column }},
    {%- endfor %}
    {{ without_content_in_a_copy('events.judged_occurred_at', is_erased) }} as occurred_at,
    coalesce(events.recorded_at, events.occurred_at) as recorded_at,
    {{ without_content_in_a_copy('events.unreadable_value', is_erased) }} as unreadable_value,
    -- the same as "no rejected_reason", without its texts; one expression, because the planner of DuckDB takes each condition for
    -- one that keeps a fifth of the rows, and builds its hash tables on the wrong side once it expects a hundredth
    case
        when erased.identifier_hash is not null then false
        when events.event_id is null or events.event_type is null or events.occurred_at is null then false
        when events.unreadable_column is not null then false
        -- the first comparison spares nearly all rows the second, which adds to an instant
        when events.occurred_at > events.recorded_at
            and events.occurred_at > {{ plus_seconds('events.recorded_at', 300) }} then false
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
{{ join_erased(side_type, 'coalesce(events.customer_id, events.anonymous_id)', ['events.occurred_at', 'events.recorded_at']) }}
