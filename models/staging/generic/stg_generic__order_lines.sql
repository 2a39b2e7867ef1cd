{%- set types = {
    'line_number': 'integer',
    'quantity': 'integer',
    'unit_price': 'money',
    'discount_amount': 'money',
    'recorded_at': 'timestamp'
} -%}

with source as (
    select * from {{ raw('order_lines') }}
),

renamed as (
    select
        'generic' as source_system,

        -- strings
        {{ as_text('order_id') }} as order_id,
        {{ as_text('product_id') }} as product_id,

        -- numbers
        {{ as_integer('line_number') }} as line_number,
        {{ as_integer('quantity') }} as quantity,
        {{ as_money('unit_price') }} as unit_price,
        {{ as_money('discount_amount') }} as discount_amount,

        -- dates and times
        {{ as_timestamp('recorded_at') }} as recorded_at,

        -- what could not be read
        {{ unreadable(types) }} as unreadable_column,
        {{ unreadable(types, show='value') }} as unreadable_value
    from source
)

select * from renamed
