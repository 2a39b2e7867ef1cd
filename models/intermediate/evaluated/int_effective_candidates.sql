{{ config(materialized='view') }}

with candidates as (
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
where segment_id not in (select registry.segment_id from registry where registry.stability is not null)

union all

select
    as_of,
    segment_id,
    customer_key,
    spec_version,
    last_activity_at
from stability
where is_effective
