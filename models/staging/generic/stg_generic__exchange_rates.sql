{%- set types = {
    'rate_date': 'date',
    'rate': 'rate',
    'recorded_at': 'timestamp'
} -%}

with source as (
    select * from {{ raw('exchange_rates') }}
),

renamed as (
    select
        'generic' as source_system,

        -- strings
        {{ as_text('currency') }} as currency,

        -- numbers
        {{ as_rate('rate') }} as rate,

        -- dates and times
        {{ as_date('rate_date') }} as rate_date,
        {{ as_timestamp('recorded_at') }} as recorded_at,

        -- what could not be read
        {{ unreadable(types) }} as unreadable_column,
        {{ unreadable(types, show='value') }} as unreadable_value
    from source
)

select * from renamed
