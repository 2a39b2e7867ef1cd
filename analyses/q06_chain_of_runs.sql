-- How do I know that nobody edited the history? What `segmentation verify` computes again.
-- One row per run, in the order of the chain: each run_hash covers the run, its evaluations and the run_hash before it. This
-- lists them and checks the links; verify computes the hashes too. Compare the newest run_hash with one kept elsewhere.
with runs as (
    select * from {{ ref('segment_runs') }}
),

linked as (
    select
        *,
        coalesce(
            lag(run_hash) over (order by run_number), '0000000000000000000000000000000000000000000000000000000000000000'
        ) as run_hash_before,
        row_number() over (order by as_of, attempt) as expected_number
    from runs
)

select
    run_number,
    as_of,
    attempt,
    origin,
    n_segments,
    n_rows,
    run_number = expected_number and previous_hash = run_hash_before as is_linked,
    evaluations_hash,
    previous_hash,
    run_hash
from linked
order by run_number
