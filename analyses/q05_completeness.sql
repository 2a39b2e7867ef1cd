-- Is the population complete: is every raw row accounted for?
-- Rows in = accepted + revisions + duplicates + rejected + erased (rows of persons who were erased, that the shop's files
-- still hold), per table of the newest build; n_missing must be 0. The reasons of rejected rows: question q25.
with control_totals as (
    select * from {{ ref('control_totals') }}
)

select
    table_name,
    n_rows_in,
    n_accepted,
    n_revisions,
    n_duplicates,
    n_rejected,
    n_erased_rows,
    n_rows_in - n_accepted - n_revisions - n_duplicates - n_rejected - n_erased_rows as n_missing,
    newest_recorded_at
from control_totals
order by table_name
