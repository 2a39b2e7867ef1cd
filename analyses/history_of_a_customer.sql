-- In which segments was one person, from when to when, under which rule version and which consent?
-- Change the value in `asked`. Only restricted.vault.customer_keys can say whose key it is.
with asked as (
    select '0000' as customer_key
)

select
    history.segment_id,
    history.valid_from,
    history.valid_to,
    history.spec_version,
    history.lawful_basis,
    history.consent_version,
    history.consent_event_key,
    history.is_primary
from asked
inner join {{ ref('segment_membership_history') }} as history on asked.customer_key = history.customer_key
order by history.segment_id, history.valid_from
