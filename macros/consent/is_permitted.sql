{#
    Whether a state of consent permits one purpose. On the basis of consent: granted, under a notice as new as the oldest
    that is accepted (where one is named), or not refused where the law takes silence as permission; and neither opted out,
    objected nor restricted. On any other basis: neither opted out, objected nor restricted. No known state (null) permits only
    what needs no consent.
    Arguments: is_consent_needed (SQL boolean), state (alias of consent_state, left joined), min_notice_published_at (SQL
    timestamp; none where any notice will do).
#}
{% macro is_permitted(is_consent_needed, state, min_notice_published_at=none) -%}
    (
        (not {{ is_consent_needed }} or coalesce({{ state }}.is_permitted_by_posture or ({{ state }}.is_granted
            {%- if min_notice_published_at %} and {{ is_notice_accepted(min_notice_published_at, state) }}{% endif %}), false))
        and not coalesce({{ state }}.has_opted_out, false)
        and not coalesce({{ state }}.is_objected, false)
        and not coalesce({{ state }}.is_restricted, false)
    )
{%- endmacro %}

{#
    Whether the notice of a grant is as new as the oldest that is accepted. A grant under a notice that is not on record is
    not. Before that oldest one was published, grants under earlier ones count: so recorded dates keep theirs.
#}
{% macro is_notice_accepted(min_notice_published_at, state) -%}
    case
        when {{ min_notice_published_at }} <= {{ state }}.as_of
            then coalesce({{ state }}.notice_published_at >= {{ min_notice_published_at }}, false)
        else true
    end
{%- endmacro %}
