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
        features.last_visited_at as last_activity_at
    from features
    inner join versions
        on {{ is_in_interval('features.as_of', 'versions.effective_from', 'versions.effective_to') }}
    where features.session_count_90d >= versions.min_session_count
        -- exact: no rounded share is compared
        and features.mobile_session_count_90d >= versions.min_mobile_share * features.session_count_90d
)

select * from members
