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
    -- value_group in its two parts, so that a change is traced to what moved it: others, or time
    where features.value_class = versions.value_class
        and features.retention_state in ('active', 'drifting')
)

select * from members
