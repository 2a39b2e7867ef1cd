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
        features.subscribed_at as last_activity_at
    from features
    inner join versions
        on {{ is_in_interval('features.as_of', 'versions.effective_from', 'versions.effective_to') }}
    where features.is_subscribed
        and {{ in_last_days('features.subscribed_at', 'versions.subscribed_within_days', 'features.as_of') }}
        and features.order_count = 0
)

select * from members
