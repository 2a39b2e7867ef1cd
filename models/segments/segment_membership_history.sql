{{ config(materialized='table') }}

with snapshot_rows as (
    select * from {{ ref('segment_membership') }}
),

changes as (
    select * from {{ ref('segment_changes') }}
),

entries as (
    select * from changes
    where change = 'entered'
),

exits as (
    select * from changes
    where change = 'left'
)

select
    snapshot_rows.segment_id,
    snapshot_rows.customer_key,
    snapshot_rows.dbt_valid_from as valid_from,
    snapshot_rows.dbt_valid_to as valid_to,
    snapshot_rows.spec_version,
    snapshot_rows.lawful_basis,
    snapshot_rows.privacy_impact,
    snapshot_rows.consent_version,
    snapshot_rows.consent_event_key,
    snapshot_rows.data_sources,
    snapshot_rows.is_primary,
    entries.reason as entered_reason,
    exits.reason as left_reason
from snapshot_rows
left join entries
    on snapshot_rows.segment_id = entries.segment_id
    and snapshot_rows.customer_key = entries.customer_key
    and snapshot_rows.dbt_valid_from = entries.as_of
left join exits
    on snapshot_rows.segment_id = exits.segment_id
    and snapshot_rows.customer_key = exits.customer_key
    and snapshot_rows.dbt_valid_to = exits.as_of
-- "members on a date" reads one segment's rows in a row
order by snapshot_rows.segment_id, snapshot_rows.dbt_valid_from, snapshot_rows.customer_key
