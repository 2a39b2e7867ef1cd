-- Are the retention periods kept?
-- One row per segment: how long a membership is kept after the person's last activity, and whether anybody is a member beyond
-- that (n_expired must be 0). A null period: kept until objection or deletion, with a dated review.
with asked as (
    select
        cast(null as {{ dbt.type_string() }}) as segment_id
),

members as (
    select
        segment_id,
        count(*) as n_members,
        sum(case when expires_at <= as_of then 1 else 0 end) as n_expired,
        min(expires_at) as next_expiry_at
    from {{ ref('segment_members') }}
    group by segment_id
),

history as (
    select
        segment_id,
        min(valid_from) as oldest_open_since
    from {{ ref('segment_membership_history') }}
    where valid_to is null
    group by segment_id
),

registry as (
    select
        *,
        row_number() over (partition by segment_id order by spec_version desc) as version_number
    from {{ ref('segment_registry') }}
)

select
    registry.segment_id,
    registry.retention_days,
    registry.retention_trigger,
    registry.retention_text,
    registry.next_review_on,
    coalesce(members.n_members, 0) as n_members,
    coalesce(members.n_expired, 0) as n_expired,
    members.next_expiry_at,
    history.oldest_open_since
from asked
inner join registry on registry.segment_id = coalesce(asked.segment_id, registry.segment_id)
left join members on registry.segment_id = members.segment_id
left join history on registry.segment_id = history.segment_id
where registry.version_number = 1
order by registry.segment_id
