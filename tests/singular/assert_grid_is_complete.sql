with scores as (
    {%- for score in [1, 2, 3, 4, 5] %}
    select {{ score }} as score
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

cells as (
    select
        r.score as r_score,
        f.score as f_score,
        count(grid.rfm_segment) as n_names
    from scores as r
    cross join scores as f
    left join {{ ref('rfm_grid') }} as grid
        on r.score = grid.r_score
        and f.score = grid.f_score
    group by r.score, f.score
),

names as (
    select count(distinct rfm_segment) as n_names
    from {{ ref('rfm_grid') }}
)

select 'cell ' || cast(r_score as {{ dbt.type_string() }}) || cast(f_score as {{ dbt.type_string() }}) as problem
from cells
where n_names != 1

union all

select 'names' as problem
from names
where n_names != 10
