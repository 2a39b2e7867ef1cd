{{ config(materialized='table', tags=['clocked']) }}
{%- set key = 'as_of, anonymous_id, purpose' %}
{%- set linking = "'identity.cross_device_linking'" %}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

-- what is asked of a device: whether its visits count, and whether its epochs may be joined
purposes as (
    select * from {{ ref('purposes') }}
    where purpose in ('personalize.content.profiling', {{ linking }})
),

-- a grant that names a person too is that person's; whatever restricts binds the device, and its lifting frees it
consents as (
    select
        *,
        is_permissive and track = 'consent' as is_grant
    from {{ ref('int_consents_judged') }}
    where anonymous_id is not null
        and not {{ names_nobody('anonymous_id') }}
        and track in ('consent', 'objection', 'restriction')
        and (identifier_type = 'anonymous_id' or track != 'consent' or not is_permissive)
),

notice_gaps as (
    select * from {{ ref('int_notice_gaps') }}
),

-- what acts at as_of, of what is known; silence of a device permits nothing, whatever the law of its place
choices as (
    select
        clock.as_of,
        consents.anonymous_id,
        purposes.purpose,
        consents.consent_event_id,
        consents.track,
        consents.is_permissive,
        consents.is_grant,
        consents.effective_at,
        consents.acts_at,
        case when consents.is_grant then {{ least_of([
            'notice_gaps.uncovered_from', plus_seconds('consents.effective_at', 'purposes.consent_valid_days * 86400')
        ]) }} end as ends_at
    from consents
    inner join clock
        on {{ is_in_interval('clock.known_at', 'consents.recorded_at', 'consents.superseded_at') }}
        and consents.acts_at <= clock.as_of
    inner join purposes
        on {{ is_same_or_below('purposes.purpose', 'consents.purpose') }}
        -- whoever agrees to everything has not been asked this
        or (consents.purpose = '*' and not (consents.is_grant and purposes.purpose = {{ linking }}))
    left join notice_gaps
        on clock.as_of = notice_gaps.as_of
        and purposes.purpose = notice_gaps.purpose
        and consents.consent_version = notice_gaps.consent_version
    where not consents.is_grant
        or coalesce(notice_gaps.uncovered_from > consents.effective_at, true)
),

-- 1 while consent is given, or while an objection or restriction blocks; at one instant the restrictive decides
chosen as (
    select
        {{ key }},
        track,
        effective_at,
        case
            when track = 'consent' then min(case when is_permissive then 1 else 0 end)
            else max(case when is_permissive then 0 else 1 end)
        end as level,
        min(ends_at) as ends_at,
        max(case when is_permissive then acts_at end) as opened_at,
        min(case when not is_permissive then acts_at end) as closed_at,
        lead(effective_at) over (partition by {{ key }}, track order by effective_at) as next_choice_at
    from choices
    group by {{ key }}, track, effective_at
),

levels as (
    select {{ key }}, track, effective_at, level, opened_at, closed_at
    from chosen

    union all

    -- a consent that nobody renewed ends by itself
    select
        {{ key }},
        track,
        ends_at as effective_at,
        0 as level,
        cast(null as {{ dbt.type_timestamp() }}) as opened_at,
        ends_at as closed_at
    from chosen
    where track = 'consent' and level = 1 and ends_at <= as_of and (next_choice_at is null or ends_at < next_choice_at)
),

steps as (
    select
        *,
        level - lag(level, 1, 0) over (partition by {{ key }}, track order by effective_at) as step
    from levels
),

instants as (
    select
        {{ key }},
        effective_at,
        max(opened_at) as opened_at,
        min(closed_at) as closed_at,
        sum(case when track = 'consent' then step else 0 end) as given_step,
        sum(case when track != 'consent' then step else 0 end) as blocked_step
    from steps
    group by {{ key }}, effective_at
),

states as (
    select
        *,
        sum(given_step) over until_now = 1 and sum(blocked_step) over until_now = 0 as is_permitted
    from instants
    window until_now as (partition by {{ key }} order by effective_at)
),

compared as (
    select
        *,
        lag(is_permitted, 1, false) over (partition by {{ key }} order by effective_at) as was_permitted
    from states
),

changes as (
    select
        *,
        lead(effective_at) over (partition by {{ key }} order by effective_at) as permitted_to,
        lead(closed_at) over (partition by {{ key }} order by effective_at) as period_closed_at
    from compared
    where is_permitted != was_permitted
),

-- the newest grant when the period began is its evidence
evidence as (
    select
        changes.as_of,
        changes.anonymous_id,
        changes.purpose,
        choices.consent_event_id,
        changes.effective_at as permitted_from,
        changes.permitted_to,
        greatest(choices.acts_at, coalesce(changes.opened_at, choices.acts_at)) as acts_at,
        changes.period_closed_at as closed_at,
        row_number() over (
            partition by changes.as_of, changes.anonymous_id, changes.purpose, changes.effective_at
            order by choices.effective_at desc, choices.consent_event_id asc
        ) as grant_number
    from changes
    inner join choices
        on changes.as_of = choices.as_of
        and changes.anonymous_id = choices.anonymous_id
        and changes.purpose = choices.purpose
        and choices.effective_at <= changes.effective_at
        and choices.is_grant
    where changes.is_permitted
)

select
    as_of,
    anonymous_id,
    purpose,
    consent_event_id,
    permitted_from,
    permitted_to,
    acts_at,
    closed_at
from evidence
where grant_number = 1
