{{ config(materialized='view') }}

with clock as (
    select * from {{ ref('evaluation_clock') }}
    where previous_as_of is not null
),

-- a link that turned out to have ended, or to be another one, moves whoever it had joined
ended_links as (
    select
        clock.as_of,
        links.left_type,
        links.left_id,
        links.right_type,
        links.right_id,
        links.valid_to as occurred_at
    from clock
    inner join {{ ref('int_identity_links') }} as links
        on clock.previous_as_of >= links.valid_to
        and clock.previous_known_at < links.recorded_at
        and {{ is_in_interval('clock.known_at', 'links.recorded_at', 'links.superseded_at') }}

    union all

    select
        clock.as_of,
        former.left_type,
        former.left_id,
        former.right_type,
        former.right_id,
        former.effective_at as occurred_at
    from clock
    inner join {{ ref('int_identity_links') }} as former
        on {{ is_in_interval('clock.previous_as_of', 'former.effective_at', 'former.valid_to') }}
        and {{ is_in_interval('clock.previous_known_at', 'former.recorded_at', 'former.superseded_at') }}
        and clock.known_at >= former.superseded_at
    left join {{ ref('int_identity_links') }} as later
        on former.link_id = later.link_id
        {%- for column in ['left_type', 'left_id', 'right_type', 'right_id', 'match_class', 'effective_at'] %}
        and former.{{ column }} = later.{{ column }}
        {%- endfor %}
        and coalesce(former.score, -1) = coalesce(later.score, -1)
        and coalesce(former.consent_event_id, '') = coalesce(later.consent_event_id, '')
        and {{ is_in_interval('clock.known_at', 'later.recorded_at', 'later.superseded_at') }}
    where later.link_id is null
),

sides as (
    {%- for side in ['left', 'right'] %}
    select
        as_of,
        {{ side }}_type as identifier_type,
        {{ side }}_id as identifier,
        occurred_at
    from ended_links
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    as_of,
    identifier_type,
    identifier,
    'late_link' as fact,
    count(*) as n_facts,
    min(occurred_at) as first_occurred_at
from sides
group by as_of, identifier_type, identifier
