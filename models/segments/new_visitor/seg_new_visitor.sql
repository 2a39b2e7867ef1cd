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
        features.first_visited_at as last_activity_at
    from features
    inner join versions
        on {{ is_in_interval('features.as_of', 'versions.effective_from', 'versions.effective_to') }}
    where {{ in_last_days('features.first_visited_at', 'versions.visited_within_days', 'features.as_of') }}
        -- never bought: not an existing customer
        and {{ is_not_excluded() }}
)

select * from members
