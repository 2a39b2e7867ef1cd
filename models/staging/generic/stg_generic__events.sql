{%- set types = {
    'occurred_at': 'timestamp',
    'amount': 'money',
    'recorded_at': 'timestamp'
} -%}

with source as (
    select * from {{ raw('events') }}
),

renamed as (
    select
        'generic' as source_system,

        -- strings
        {{ as_text('event_id') }} as event_id,
        {{ as_text('event_type') }} as event_type,
        {{ as_text('customer_id') }} as customer_id,
        {{ as_text('anonymous_id') }} as anonymous_id,
        {{ as_text('session_id') }} as session_id,
        {{ as_text('product_id') }} as product_id,
        {{ as_text('product_category') }} as product_category,
        {{ as_text('device_type') }} as device_type,
        {{ as_text('channel') }} as channel,
        {{ as_text('campaign_id') }} as campaign_id,
        {{ as_text('segment_id') }} as segment_id,
        {{ as_text('experiment_id') }} as experiment_id,
        {{ as_text('variant') }} as variant,
        {{ as_text('consent_version') }} as consent_version,

        -- numbers
        {{ as_money('amount') }} as amount,

        -- dates and times
        {{ as_timestamp('occurred_at') }} as occurred_at,
        {{ as_judged_timestamp('occurred_at') }} as judged_occurred_at,
        {{ as_timestamp('recorded_at') }} as recorded_at,

        -- what could not be read
        {{ unreadable(types) }} as unreadable_column,
        {{ unreadable(types, show='value') }} as unreadable_value
    from source
)

select * from renamed
