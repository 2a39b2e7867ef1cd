{#
    Which of a person's choices on one purpose decides: the latest by effective time, at one instant the restrictive, then
    the lower id. The ORDER BY of a row_number() whose first row decides. Source: DESIGN 1, privacy.md 4.
    Argument: events, the alias of the rows of int_consent_events; none where nothing else is read.
#}
{% macro choice_order(events=none) -%}
    {%- set alias = events ~ '.' if events else '' -%}
    order by
                {{ alias }}effective_at desc,
                case when {{ alias }}is_permissive then 1 else 0 end asc,
                {{ alias }}consent_event_id asc
{%- endmacro %}
