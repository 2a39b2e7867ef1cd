{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail', full_refresh=false) }}

-- depends_on: {{ ref('segment_members') }}
with clock as (
    select * from {{ ref('evaluation_clock') }}
)

select
    as_of,
    known_at
from clock
{%- if is_incremental() %}
where not exists (
    select 1 from {{ this }} as started
    where started.as_of = clock.as_of and started.known_at = clock.known_at
)
{%- endif %}
