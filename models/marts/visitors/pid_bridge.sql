with bridges as (
    select * from {{ ref('int_device_bridges') }}
),

activity as (
    select * from {{ ref('int_device_activity') }}
),

record_keys as (
    select secret from {{ vault_keys() }}
    where key_name = 'record_key'
)

select
    bridges.as_of,
    bridges.old_pid,
    bridges.new_pid,
    {{ record_key('consent', 'bridges.consent_event_id', 'record_keys.secret') }} as consent_event_key,
    bridges.valid_from,
    bridges.valid_to
from bridges
cross join record_keys
-- only where there was something to be bridged
inner join activity
    on bridges.as_of = activity.as_of
    and bridges.anonymous_id = activity.anonymous_id
    and bridges.epoch_starts_at > activity.first_permitted_at
