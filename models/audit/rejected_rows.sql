with rejected as (
    select * from {{ ref('int_rejected_rows') }}
),

record_keys as (
    select secret from {{ vault_keys() }}
    where key_name = 'record_key'
)

select
    rejected.table_name,
    rejected.reason,
    {{ record_key('row', "rejected.table_name || '|' || rejected.payload", 'record_keys.secret') }} as row_key,
    rejected.is_lost_refusal,
    count(*) as n_rows
from rejected
cross join record_keys
group by rejected.table_name, rejected.reason, row_key, rejected.is_lost_refusal
