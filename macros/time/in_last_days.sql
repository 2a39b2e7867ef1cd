{#
    Whether an instant lies in the last `days` local days up to as_of: local_date(instant) > local_date(as_of) - days.
    The other end (instant <= as_of) is the caller's visibility rule. Arguments: instant, days (integer), as_of (columns).
    Source: DESIGN 1, the one definition of "in the last N days".
#}
{% macro in_last_days(instant, days, as_of='as_of') -%}
    {{ local_date(instant) }} > {{ date_plus_days(local_date(as_of), '-(' ~ days ~ ')') }}
{%- endmacro %}
