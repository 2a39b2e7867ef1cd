{%- set types = {
    'refunded_at': 'timestamp',
    'amount': 'money',
    'recorded_at': 'timestamp'
} -%}

with source as (
    select * from {{ raw('refunds') }}
),

renamed as (
    select
        'generic' as source_system,

        -- strings
        {{ as_text('refund_id') }} as refund_id,
        {{ as_text('order_id') }} as order_id,

        -- numbers
        {{ as_money('amount') }} as amount,

        -- dates and times
        {{ as_timestamp('refunded_at') }} as refunded_at,
        {{ as_timestamp('recorded_at') }} as recorded_at,

        -- what could not be read
        {{ unreadable(types) }} as unreadable_column,
        {{ unreadable(types, show='value') }} as unreadable_value
    from source
)

select * from renamed
