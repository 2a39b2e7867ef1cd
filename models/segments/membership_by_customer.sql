{{ config(materialized='table') }}

with history as (
    select * from {{ ref('segment_membership_history') }}
)

select
    customer_key,
    segment_id,
    valid_from,
    valid_to,
    spec_version,
    lawful_basis,
    privacy_impact,
    consent_version,
    consent_event_key,
    data_sources,
    is_primary,
    entered_reason,
    left_reason
from history
-- "the history of one person" reads that person's rows in a row
order by customer_key, segment_id, valid_from
