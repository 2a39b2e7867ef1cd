-- How large were the segments, from when to when, in a period?
-- One row where a segment's size changed, and its size at the beginning of the period (from, up to but not including to).
-- Without a segment: all of them.
with asked as (
    select
        cast('2026-01-01 00:00:00' as {{ dbt.type_timestamp() }}) as from_instant,
        cast('2026-04-01 00:00:00' as {{ dbt.type_timestamp() }}) as to_instant,
        cast(null as {{ dbt.type_string() }}) as segment_id
),

sizes as (
    select * from {{ ref('segment_sizes') }}
)

select
    sizes.segment_id,
    sizes.valid_from,
    sizes.valid_to,
    sizes.n_members
from asked
inner join sizes
    on asked.to_instant > sizes.valid_from
    and (asked.from_instant < sizes.valid_to or sizes.valid_to is null)
    and sizes.segment_id = coalesce(asked.segment_id, sizes.segment_id)
order by sizes.segment_id, sizes.valid_from
