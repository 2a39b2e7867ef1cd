{%- set types = {
    'scheduled_at': 'timestamp',
    'recorded_at': 'timestamp'
} -%}

with source as (
    select * from {{ raw('scheduled_sends') }}
),

renamed as (
    select
        'generic' as source_system,

        -- strings
        {{ as_text('send_id') }} as send_id,
        {{ as_text('channel') }} as channel,
        {{ as_text('customer_id') }} as customer_id,
        {{ as_text('email') }} as email,
        {{ as_text('campaign_id') }} as campaign_id,
        {{ as_text('segment_id') }} as segment_id,

        -- dates and times
        {{ as_timestamp('scheduled_at') }} as scheduled_at,
        {{ as_timestamp('recorded_at') }} as recorded_at,

        -- what could not be read
        {{ unreadable(types) }} as unreadable_column,
        {{ unreadable(types, show='value') }} as unreadable_value
    from source
)

select * from renamed
