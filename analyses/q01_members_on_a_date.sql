-- Who was in a segment on a date, by our own record, under which rule version and which consent?
-- The answer is what the evaluation in force at that instant admitted; `segmentation verify` proves it against the
-- hash recorded that day. Only restricted.vault.customer_keys can say who a customer_key is.
with asked as (
    select
        cast('vip' as {{ dbt.type_string() }}) as segment_id,
        cast('2026-03-03 00:00:00' as {{ dbt.type_timestamp() }}) as on_instant
),

history as (
    select * from {{ ref('segment_membership_history') }}
),

registry as (
    select * from {{ ref('segment_registry') }}
)

select
    history.segment_id,
    history.customer_key,
    history.valid_from,
    history.valid_to,
    history.spec_version,
    history.lawful_basis,
    history.consent_version,
    history.consent_event_key,
    registry.parameters,
    registry.rule_hash,
    registry.approver
from asked
inner join history
    on asked.segment_id = history.segment_id
    and asked.on_instant >= history.valid_from
    and (asked.on_instant < history.valid_to or history.valid_to is null)
left join registry
    on history.segment_id = registry.segment_id
    and history.spec_version = registry.spec_version
order by history.customer_key
