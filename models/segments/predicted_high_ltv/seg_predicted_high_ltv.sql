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
        features.last_order_at as last_activity_at
    from features
    inner join versions
        on {{ is_in_interval('features.as_of', 'versions.effective_from', 'versions.effective_to') }}
    -- exact: no rounded share is compared
    where features.newcomers_with_higher_ltv < versions.max_share * features.newcomer_count
)

select * from members
