-- Which rule and which code produced a segment on a date?
-- The version of the rule, its parameters and SQL with their hash, and the run that used them: the commit of the code
-- (`-dirty` when files differed from it), the hash of all rules together, dbt's version, who ran it and when.
with asked as (
    select
        cast('vip' as {{ dbt.type_string() }}) as segment_id,
        cast('2026-03-03 00:00:00' as {{ dbt.type_timestamp() }}) as on_instant
),

runs as (
    select * from {{ ref('segment_runs') }}
),

evaluations as (
    select * from {{ ref('segment_evaluations') }}
),

registry as (
    select * from {{ ref('segment_registry') }}
),

newest as (
    select max(runs.run_number) as run_number
    from asked
    inner join runs on asked.on_instant >= runs.as_of
)

select
    evaluations.segment_id,
    evaluations.spec_version,
    registry.parameters,
    registry.rule_hash,
    registry.effective_from,
    registry.effective_to,
    runs.run_number,
    runs.as_of,
    runs.code_sha,
    runs.spec_set_hash,
    runs.dbt_version,
    runs.origin,
    runs.executor,
    runs.executed_at,
    registry.rule_sql
from newest
inner join runs on newest.run_number = runs.run_number
inner join evaluations
    on runs.as_of = evaluations.as_of
    and runs.attempt = evaluations.attempt
inner join asked on evaluations.segment_id = asked.segment_id
left join registry
    on evaluations.segment_id = registry.segment_id
    and evaluations.spec_version = registry.spec_version
