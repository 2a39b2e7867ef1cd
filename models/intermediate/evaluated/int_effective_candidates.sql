{{ config(materialized='view') }}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

candidates as (
    select * from {{ ref('segment_candidates') }}
),

stability as (
    select * from {{ ref('int_stability') }}
),

registry as (
    select * from {{ ref('segment_registry') }}
)

select
    as_of,
    segment_id,
    customer_key,
    spec_version,
    last_activity_at
from candidates
where segment_id not in (
    select registry.segment_id
    from registry
    where registry.stability is not null
)

union all

select
    as_of,
    segment_id,
    customer_key,
    spec_version,
    last_activity_at
from stability
-- the previous evaluation is kept there beside this one
where is_effective and as_of in (select clock.as_of from clock)
