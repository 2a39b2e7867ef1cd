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
    where features.order_count >= versions.min_order_count
        and features.churn_risk_90d >= versions.min_churn_risk_90d
        and features.retention_state in ('active', 'drifting')
)

select * from members
