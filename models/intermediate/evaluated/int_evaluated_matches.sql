{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    full_refresh=false,
    pre_hook="{{ rewind_rows(is_history=false) }}"
) }}

-- depends_on: {{ ref('evaluation_clock') }}
with candidates as (
    select * from {{ ref('int_effective_candidates') }}
),

members as (
    select * from {{ ref('segment_members') }}
)

select
    candidates.as_of,
    candidates.segment_id,
    candidates.customer_key,
    members.customer_key is not null as is_member,
    members.expires_at
from candidates
left join members
    on candidates.as_of = members.as_of
    and candidates.segment_id = members.segment_id
    and candidates.customer_key = members.customer_key
