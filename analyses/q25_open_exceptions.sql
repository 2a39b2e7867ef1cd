-- What failed, and is still open? The exceptions that the record itself shows.
-- One row per kind and subject: rejected rows by reason, tables that do not add up, dates evaluated more than once, runs whose
-- code is not a commit or whose build was killed, rules approved by their author, balancing tests missing, weekly checks of
-- vendors that failed or that nobody made.
with exceptions as (
    select
        'rejected_rows' as kind,
        table_name as subject,
        reason as detail,
        cast(sum(n_rows) as bigint) as n_rows
    from {{ ref('rejected_rows') }}
    group by table_name, reason

    union all

    select
        'rows_unaccounted_for' as kind,
        table_name as subject,
        'rows in = accepted + revisions + duplicates + rejected + erased does not hold' as detail,
        n_rows_in - n_accepted - n_revisions - n_duplicates - n_rejected - n_erased_rows as n_rows
    from {{ ref('control_totals') }}
    where n_rows_in != n_accepted + n_revisions + n_duplicates + n_rejected + n_erased_rows

    union all

    select
        'evaluated_again' as kind,
        cast(as_of as {{ dbt.type_string() }}) as subject,
        'the same date gave another result later' as detail,
        cast(max(attempt) as bigint) as n_rows
    from {{ ref('segment_runs') }}
    group by as_of
    having max(attempt) > 1

    union all

    select
        'code_not_a_commit' as kind,
        cast(as_of as {{ dbt.type_string() }}) as subject,
        coalesce(code_sha, 'not told') as detail,
        1 as n_rows
    from {{ ref('segment_runs') }}
    where (code_sha is null or code_sha like '%-dirty') and origin != 'recovered'

    union all

    select
        'run_recovered' as kind,
        cast(as_of as {{ dbt.type_string() }}) as subject,
        'the build was killed before its run was recorded' as detail,
        1 as n_rows
    from {{ ref('segment_runs') }}
    where origin = 'recovered'

    union all

    select
        'self_approved' as kind,
        segment_id as subject,
        'version ' || cast(spec_version as {{ dbt.type_string() }}) || ' by ' || author as detail,
        1 as n_rows
    from {{ ref('segment_registry') }}
    where author = approver

    union all

    select
        'balancing_test_missing' as kind,
        segment_id as subject,
        'version ' || cast(spec_version as {{ dbt.type_string() }}) as detail,
        1 as n_rows
    from {{ ref('segment_registry') }}
    where lawful_basis = 'legitimate_interests' and lia_ref is null

    union all

    select
        'vendor_check_' || result as kind,
        vendor_id as subject,
        iso_week || coalesce(': ' || reasons, '') as detail,
        1 as n_rows
    from {{ ref('vendor_verification') }}
    where is_failed
)

select
    kind,
    subject,
    detail,
    n_rows
from exceptions
order by kind, subject, detail
