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
        features.checkout_started_at as last_activity_at
    from features
    inner join versions
        on {{ is_in_interval('features.as_of', 'versions.effective_from', 'versions.effective_to') }}
    where {{ in_last_days('features.checkout_started_at', 'versions.checkout_within_days', 'features.as_of') }}
        -- no order yet is no order since
        and coalesce(features.last_order_at <= features.checkout_started_at, true)
)

select * from members
