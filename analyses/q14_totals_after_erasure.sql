-- Do the totals still tie after erasures and purges?
-- One row per evaluation on record and segment in a period that lost members since: recorded = replayable + erased + purged.
-- Hashes over the pruned leaves: segmentation verify.
with asked as (
    select
        cast('2026-01-01 00:00:00' as {{ dbt.type_timestamp() }}) as from_instant,
        cast('2026-04-01 00:00:00' as {{ dbt.type_timestamp() }}) as to_instant
),

evaluations as (
    select * from {{ ref('segment_evaluations') }}
),

newest as (
    select
        as_of,
        max(attempt) as attempt
    from evaluations
    group by as_of
),

history as (
    select * from {{ ref('segment_membership_history') }}
),

ledger as (
    select * from {{ source('lifecycle', 'deletion_ledger') }}
    where segment_id != '(all)'
),

replayable as (
    select
        ledger.as_of,
        ledger.segment_id,
        count(history.customer_key) as n_replayable
    from ledger
    left join history
        on ledger.segment_id = history.segment_id
        and ledger.as_of >= history.valid_from
        and (ledger.as_of < history.valid_to or history.valid_to is null)
    group by ledger.as_of, ledger.segment_id
)

select
    evaluations.as_of,
    evaluations.segment_id,
    evaluations.n_members as n_recorded,
    replayable.n_replayable,
    ledger.n_erased,
    ledger.n_purged,
    evaluations.n_members = replayable.n_replayable + ledger.n_erased + ledger.n_purged as is_tied
from asked
inner join evaluations
    on evaluations.as_of >= asked.from_instant
    and evaluations.as_of < asked.to_instant
inner join newest on evaluations.as_of = newest.as_of and evaluations.attempt = newest.attempt
inner join ledger
    on evaluations.as_of = ledger.as_of
    and evaluations.segment_id = ledger.segment_id
    and evaluations.attempt = ledger.attempt
inner join replayable on ledger.as_of = replayable.as_of and ledger.segment_id = replayable.segment_id
order by evaluations.as_of, evaluations.segment_id
