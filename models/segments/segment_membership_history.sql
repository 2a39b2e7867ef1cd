{{ config(materialized='table') }}

with snapshot_rows as (
    select * from {{ ref('segment_membership') }}
)

select
    segment_id,
    customer_key,
    dbt_valid_from as valid_from,
    dbt_valid_to as valid_to,
    spec_version,
    lawful_basis,
    privacy_impact,
    consent_version,
    consent_event_key,
    data_sources,
    is_primary
from snapshot_rows
-- "members on a date" reads one segment's rows in a row
order by segment_id, valid_from, customer_key
