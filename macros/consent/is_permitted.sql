{#
    Whether a state of consent permits one purpose. On the basis of consent: granted, and neither objected nor restricted.
    On any other basis: neither objected nor restricted. No known state (null) permits only what needs no consent.
    Arguments: is_consent_needed (SQL boolean), state (alias of consent_state, left joined).
#}
{% macro is_permitted(is_consent_needed, state) -%}
    (
        (not {{ is_consent_needed }} or coalesce({{ state }}.is_granted, false))
        and not coalesce({{ state }}.is_objected, false)
        and not coalesce({{ state }}.is_restricted, false)
    )
{%- endmacro %}
