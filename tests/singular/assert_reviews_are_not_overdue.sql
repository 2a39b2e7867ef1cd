with clock as (
    select * from {{ ref('evaluation_clock') }}
),

registry as (
    select * from {{ ref('segment_registry') }}
    where status = 'active'
)

select
    registry.segment_id,
    registry.next_review_on,
    clock.as_of
from registry
inner join clock on {{ is_in_interval('clock.as_of', 'registry.effective_from', 'registry.effective_to') }}
where registry.next_review_on < {{ local_date('clock.as_of') }}
