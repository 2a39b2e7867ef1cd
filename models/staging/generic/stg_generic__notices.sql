{%- set types = {
    'published_at': 'timestamp',
    'material_change': 'boolean',
    'invalidated_at': 'timestamp'
} -%}

with source as (
    select * from {{ raw('notices') }}
),

renamed as (
    select
        'generic' as source_system,

        -- strings
        {{ as_text('consent_version') }} as consent_version,
        {{ as_text('text_sha256') }} as text_sha256,
        {{ as_text('language') }} as language,
        {{ as_text('purposes') }} as purposes,

        -- booleans
        {{ as_boolean('material_change') }} as material_change,

        -- dates and times
        {{ as_timestamp('published_at') }} as published_at,
        {{ as_timestamp('invalidated_at') }} as invalidated_at,

        -- what could not be read
        {{ unreadable(types) }} as unreadable_column,
        {{ unreadable(types, show='value') }} as unreadable_value
    from source
)

select * from renamed
