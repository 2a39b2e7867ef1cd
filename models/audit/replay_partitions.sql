{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='append_new_columns', full_refresh=false) }}

with replayed as (
    select * from {{ ref('segment_partitions') }}
),

recorded as (
    select
        *,
        row_number() over (partition by as_of, segment_id order by attempt desc) as newness
    from {{ recorded_evaluations() }} as evaluations
),

deleted as (
    select * from {{ source('lifecycle', 'deletion_ledger') }}
),

differences as (
    select
        as_of,
        segment_id,
        count(*) filter (where difference = 'added') as n_added,
        count(*) filter (where difference = 'removed') as n_removed,
        count(*) filter (where difference = 'modified') as n_modified,
        count(*) filter (where replay_cause = 'unexplained') as n_unexplained
    from {{ ref('replay_differences') }}
    group by as_of, segment_id
)

select
    {{ replay_mode() }} as mode,
    replayed.as_of,
    replayed.known_at,
    replayed.segment_id,
    recorded.attempt,
    recorded.n_members as n_recorded,
    replayed.n_members as n_replayed,
    replayed.n_members - coalesce(differences.n_added, 0) - coalesce(differences.n_modified, 0) as n_identical,
    coalesce(differences.n_added, 0) as n_added,
    coalesce(differences.n_removed, 0) as n_removed,
    coalesce(differences.n_modified, 0) as n_modified,
    coalesce(differences.n_unexplained, 0) as n_unexplained,
    recorded.spec_version as recorded_spec_version,
    replayed.spec_version as replayed_spec_version,
    coalesce(recorded.partition_hash = replayed.partition_hash, false) as is_root_equal,
    coalesce(deleted.n_erased, 0) as n_erased,
    coalesce(deleted.n_purged, 0) as n_purged
from replayed
left join recorded
    on replayed.as_of = recorded.as_of
    and replayed.segment_id = recorded.segment_id
    and recorded.newness = 1
left join differences
    on replayed.as_of = differences.as_of
    and replayed.segment_id = differences.segment_id
left join deleted
    on recorded.as_of = deleted.as_of
    and recorded.segment_id = deleted.segment_id
    and recorded.attempt = deleted.attempt
{% if not is_replay() -%}
-- what stands here is kept from replays; a build adds nothing
where false
{%- endif %}
