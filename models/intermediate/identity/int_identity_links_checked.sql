{{ config(materialized='table') }}

with received as (
    select * from {{ ref('stg_generic__identity_links') }}
),

-- raw rows of somebody erased come without their content
known as (
    {{ without_erased('received', 'identity_links') }}
),

-- an address in the form in which it is keyed
identity_links as (
    select
        source_system,
        link_id,
        {{ folded_word('left_type') }} as left_type,
        {{ normalised_identifier('left_type', 'left_id') }} as left_id,
        {{ folded_word('right_type') }} as right_type,
        {{ normalised_identifier('right_type', 'right_id') }} as right_id,
        {{ folded_word('match_class') }} as match_class,
        match_rule,
        consent_event_id,
        score,
        effective_at,
        valid_to,
        recorded_at,
        unreadable_column,
        unreadable_value,
        is_erased,
        left_id as raw_left_id,
        right_id as raw_right_id
    from known
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
    coalesce(
        identity_links.unreadable_value,
        case when identity_links.left_id is null then identity_links.raw_left_id end,
        case when identity_links.right_id is null then identity_links.raw_right_id end
    ) as unreadable_value,
    case
        when identity_links.is_erased then {{ erased_reason() }}
        when identity_links.link_id is null then 'missing link_id'
        when identity_links.unreadable_column is not null then 'unreadable ' || identity_links.unreadable_column
        {%- for side in ['left', 'right'] %}
        when identity_links.{{ side }}_type is null then 'missing {{ side }}_type'
        when identity_links.{{ side }}_type not in ('customer_id', 'email', 'phone', 'anonymous_id')
            then 'unknown {{ side }}_type'
        when identity_links.raw_{{ side }}_id is null then 'missing {{ side }}_id'
        when identity_links.{{ side }}_id is null then 'unreadable {{ side }}_id'
        {%- endfor %}
        when identity_links.match_class is null then 'missing match_class'
        when identity_links.match_class not in ('deterministic', 'probabilistic') then 'unknown match_class'
        when identity_links.effective_at is null then 'missing effective_at'
        {{ time_rejections('identity_links.effective_at', 'identity_links.recorded_at') }}
    end as rejected_reason
from identity_links
cross join settings
