select
    table_name,
    n_rows_in,
    n_accepted,
    n_revisions,
    n_duplicates,
    n_rejected,
    n_erased_rows
from {{ ref('control_totals') }}
where n_rows_in != n_accepted + n_revisions + n_duplicates + n_rejected + n_erased_rows
