-- Run it again in front of me: is it the same answer? What was recorded, to compare with.
-- One row per segment of the run in force at that instant: date and knowledge to build again, the code to check out, the
-- counts, and the hash of the members. Without a segment: all of them.
with asked as (
    select
        cast('2026-03-03 00:00:00' as {{ dbt.type_timestamp() }}) as on_instant,
        cast(null as {{ dbt.type_string() }}) as segment_id
),

runs as (
    select * from {{ ref('segment_runs') }}
),

evaluations as (
    select * from {{ ref('segment_evaluations') }}
),

newest as (
    select max(runs.run_number) as run_number
    from asked
    inner join runs on asked.on_instant >= runs.as_of
)

select
    runs.run_number,
    runs.as_of,
    runs.known_at,
    runs.attempt,
    runs.code_sha,
    runs.dbt_version,
    evaluations.segment_id,
    evaluations.spec_version,
    evaluations.n_population,
    evaluations.n_not_permitted,
    evaluations.n_members,
    evaluations.partition_hash,
    runs.run_hash
from newest
inner join runs on newest.run_number = runs.run_number
inner join evaluations
    on runs.as_of = evaluations.as_of
    and runs.attempt = evaluations.attempt
inner join asked on evaluations.segment_id = coalesce(asked.segment_id, evaluations.segment_id)
order by evaluations.segment_id
