{%- set types = {
    'effective_at': 'timestamp',
    'score': 'rate',
    'valid_to': 'timestamp',
    'recorded_at': 'timestamp'
} -%}

with source as (
    select * from {{ raw('identity_links') }}
),

renamed as (
    select
        'generic' as source_system,

        -- strings
        {{ as_text('link_id') }} as link_id,
        {{ as_text('left_type') }} as left_type,
        {{ as_text('left_id') }} as left_id,
        {{ as_text('right_type') }} as right_type,
        {{ as_text('right_id') }} as right_id,
        {{ as_text('match_class') }} as match_class,
        {{ as_text('match_rule') }} as match_rule,
        {{ as_text('consent_event_id') }} as consent_event_id,

        -- numbers
        {{ as_rate('score') }} as score,

        -- dates and times
        {{ as_timestamp('effective_at') }} as effective_at,
        {{ as_timestamp('valid_to') }} as valid_to,
        {{ as_timestamp('recorded_at') }} as recorded_at,

        -- what could not be read
        {{ unreadable(types) }} as unreadable_column,
        {{ unreadable(types, show='value') }} as unreadable_value
    from source
)

select * from renamed
