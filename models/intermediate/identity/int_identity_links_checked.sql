{{ config(materialized='table') }}

with received as (
    select * from {{ ref('stg_generic__identity_links') }}
),

-- raw rows of somebody erased come without their content
identity_links as (
    {{ without_erased('received', 'identity_links') }}
),

settings as (
    select * from {{ ref('int_settings') }}
)

select
    identity_links.source_system,
    identity_links.link_id,
    identity_links.left_type,
    identity_links.left_id,
    identity_links.right_type,
    identity_links.right_id,
    identity_links.match_class,
    identity_links.match_rule,
    identity_links.consent_event_id,
    identity_links.score,
    identity_links.effective_at,
    identity_links.valid_to,
    coalesce(identity_links.recorded_at, identity_links.effective_at) as recorded_at,
    identity_links.unreadable_value,
    case
        when identity_links.is_erased then {{ erased_reason() }}
        when identity_links.link_id is null then 'missing link_id'
        when identity_links.unreadable_column is not null then 'unreadable ' || identity_links.unreadable_column
        when identity_links.left_type is null then 'missing left_type'
        when identity_links.left_id is null then 'missing left_id'
        when identity_links.right_type is null then 'missing right_type'
        when identity_links.right_id is null then 'missing right_id'
        when identity_links.match_class is null then 'missing match_class'
        when identity_links.match_class not in ('deterministic', 'probabilistic') then 'unknown match_class'
        when identity_links.effective_at is null then 'missing effective_at'
        {{ time_rejections('identity_links.effective_at', 'identity_links.recorded_at') }}
    end as rejected_reason
from identity_links
cross join settings
