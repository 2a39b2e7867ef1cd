-- Every entry and exit has a cause. One that has none shows data that vanished, or code that moved people.
select
    as_of,
    segment_id,
    customer_key,
    change,
    changed_inputs
from {{ ref('segment_change_reasons') }}
where reason = 'unexplained'
