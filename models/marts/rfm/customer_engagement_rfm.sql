with visitors as (
    select
        behaviour.as_of,
        behaviour.customer_key,
        {{ days_between(local_date('behaviour.last_seen_at'), local_date('behaviour.as_of')) }} as days_since_last_seen,
        behaviour.session_count_90d,
        behaviour.product_view_count_90d
    from {{ ref('customer_behaviour') }} as behaviour
    inner join {{ ref('customers') }} as customers
        on behaviour.as_of = customers.as_of
        and behaviour.customer_key = customers.customer_key
    where customers.not_profiled_reason is null
        and behaviour.last_seen_at is not null
        -- null is not permitted: such a person is scored on nothing, and counted in no rank
        and behaviour.session_count_90d is not null
),

cuts as (
    {{ frozen_cuts(['days_since_last_seen', 'session_count_90d', 'product_view_count_90d']) }}
),

scored as (
    select
        visitors.*,
        {{ metric_score('visitors.days_since_last_seen', 'days_since_last_seen', 'visitors.as_of', is_less_better=true) }}
            as r_score,
        {{ metric_score('visitors.session_count_90d', 'session_count_90d', 'visitors.as_of') }} as f_score,
        {{ metric_score('visitors.product_view_count_90d', 'product_view_count_90d', 'visitors.as_of') }} as m_score
    from visitors
    inner join cuts on visitors.as_of = cuts.as_of
),

grid as (
    select * from {{ ref('rfm_grid') }}
)

select
    scored.as_of,
    scored.customer_key,
    scored.days_since_last_seen,
    scored.session_count_90d,
    scored.product_view_count_90d,
    scored.r_score,
    scored.f_score,
    scored.m_score,
    cast(scored.r_score as {{ dbt.type_string() }}) || cast(scored.f_score as {{ dbt.type_string() }})
    || cast(scored.m_score as {{ dbt.type_string() }}) as rfm_cell,
    grid.rfm_segment
from scored
left join grid
    on scored.r_score = grid.r_score
    and scored.f_score = grid.f_score
