with category_spend as (
    select * from {{ ref('int_category_spend') }}
),

customer_keys as (
    select * from {{ ref('customer_keys') }}
),

ranked as (
    select
        *,
        sum(spend) over (partition by as_of, identifier_type, identifier) as total_spend,
        row_number() over (
            partition by as_of, identifier_type, identifier order by spend desc, product_category asc
        ) as category_rank
    from category_spend
)

select
    ranked.as_of,
    customer_keys.customer_key,
    ranked.product_category as top_category,
    {{ exact_ratio('ranked.spend', 'ranked.total_spend') }} as top_category_share
from ranked
inner join customer_keys
    on ranked.identifier_type = customer_keys.identifier_type
    and ranked.identifier = customer_keys.identifier
where ranked.category_rank = 1
