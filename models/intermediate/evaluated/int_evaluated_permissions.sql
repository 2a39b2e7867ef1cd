{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    full_refresh=false,
    pre_hook="{{ rewind_rows(is_history=false) }}"
) }}

-- depends_on: {{ ref('evaluation_clock') }}
with consent_state as (
    select * from {{ ref('consent_state') }}
)

select
    as_of,
    customer_key,
    purpose,
    consent_status,
    is_granted,
    is_permitted_by_posture,
    has_opted_out,
    notice_published_at,
    is_objected,
    is_restricted
from consent_state
