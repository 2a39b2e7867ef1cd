with history as (
    select distinct customer_key from {{ ref('segment_membership_history') }}
),

nonces as (
    select customer_key from {{ ref('leaf_nonces') }}
),

ledger as (
    select * from {{ source('lifecycle', 'deletion_ledger') }}
)

select
    history.customer_key as what,
    'is in the history without a leaf nonce' as problem
from history
left join nonces on history.customer_key = nonces.customer_key
where nonces.customer_key is null

union all

select
    segment_id as what,
    'has several rows of one evaluation in the ledger, or a negative count' as problem
from ledger
group by as_of, segment_id, attempt
having count(*) > 1 or min(n_erased) < 0 or min(n_purged) < 0
