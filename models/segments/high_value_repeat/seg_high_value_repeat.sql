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
    where features.order_count_365d >= versions.min_order_count
        and features.distinct_channel_count >= versions.min_channel_count
        -- exact: average order value >= site average, cross-multiplied
        and features.net_spend * features.site_order_count >= features.site_net_spend * features.order_count
)

select * from members
