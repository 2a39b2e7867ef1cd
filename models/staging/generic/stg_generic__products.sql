with source as (
    select * from {{ raw('products') }}
),

renamed as (
    select
        'generic' as source_system,

        -- strings
        {{ as_text('product_id') }} as product_id,
        {{ as_text('product_category') }} as product_category,
        {{ as_text('product_name') }} as product_name,

        -- what could not be read
        cast(null as {{ dbt.type_string() }}) as unreadable_column,
        cast(null as {{ dbt.type_string() }}) as unreadable_value
    from source
)

select * from renamed
