with features as (
    select * from {{ ref('customer_features') }}
),

versions as (
    {{ spec_versions() }}
),

members as (
    select
        features.as_of,
        features.customer_key,
        versions.spec_version,
        features.last_interest_at as last_activity_at
    from features
    inner join versions
        on {{ is_in_interval('features.as_of', 'versions.effective_from', 'versions.effective_to') }}
    where features.interest_category_count_30d >= versions.min_count
        -- exact: no rounded share is compared
        and features.interest_category_count_30d >= versions.min_share * features.interest_count_30d
)

select * from members
