-- What was deleted for a request, where, when and by whom, and who was told?
-- One row per deletion and relation with the number of rows, and one per recipient of a message; the newest first. Without a
-- request: everything that was ever deleted. Whom a deletion was about is nowhere on record.
with asked as (
    select
        cast(null as {{ dbt.type_string() }}) as request_id
),

requests as (
    select * from {{ source('vault', 'erasure_requests') }}
),

deletions as (
    select * from {{ source('lifecycle', 'deletion_log') }}
),

outbox as (
    select * from {{ source('vault', 'outbox') }}
),

-- what a message tells of
told_of as (
    select
        deletion_id,
        max(log_number) as log_number,
        min(requested_at) as requested_at,
        min(executor) as executor
    from deletions
    group by deletion_id
),

answered as (
    select
        deletions.log_number,
        deletions.kind,
        requests.request_id,
        deletions.requested_at,
        deletions.acted_at,
        deletions.executor,
        'deleted' as what,
        deletions.relation as relation_or_recipient,
        deletions.n_rows,
        cast(null as {{ dbt.type_timestamp() }}) as acknowledged_at,
        cast(null as {{ dbt.type_string() }}) as acknowledgement
    from deletions
    left join requests on deletions.deletion_id = requests.deletion_id

    union all

    select
        told_of.log_number,
        outbox.kind,
        requests.request_id,
        told_of.requested_at,
        outbox.created_at as acted_at,
        told_of.executor,
        'told' as what,
        outbox.recipient as relation_or_recipient,
        cast(null as bigint) as n_rows,
        outbox.acknowledged_at,
        outbox.acknowledgement
    from outbox
    left join requests on outbox.deletion_id = requests.deletion_id
    left join told_of on outbox.deletion_id = told_of.deletion_id

    union all

    select
        cast(null as bigint) as log_number,
        'erasure' as kind,
        requests.request_id,
        requests.requested_at,
        requests.decided_at as acted_at,
        requests.decided_by as executor,
        'refused, legal hold ' || requests.hold_id as what,
        cast(null as {{ dbt.type_string() }}) as relation_or_recipient,
        cast(null as bigint) as n_rows,
        cast(null as {{ dbt.type_timestamp() }}) as acknowledged_at,
        cast(null as {{ dbt.type_string() }}) as acknowledgement
    from requests
    where requests.request_status = 'held'
)

select
    answered.kind,
    answered.request_id,
    answered.requested_at,
    answered.acted_at,
    answered.executor,
    answered.what,
    answered.relation_or_recipient,
    answered.n_rows,
    answered.acknowledged_at,
    answered.acknowledgement
from answered
cross join asked
where answered.request_id = asked.request_id or asked.request_id is null
order by answered.acted_at desc, answered.what asc, answered.log_number asc, answered.relation_or_recipient asc
