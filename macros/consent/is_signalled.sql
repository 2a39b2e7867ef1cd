{#
    Whether a signal of the browser (Global Privacy Control) holds for a purpose that it governs. Where people may opt out, the
    first signal holds until the person confirms that very purpose afterwards, and further signals do not undo that; elsewhere
    it is a refusal like any other, so a later choice ends it. Source: 11 CCR 7025(c), privacy.md 4.
    Arguments: posture (SQL expression, null: opt_in); choices (alias of int_consent_choices or of the same columns).
#}
{% macro is_signalled(posture, choices) -%}
    case
        when {{ choices }}.first_signal_at is null then false
        when {{ posture }} = 'opt_out' then not coalesce(
            {{ choices }}.confirmed_at > {{ choices }}.first_signal_at
            and {{ choices }}.confirmed_at > coalesce({{ choices }}.unconfirmed_at, {{ choices }}.first_signal_at), false
        )
        else coalesce({{ choices }}.last_signal_at >= {{ choices }}.consent_effective_at, true)
    end
{%- endmacro %}

{#
    What a person permits for a purpose, first match: a restriction or objection (asked apart, by is_permitted), a signal of the
    browser, the person's own latest choice, what the law of the place makes of silence. Source: privacy.md 4.
    One list of columns, so that the state at as_of and the intervals before it cannot differ in it. Reads, without an alias:
    the columns of int_consent_choices, posture, obeys_signal, does_silence_permit, is_signalled.
#}
{% macro consent_state_columns() -%}
    case when is_signalled then 'denied' else coalesce(consent_status, 'unknown') end as consent_status,
    coalesce(is_granted and not is_signalled, false) as is_granted,
    does_silence_permit and not coalesce(is_refused, false) and not is_signalled as is_permitted_by_posture,
    posture = 'opt_out' and obeys_signal and (is_signalled or coalesce(is_refused, false)) as has_opted_out,
    coalesce(is_objected, false) as is_objected,
    coalesce(is_restricted, false) as is_restricted,
    case when is_signalled then signal_event_id else consent_event_id end as consent_event_id
{%- endmacro %}
