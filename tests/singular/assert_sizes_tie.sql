with evaluations as (
    select
        *,
        max(attempt) over (partition by as_of) as last_attempt
    from {{ ref('segment_evaluations') }}
),

sizes as (
    select * from {{ ref('segment_sizes') }}
),

deleted as (
    select * from {{ source('lifecycle', 'deletion_ledger') }}
)

select
    evaluations.as_of,
    evaluations.segment_id,
    evaluations.n_members,
    sizes.n_members as n_members_in_history,
    deleted.n_erased,
    deleted.n_purged
from evaluations
left join sizes
    on evaluations.segment_id = sizes.segment_id
    and {{ is_in_interval('evaluations.as_of', 'sizes.valid_from', 'sizes.valid_to') }}
left join deleted
    on evaluations.as_of = deleted.as_of
    and evaluations.segment_id = deleted.segment_id
    and evaluations.attempt = deleted.attempt
where evaluations.attempt = evaluations.last_attempt
    and evaluations.n_members
    != coalesce(sizes.n_members, 0) + coalesce(deleted.n_erased, 0) + coalesce(deleted.n_purged, 0)
