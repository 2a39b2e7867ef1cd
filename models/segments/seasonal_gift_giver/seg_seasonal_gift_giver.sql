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
    where features.order_count between versions.min_order_count and versions.max_order_count
        -- exact: no rounded share is compared
        and features.seasonal_order_count >= versions.min_seasonal_share * features.order_count
        -- exact: average order value >= factor x site average, cross-multiplied
        and features.net_spend * features.site_order_count
            >= versions.site_average_factor * features.site_net_spend * features.order_count
)

select * from members
