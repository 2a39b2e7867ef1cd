with open_rows as (
    select
        segment_id,
        customer_key
    from {{ ref('segment_membership_history') }}
    where valid_to is null
),

members as (
    select
        segment_id,
        customer_key
    from {{ ref('segment_members') }}
)

select
    coalesce(open_rows.segment_id, members.segment_id) as segment_id,
    coalesce(open_rows.customer_key, members.customer_key) as customer_key
from open_rows
full outer join members
    on open_rows.segment_id = members.segment_id
    and open_rows.customer_key = members.customer_key
where open_rows.customer_key is null or members.customer_key is null
