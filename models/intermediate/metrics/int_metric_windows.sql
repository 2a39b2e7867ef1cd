-- what is on record of the window's start is read after this evaluation's own record
-- depends_on: {{ ref('segment_membership') }}
with windows as (
    select
        as_of,
        start_as_of,
        window_from,
        count(*) filter (where is_measured) as n_everybody,
        sum(case when is_measured then net_revenue_in_window else 0 end) as site_net_revenue_in_window
    from {{ ref('int_metric_customers') }}
    group by as_of, start_as_of, window_from
),

recorded as (
    {{ recorded_populations() }}
)

select
    windows.as_of,
    windows.start_as_of,
    windows.window_from,
    -- a start that is evaluated in the same pass is not on record yet, or anew
    coalesce(starts.n_everybody, recorded.n_everybody) as n_everybody_at_start,
    cast(windows.site_net_revenue_in_window as {{ money() }}) as site_net_revenue_in_window
from windows
left join windows as starts on windows.start_as_of = starts.as_of
left join recorded on windows.start_as_of = recorded.as_of
