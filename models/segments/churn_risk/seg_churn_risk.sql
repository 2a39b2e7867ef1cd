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
    -- every value_class but low_value is of the tier core or potential_core
    where features.retention_state = versions.retention_state
        and features.value_class != versions.excluded_value_class
)

select * from members
