{{ config(materialized='table', tags=['clocked']) }}
{%- set linking = "'identity.cross_device_linking'" %}
{%- set least_score = least_link_score() %}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

-- a version that only adds an end does not begin the link anew
links as (
    select
        *,
        min(recorded_at) over (
            partition by link_id, left_type, left_id, right_type, right_id, match_class
        ) as first_recorded_at
    from {{ ref('int_identity_links') }}
),

customer_keys as (
    select * from {{ ref('customer_keys') }}
),

consent_events as (
    select * from {{ ref('int_consent_events') }}
    where purpose = '*' or {{ is_same_or_below(linking, 'purpose') }}
),

purposes as (
    select * from {{ ref('purposes') }}
    where purpose = {{ linking }}
),

-- a link acts from the later of its two clocks
visible as (
    select
        clock.as_of,
        clock.known_at,
        links.*,
        greatest(links.effective_at, links.first_recorded_at) as acts_at
    from links
    inner join clock on {{ is_in_interval('clock.known_at', 'links.recorded_at', 'links.superseded_at') }}
),

ends as (
    {%- for side in ['left', 'right'] %}
    select
        as_of,
        known_at,
        link_id,
        consent_event_id,
        {{ side }}_type as identifier_type,
        {{ side }}_id as identifier
    from visible
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- what the two ends chose on being linked, newest first
choices as (
    select
        ends.as_of,
        ends.link_id,
        consent_events.is_permissive,
        consent_events.is_permissive
        and consent_events.consent_event_id = ends.consent_event_id
        -- whoever agrees to everything has not been asked this
        and consent_events.purpose != '*'
        and ends.as_of < coalesce(
            {{ plus_seconds('consent_events.effective_at', 'purposes.consent_valid_days * 86400') }},
            cast('9999-12-31 00:00:00' as {{ dbt.type_timestamp() }})
        ) as is_named_grant,
        row_number() over (
            partition by ends.as_of, ends.link_id, ends.identifier_type, ends.identifier, consent_events.track
            {{ choice_order('consent_events') }}
        ) as choice_number
    from ends
    inner join consent_events
        on ends.identifier_type = consent_events.identifier_type
        and ends.identifier = consent_events.identifier
        and {{ is_in_interval('ends.known_at', 'consent_events.recorded_at', 'consent_events.superseded_at') }}
        and ends.as_of >= consent_events.acts_at
    cross join purposes
    where consent_events.track != 'none'
),

-- the grant that the link names, unless either end has chosen otherwise since
consents as (
    select
        as_of,
        link_id,
        max(case when is_named_grant then 1 else 0 end) = 1
        and max(case when choice_number = 1 and not is_permissive then 1 else 0 end) = 0 as is_given
    from choices
    group by as_of, link_id
)

select
    visible.as_of,
    visible.link_id,
    visible.left_type,
    left_keys.customer_key as left_key,
    visible.right_type,
    right_keys.customer_key as right_key,
    visible.match_class,
    visible.match_rule,
    visible.score,
    visible.consent_event_id,
    visible.effective_at,
    visible.acts_at,
    visible.valid_to,
    case
        when visible.as_of >= visible.valid_to then 'ended'
        when visible.as_of < visible.acts_at then 'waiting'
        when left_keys.customer_key is null or right_keys.customer_key is null then 'device'
        when visible.match_class = 'probabilistic'
            and {{ 'true' if least_score is none else 'coalesce(visible.score, 0) < ' ~ least_score }} then 'not_allowed'
        when (visible.match_class = 'probabilistic' or visible.consent_event_id is not null)
            and not coalesce(consents.is_given, false) then 'no_consent'
        else 'acting'
    end as link_status
from visible
left join customer_keys as left_keys
    on visible.left_type = left_keys.identifier_type
    and visible.left_id = left_keys.identifier
left join customer_keys as right_keys
    on visible.right_type = right_keys.identifier_type
    and visible.right_id = right_keys.identifier
left join consents
    on visible.as_of = consents.as_of
    and visible.link_id = consents.link_id
