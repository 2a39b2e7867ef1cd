with category_spend as (
    select * from {{ ref('int_category_spend') }}
),

activity as (
    select * from {{ ref('int_recent_activity') }}
    where viewed_30d is not null
),

products as (
    select
        product_id,
        product_category
    from {{ ref('int_products') }}
    where superseded_at is null
),

-- health, religion and the like enter no feature
sensitive as (
    select category from {{ ref('sensitive_categories') }}
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
),

views as (
    select
        as_of,
        customer_id,
        unnest(viewed_30d) as viewed
    from activity
),

-- what an event showed stands behind its id, whose length stands before it: c<category>, else p<product>
shown as (
    select
        as_of,
        customer_id,
        viewed,
        substr(
            viewed, {{ dbt.position("':'", 'viewed') }} + 1 + cast({{ dbt.split_part('viewed', "':'", 1) }} as integer)
        ) as subject
    from views
),

viewed_categories as (
    select
        shown.as_of,
        'customer_id' as identifier_type,
        shown.customer_id as identifier,
        case when shown.subject like 'c%' then substr(shown.subject, 2) else products.product_category end as product_category,
        shown.viewed
    from shown
    left join products on shown.subject = 'p' || products.product_id
),

-- an event delivered again counts once; a line bought counts as much as a view
signals as (
    select
        viewed_categories.as_of,
        viewed_categories.identifier_type,
        viewed_categories.identifier,
        viewed_categories.product_category,
        count(distinct viewed_categories.viewed) as signal_count
    from viewed_categories
    left join sensitive on {{ folded_word('viewed_categories.product_category') }} = sensitive.category
    where viewed_categories.product_category is not null
        and sensitive.category is null
    group by
        viewed_categories.as_of, viewed_categories.identifier_type, viewed_categories.identifier,
        viewed_categories.product_category

    union all

    select
        as_of,
        identifier_type,
        identifier,
        product_category,
        line_count_30d as signal_count
    from category_spend
    where line_count_30d > 0
),

interests as (
    select
        as_of,
        identifier_type,
        identifier,
        product_category,
        sum(signal_count) as signal_count
    from signals
    group by as_of, identifier_type, identifier, product_category
),

ranked_interests as (
    select
        *,
        sum(signal_count) over (partition by as_of, identifier_type, identifier) as total_count,
        row_number() over (
            partition by as_of, identifier_type, identifier
            order by signal_count desc, {{ byte_ordered('product_category') }} asc
        ) as interest_rank
    from interests
),

people as (
    select
        as_of,
        identifier_type,
        identifier
    from ranked
    where category_rank = 1

    union

    select
        as_of,
        identifier_type,
        identifier
    from ranked_interests
    where interest_rank = 1
)

select
    people.as_of,
    customer_keys.customer_key,
    ranked.product_category as top_category,
    {{ exact_ratio('ranked.spend', 'ranked.total_spend') }} as top_category_share,
    ranked_interests.product_category as interest_category,
    {{ exact_ratio('ranked_interests.signal_count', 'ranked_interests.total_count') }} as interest_category_share,
    cast(ranked_interests.signal_count as bigint) as interest_category_count_30d,
    cast(ranked_interests.total_count as bigint) as interest_count_30d
from people
inner join customer_keys
    on people.identifier_type = customer_keys.identifier_type
    and people.identifier = customer_keys.identifier
left join ranked
    on people.as_of = ranked.as_of
    and people.identifier_type = ranked.identifier_type
    and people.identifier = ranked.identifier
    and ranked.category_rank = 1
left join ranked_interests
    on people.as_of = ranked_interests.as_of
    and people.identifier_type = ranked_interests.identifier_type
    and people.identifier = ranked_interests.identifier
    and ranked_interests.interest_rank = 1
