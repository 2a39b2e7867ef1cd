-- Who changed the rule of a segment, from what to what, why, and who approved it?
-- One row per version, the newest first; is_self_approved marks an author who approved the own change. The commits behind
-- change_ref are in git. Without a segment: all of them; with a version: that one only.
with asked as (
    select
        cast(null as {{ dbt.type_string() }}) as segment_id,
        cast(null as integer) as spec_version
),

registry as (
    select * from {{ ref('segment_registry') }}
),

versions as (
    select
        segment_id,
        spec_version,
        effective_from,
        author,
        requested_by,
        approver,
        author = approver as is_self_approved,
        change_reason,
        change_ref,
        lag(parameters) over (partition by segment_id order by spec_version) as parameters_before,
        parameters,
        rule_hash
    from registry
)

select versions.*
from asked
inner join versions
    on versions.segment_id = coalesce(asked.segment_id, versions.segment_id)
    and versions.spec_version = coalesce(asked.spec_version, versions.spec_version)
order by versions.segment_id asc, versions.spec_version desc
