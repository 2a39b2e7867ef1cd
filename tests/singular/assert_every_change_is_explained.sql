select
    as_of,
    segment_id,
    customer_key,
    change,
    changed_inputs
from {{ ref('segment_change_reasons') }}
where reason = 'unexplained'
