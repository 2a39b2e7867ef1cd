select
    table_name,
    n_rows_in,
    n_accepted,
    n_revisions,
    n_duplicates,
    n_rejected
from {{ ref('control_totals') }}
where n_rows_in != n_accepted + n_revisions + n_duplicates + n_rejected
