{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail', full_refresh=false) }}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

-- every attempt becomes a run, whatever became of the build that made it
evaluations as (
    select evaluations.*
    from {{ ref('segment_evaluations') }} as evaluations
    {%- if is_incremental() %}
    where not exists (
        select 1 from {{ this }} as runs
        where runs.as_of = evaluations.as_of and runs.attempt = evaluations.attempt
    )
    {%- endif %}
),

spec_set as (
    select {{ sha256_hex(dbt.listagg('rule_hash', "''", 'order by segment_id, spec_version')) }} as spec_set_hash
    from {{ ref('segment_registry') }}
),

-- what the command tells about itself; a plain `dbt build` tells nothing, and no model reads the wall clock
caller as (
    select
        {{ text_setting('SEGMENTS_CODE_SHA', '[0-9a-f]{40}(-dirty)?', 'a git commit id') }} as code_sha,
        {{ text_setting('SEGMENTS_EXECUTOR', '[A-Za-z0-9_.@-]{1,64}', 'a user or job name') }} as executor,
        {{ instant_setting('SEGMENTS_EXECUTED_AT') }} as executed_at
),

leaves as (
    select
        *,
        {{ sha256_hex(canonical_fields(evaluation_fields())) }} as leaf
    from evaluations
),

attempts as (
    select
        as_of,
        known_at,
        attempt,
        count(*) as n_segments,
        cast(sum(n_members) as bigint) as n_rows,
        {{ sha256_hex(dbt.listagg('leaf', "''", 'order by leaf')) }} as evaluations_hash
    from leaves
    group by as_of, known_at, attempt
),

-- an attempt that is not this build's own was left by a build that was killed: who ran it with which code is not known
attributed as (
    select
        attempts.*,
        clock.permitted_at,
        clock.as_of is not null
        and attempts.attempt = max(attempts.attempt) over (partition by attempts.as_of) as is_own
    from attempts
    left join clock on attempts.as_of = clock.as_of
),

recorded as (
    {%- if is_incremental() %}
    select
        coalesce(max(run_number), 0) as n_runs,
        coalesce({{ latest('run_hash', 'run_number', 'run_number') }}, {{ chain_start() }}) as head
    from {{ this }}
    {%- else %}
    select
        0 as n_runs,
        {{ chain_start() }} as head
    {%- endif %}
),

described as (
    select
        cast(recorded.n_runs + row_number() over (order by attributed.as_of, attributed.attempt) as bigint) as run_number,
        attributed.as_of,
        attributed.known_at,
        case when attributed.is_own then attributed.permitted_at end as permitted_at,
        attributed.attempt,
        case when attributed.is_own then caller.code_sha end as code_sha,
        case when attributed.is_own then spec_set.spec_set_hash end as spec_set_hash,
        case when attributed.is_own then '{{ dbt_version }}' end as dbt_version,
        attributed.n_segments,
        attributed.n_rows,
        case when attributed.is_own then '{{ run_origin() }}' else 'recovered' end as origin,
        case when attributed.is_own then caller.executor end as executor,
        case when attributed.is_own then caller.executed_at end as executed_at,
        attributed.evaluations_hash,
        recorded.head
    from attributed
    cross join spec_set
    cross join caller
    cross join recorded
),

identified as (
    select
        *,
        {{ sha256_hex(canonical_fields([
            ['as_of', 'instant'], ['known_at', 'instant'], ['code_sha', 'text'], ['spec_set_hash', 'text'], ['attempt', 'integer']
        ])) }} as run_id
    from described
),

links as (
    select
        run_number as number,
        head,
        {{ canonical_fields(run_fields()) }} as content
    from identified
),

chain as (
    {{ hash_chain('links') }}
)

select
    identified.run_number,
    identified.run_id,
    identified.as_of,
    identified.known_at,
    identified.permitted_at,
    identified.attempt,
    identified.code_sha,
    identified.spec_set_hash,
    identified.dbt_version,
    identified.n_segments,
    identified.n_rows,
    identified.origin,
    identified.executor,
    identified.executed_at,
    identified.evaluations_hash,
    chain.previous_hash,
    chain.run_hash
from identified
inner join chain on identified.run_number = chain.number
