{#
    The events of int_consent_events as a query, and once more for every identifier that is linked with the one they name: what a
    person chose since the links on record joined these identifiers is a choice for all of them, what was chosen before stays with its own.
    So a merged profile is permitted when each identifier is, and a new grant counts for all of them (privacy.md C21).
    Beside the columns that decide: seen_from, seen_to, the as_ofs at which the row counts, both included.
    Argument: columns, further columns of int_consent_events (list).
#}
{% macro choices_of_persons(columns=[]) -%}
    {%- set shown = [
        'consent_event_id', 'purpose', 'track', 'status', 'is_permissive', 'consent_version', 'notice_published_at', 'effective_at',
        'acts_at', 'recorded_at', 'superseded_at'
    ] + columns -%}
    select
        identifier_type,
        identifier,
        {{ shown | join(',\n        ') }},
        cast('0001-01-01 00:00:00' as {{ dbt.type_timestamp() }}) as seen_from,
        cast('9999-12-31 00:00:00' as {{ dbt.type_timestamp() }}) as seen_to
    from {{ ref('int_consent_events') }}

    union all

    select
        others.identifier_type,
        others.identifier,
        choices.{{ shown | join(',\n        choices.') }},
        others.as_of as seen_from,
        others.as_of as seen_to
    from {{ ref('int_consent_events') }} as choices
    inner join {{ ref('int_linked_persons') }} as choosers
        on choices.identifier_type = choosers.identifier_type
        and choices.identifier = choosers.identifier
        and choices.effective_at > choosers.merged_at
    inner join {{ ref('int_linked_persons') }} as others
        on choosers.as_of = others.as_of
        and choosers.person_key = others.person_key
        and choosers.customer_key != others.customer_key
{%- endmacro %}
