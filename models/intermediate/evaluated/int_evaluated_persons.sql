{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    full_refresh=false,
    pre_hook="{{ rewind_rows(is_history=false) }}"
) }}

-- depends_on: {{ ref('evaluation_clock') }}
with linked_persons as (
    select * from {{ ref('int_linked_persons') }}
)

select
    as_of,
    customer_key,
    person_key
from linked_persons
