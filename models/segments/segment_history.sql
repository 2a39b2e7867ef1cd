{{ config(materialized='table') }}

with definition_changes as (
    select * from {{ ref('segment_definition_changes') }}
),

changes as (
    select * from {{ ref('segment_changes') }}
),

memberships as (
    select * from {{ ref('segment_membership_history') }}
),

attempts as (
    select
        as_of,
        code_sha,
        row_number() over (partition by as_of order by attempt desc) as newness
    from {{ ref('segment_runs') }}
),

runs as (
    select * from attempts
    where newness = 1
),

counts as (
    select
        segment_id,
        as_of,
        sum(case when change = 'entered' then 1 else 0 end) as n_joined,
        sum(case when change = 'left' then 1 else 0 end) as n_left
    from changes
    group by segment_id, as_of
),

reasons as (
    select
        segment_id,
        as_of,
        change,
        reason,
        count(*) as n_changes
    from changes
    group by segment_id, as_of, change, reason
),

reason_texts as (
    select
        segment_id,
        as_of,
        {{ dbt.listagg(
            "change || ', ' || reason || ': ' || cast(n_changes as " ~ dbt.type_string() ~ ")", "'; '", 'order by change, reason'
        ) }} as reason
    from reasons
    group by segment_id, as_of
),

-- under which notices those who joined had agreed
versions as (
    select distinct
        segment_id,
        valid_from as as_of,
        consent_version
    from memberships
    where entered_reason is not null and consent_version is not null
),

version_texts as (
    select
        segment_id,
        as_of,
        {{ dbt.listagg('consent_version', "';'", 'order by consent_version') }} as consent_version
    from versions
    group by segment_id, as_of
),

history as (
    select
        segment_id,
        changed_at,
        change_kind,
        delta,
        cast(null as bigint) as n_joined,
        cast(null as bigint) as n_left,
        data_sources_added,
        data_sources_removed,
        author,
        requested_by,
        approver,
        reason,
        consent_version
    from definition_changes

    union all

    select
        counts.segment_id,
        counts.as_of as changed_at,
        'membership' as change_kind,
        'joined: ' || cast(counts.n_joined as {{ dbt.type_string() }})
        || '; left: ' || cast(counts.n_left as {{ dbt.type_string() }}) as delta,
        cast(counts.n_joined as bigint) as n_joined,
        cast(counts.n_left as bigint) as n_left,
        cast(null as {{ dbt.type_string() }}) as data_sources_added,
        cast(null as {{ dbt.type_string() }}) as data_sources_removed,
        cast(null as {{ dbt.type_string() }}) as author,
        cast(null as {{ dbt.type_string() }}) as requested_by,
        cast(null as {{ dbt.type_string() }}) as approver,
        reason_texts.reason,
        version_texts.consent_version
    from counts
    inner join reason_texts
        on counts.segment_id = reason_texts.segment_id
        and counts.as_of = reason_texts.as_of
    left join version_texts
        on counts.segment_id = version_texts.segment_id
        and counts.as_of = version_texts.as_of
)

select
    history.segment_id,
    history.changed_at,
    history.change_kind,
    history.delta,
    history.n_joined,
    history.n_left,
    history.data_sources_added,
    history.data_sources_removed,
    history.author,
    history.requested_by,
    history.approver,
    history.reason,
    history.consent_version,
    runs.code_sha
from history
left join runs on history.changed_at = runs.as_of
