{% snapshot products_as_held %}

{{ config(
    unique_key='product_id',
    strategy='check',
    check_cols=['product_category', 'product_name'],
    updated_at='as_of',
    hard_deletes='invalidate',
    pre_hook=["{{ rewind_as_of('rows') }}", "{{ rewind_as_of('ends') }}"],
    full_refresh=false
) }}

-- depends_on: {{ ref('run_started') }}
with clock as (
    select * from {{ ref('evaluation_clock') }}
),

products as (
    select * from {{ ref('int_products') }}
    where superseded_at is null
)

select
    clock.as_of,
    products.product_id,
    products.product_category,
    products.product_name
from products
cross join clock

{% endsnapshot %}
