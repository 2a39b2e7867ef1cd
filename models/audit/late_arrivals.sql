{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    full_refresh=false,
    pre_hook="{{ rewind_rows() }}"
) }}

-- depends_on: {{ ref('evaluation_clock') }}
with facts as (
    select * from {{ ref('int_recent_facts') }}
    where fact not in ('new_order', 'new_refund')
)

select
    as_of,
    customer_key,
    fact,
    case when fact in ('late_grant', 'late_restriction') then 'late_consent' else 'late_data' end as lateness,
    n_facts,
    first_occurred_at
from facts
