{%- set types = {
    'created_at': 'timestamp',
    'birth_date': 'date',
    'recorded_at': 'timestamp'
} -%}

with source as (
    select * from {{ raw('customers') }}
),

renamed as (
    select
        'generic' as source_system,

        -- strings
        {{ as_text('customer_id') }} as customer_id,
        {{ as_text('email') }} as email,
        {{ as_text('phone') }} as phone,
        {{ as_text('country') }} as country,
        {{ as_text('region') }} as region,
        {{ as_text('gender') }} as gender,

        -- dates and times
        {{ as_date('birth_date') }} as birth_date,
        {{ as_timestamp('created_at') }} as created_at,
        {{ as_timestamp('recorded_at') }} as recorded_at,

        -- what could not be read
        {{ unreadable(types) }} as unreadable_column,
        {{ unreadable(types, show='value') }} as unreadable_value
    from source
)

select * from renamed
