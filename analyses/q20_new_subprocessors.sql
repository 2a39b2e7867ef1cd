-- Which subprocessors came or went in a period, and who approved that?
-- One row per vendor, list and subprocessor that the list added, changed or removed; `first` is a vendor's first list.
-- is_approved_in_time: approved no later than the list's own date.
with asked as (
    select
        cast('2026-01-01 00:00:00' as {{ dbt.type_timestamp() }}) as from_instant,
        cast('2026-04-01 00:00:00' as {{ dbt.type_timestamp() }}) as to_instant
),

subprocessors as (
    select * from {{ ref('vendor_subprocessors') }}
)

select
    subprocessors.vendor_id,
    subprocessors.list_as_of,
    subprocessors.subprocessor,
    subprocessors.list_change,
    subprocessors.country,
    subprocessors.transfer_region,
    subprocessors.service,
    subprocessors.recorded_on,
    subprocessors.approved_by,
    subprocessors.approved_on,
    coalesce(subprocessors.approved_on <= subprocessors.list_as_of, false) as is_approved_in_time
from asked
inner join subprocessors
    on asked.from_instant <= subprocessors.list_as_of
    and asked.to_instant > subprocessors.list_as_of
where subprocessors.list_change != 'kept'
order by subprocessors.vendor_id, subprocessors.list_as_of, subprocessors.subprocessor
