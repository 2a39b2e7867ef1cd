{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail', full_refresh=false) }}

with replayed as (
    select * from {{ ref('segment_partitions') }}
),

recorded as (
    select
        *,
        row_number() over (partition by as_of, segment_id order by attempt desc) as newness
    from {{ recorded_evaluations() }} as evaluations
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
    coalesce(recorded.partition_hash = replayed.partition_hash, false) as is_root_equal
from replayed
left join recorded
    on replayed.as_of = recorded.as_of
    and replayed.segment_id = recorded.segment_id
    and recorded.newness = 1
left join differences
    on replayed.as_of = differences.as_of
    and replayed.segment_id = differences.segment_id
{% if not is_replay() -%}
-- what stands here is kept from replays; a build adds nothing
where false
{%- endif %}
