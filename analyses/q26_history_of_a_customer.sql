-- In which segments was one person, from when to when, under which rule version and which consent?
-- Privacy reasons are shown as permission_given and permission_ended; the exact ones are in audit.segment_change_reasons.
-- Only restricted.vault.customer_keys can say whose key it is.
with asked as (
    select
        cast('0000000000000000000000000000000000000000000000000000000000000000' as {{ dbt.type_string() }}) as customer_key
),

history as (
    select * from {{ ref('membership_by_customer') }}
)

select
    history.segment_id,
    history.valid_from,
    history.valid_to,
    history.entered_reason,
    history.left_reason,
    history.spec_version,
    history.lawful_basis,
    history.privacy_impact,
    history.consent_version,
    history.consent_event_key,
    history.data_sources,
    history.is_primary
from asked
inner join history on asked.customer_key = history.customer_key
order by history.segment_id, history.valid_from
