-- Could a restore of an older backup bring an erased person back?
-- One row per erasure, the newest first: up to when facts about the person stay out, how many identifiers are on the list that
-- keeps them out, and the newest restore-check since, which looks at the whole list at once: of all erasures on it, how many
-- the databases had lost then (it repeats each), and how many keys of all erased persons were left afterwards (expected: none).
-- Without a check since, nobody has tried. Reads the restricted database.
with erasures as (
    select
        deletion_id,
        max(log_number) as log_number,
        min(requested_at) as requested_at,
        min(acted_at) as acted_at,
        max(effective_at) as kept_out_up_to
    from {{ source('lifecycle', 'deletion_log') }}
    where kind = 'erasure'
    group by deletion_id
),

requests as (
    select
        deletion_id,
        min(request_id) as request_id
    from {{ source('vault', 'erasure_requests') }}
    where deletion_id is not null
    group by deletion_id
),

suppressed as (
    select
        deletion_id,
        count(*) as n_identifiers
    from {{ source('vault', 'erased_identifiers') }}
    group by deletion_id
),

checks as (
    select
        erasures.deletion_id,
        restore_checks.*,
        row_number() over (
            partition by erasures.deletion_id order by restore_checks.checked_at desc, restore_checks.n_listed desc
        ) as newness,
        count(*) over (partition by erasures.deletion_id) as n_checks
    from erasures
    inner join {{ source('lifecycle', 'restore_checks') }} as restore_checks on erasures.acted_at <= restore_checks.checked_at
)

select
    requests.request_id,
    erasures.requested_at,
    erasures.acted_at,
    erasures.kept_out_up_to,
    coalesce(suppressed.n_identifiers, 0) as n_identifiers_kept_out,
    coalesce(checks.n_checks, 0) as n_checks,
    checks.checked_at as last_checked_at,
    checks.executor as last_checked_by,
    checks.n_listed as n_listed_in_check,
    checks.n_missing as n_missing_in_check,
    checks.n_keys_left as n_keys_left_in_check
from erasures
left join requests on erasures.deletion_id = requests.deletion_id
left join suppressed on erasures.deletion_id = suppressed.deletion_id
left join checks
    on erasures.deletion_id = checks.deletion_id
    and checks.newness = 1
order by erasures.log_number desc
