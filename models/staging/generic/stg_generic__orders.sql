{%- set types = {
    'ordered_at': 'timestamp',
    'gross_amount': 'money',
    'discount_amount': 'money',
    'recorded_at': 'timestamp'
} -%}

with source as (
    select * from {{ raw('orders') }}
),

renamed as (
    select
        'generic' as source_system,

        -- strings
        {{ as_text('order_id') }} as order_id,
        {{ as_text('customer_id') }} as customer_id,
        {{ as_text('email') }} as email,
        {{ as_text('phone') }} as phone,
        {{ as_text('currency') }} as currency,
        {{ as_text('status') }} as status,
        {{ as_text('coupon_code') }} as coupon_code,
        {{ as_text('channel') }} as channel,
        {{ as_text('device_type') }} as device_type,
        {{ as_text('country') }} as country,
        {{ as_text('region') }} as region,

        -- numbers
        {{ as_money('gross_amount') }} as gross_amount,
        {{ as_money('discount_amount') }} as discount_amount,

        -- dates and times
        {{ as_timestamp('ordered_at') }} as ordered_at,
        {{ as_timestamp('recorded_at') }} as recorded_at,

        -- what could not be read
        {{ unreadable(types) }} as unreadable_column,
        {{ unreadable(types, show='value') }} as unreadable_value
    from source
)

select * from renamed
