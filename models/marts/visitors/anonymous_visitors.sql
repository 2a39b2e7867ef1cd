with activity as (
    select * from {{ ref('int_device_activity') }}
    where last_seen_at is not null
),

-- whoever took consent back is gone, with everything from before
permitted as (
    select
        as_of,
        anonymous_id
    from {{ ref('int_device_periods') }}
    where purpose = 'personalize.content.profiling' and permitted_to is null
),

salts as (
    select * from {{ pid_salts() }}
),

windows as (
    select
        as_of,
        {{ start_of_local_day(
            date_plus_days(local_date('as_of'), '1 - (' ~ (var('anonymous_window_days') | int) ~ ')')
        ) }} as window_from
    from {{ ref('evaluation_clock') }}
)

select
    activity.as_of,
    {{ pid("'anonymous_id'", 'activity.anonymous_id', 'salts') }} as pid,
    activity.event_count,
    activity.session_count,
    activity.product_view_count,
    activity.first_seen_at,
    activity.last_seen_at,
    greatest(activity.followed_from, windows.window_from) as window_starts_at,
    activity.followed_from > windows.window_from as window_truncated
from activity
inner join permitted
    on activity.as_of = permitted.as_of
    and activity.anonymous_id = permitted.anonymous_id
inner join windows on activity.as_of = windows.as_of
inner join salts on {{ is_in_interval('activity.as_of', 'salts.valid_from', 'salts.valid_to') }}
