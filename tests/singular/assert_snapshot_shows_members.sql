-- The open rows of the history are the members of the newest evaluation, no more and no fewer.
with open_rows as (
    select segment_id, customer_key from {{ ref('segment_membership_history') }}
    where valid_to is null
),

members as (
    select segment_id, customer_key from {{ ref('segment_members') }}
)

(select * from open_rows except select * from members)
union all
(select * from members except select * from open_rows)
