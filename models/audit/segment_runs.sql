{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail', full_refresh=false) }}

with evaluations as (
    select * from {{ ref('segment_evaluations') }}
    where as_of in (select clock.as_of from {{ ref('evaluation_clock') }} as clock)
),

registry as (
    select * from {{ ref('segment_registry') }}
),

spec_set as (
    select {{ sha256_hex(dbt.listagg('rule_hash', "''", 'order by segment_id, spec_version')) }} as spec_set_hash
    from registry
),

-- what the command tells about itself; a plain `dbt build` tells nothing, and no model reads the wall clock
caller as (
    select
        {{ text_setting('SEGMENTS_CODE_SHA', '[0-9a-f]{40}(-dirty)?', 'a git commit id') }} as code_sha,
        {{ text_setting('SEGMENTS_EXECUTOR', '[A-Za-z0-9_.@-]{1,64}', 'a user or job name') }} as executor,
        {{ instant_setting('SEGMENTS_EXECUTED_AT') }} as executed_at
),

newest as (
    select
        as_of,
        known_at,
        attempt,
        count(*) as n_segments,
        cast(sum(n_members) as bigint) as n_rows
    from evaluations
    where attempt = (select max(attempts.attempt) from evaluations as attempts)
    group by as_of, known_at, attempt
)

select
    {{ sha256_hex(canonical_row([
        'newest.as_of', 'newest.known_at', 'caller.code_sha', 'spec_set.spec_set_hash', 'newest.attempt'
    ])) }} as run_id,
    newest.as_of,
    newest.known_at,
    newest.attempt,
    caller.code_sha,
    spec_set.spec_set_hash,
    '{{ dbt_version }}' as dbt_version,
    newest.n_segments,
    newest.n_rows,
    '{{ run_origin() }}' as origin,
    caller.executor,
    caller.executed_at
from newest
cross join spec_set
cross join caller
{%- if is_incremental() %}
where not exists (
    select 1 from {{ this }} as runs
    where runs.as_of = newest.as_of and runs.attempt = newest.attempt
)
{%- endif %}
