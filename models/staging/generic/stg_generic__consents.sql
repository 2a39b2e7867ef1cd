{%- set types = {
    'effective_at': 'timestamp',
    'recorded_at': 'timestamp'
} -%}

with source as (
    select * from {{ raw('consents') }}
),

renamed as (
    select
        'generic' as source_system,

        -- strings
        {{ as_text('consent_event_id') }} as consent_event_id,
        {{ as_text('purpose') }} as purpose,
        {{ as_text('status') }} as status,
        {{ as_text('customer_id') }} as customer_id,
        {{ as_text('anonymous_id') }} as anonymous_id,
        {{ as_text('email') }} as email,
        {{ as_text('phone') }} as phone,
        {{ as_text('consent_version') }} as consent_version,
        {{ as_text('jurisdiction') }} as jurisdiction,
        {{ as_text('event_type') }} as event_type,
        {{ as_text('source') }} as source,
        {{ as_text('request_id') }} as request_id,

        -- dates and times
        {{ as_timestamp('effective_at') }} as effective_at,
        {{ as_timestamp('recorded_at') }} as recorded_at,

        -- what could not be read
        {{ unreadable(types) }} as unreadable_column,
        {{ unreadable(types, show='value') }} as unreadable_value
    from source
)

select * from renamed
