with listed as (
    select
        table_name,
        sum(n_rows) as n_rows
    from {{ ref('rejected_rows') }}
    group by table_name
)

select
    control_totals.table_name,
    control_totals.n_rejected,
    listed.n_rows
from {{ ref('control_totals') }} as control_totals
left join listed on control_totals.table_name = listed.table_name
where control_totals.n_rejected != coalesce(listed.n_rows, 0)
