{# Calendar date of a UTC timestamp in the project's zone (var `timezone`, IANA name). #}
{% macro local_date(instant) -%}
    {{ return(adapter.dispatch('local_date')(instant, var('timezone'))) }}
{%- endmacro %}

{% macro default__local_date(instant, zone) -%}
    {%- if zone == 'UTC' -%}cast({{ instant }} as date)
    {%- else -%}cast((({{ instant }}) at time zone 'UTC') at time zone '{{ zone }}' as date)
    {%- endif -%}
{%- endmacro %}

{% macro spark__local_date(instant, zone) -%}
    to_date(from_utc_timestamp({{ instant }}, '{{ zone }}'))
{%- endmacro %}

{# Whole days from date `earlier` to date `later` (integer; negative when reversed). #}
{% macro days_between(earlier, later) -%}
    {{ return(adapter.dispatch('days_between')(earlier, later)) }}
{%- endmacro %}

{% macro default__days_between(earlier, later) -%}
    ({{ later }} - {{ earlier }})
{%- endmacro %}

{% macro duckdb__days_between(earlier, later) -%}
    cast({{ later }} - {{ earlier }} as integer)
{%- endmacro %}

{% macro spark__days_between(earlier, later) -%}
    datediff({{ later }}, {{ earlier }})
{%- endmacro %}

{# A date moved by a whole number of days (an integer expression). #}
{% macro date_plus_days(day, days) -%}
    {{ return(adapter.dispatch('date_plus_days')(day, days)) }}
{%- endmacro %}

{% macro default__date_plus_days(day, days) -%}
    ({{ day }} + cast({{ days }} as integer))
{%- endmacro %}

{% macro spark__date_plus_days(day, days) -%}
    date_add({{ day }}, {{ days }})
{%- endmacro %}

{# A timestamp moved by a whole number of seconds (an integer expression; a day is 86,400). #}
{% macro plus_seconds(instant, seconds) -%}
    {{ return(adapter.dispatch('plus_seconds')(instant, seconds)) }}
{%- endmacro %}

{% macro default__plus_seconds(instant, seconds) -%}
    ({{ instant }} + ({{ seconds }}) * interval '1 second')
{%- endmacro %}

{# UTC instant at which a local calendar date begins in the project's zone. #}
{% macro start_of_local_day(day) -%}
    {{ return(adapter.dispatch('start_of_local_day')(day, var('timezone'))) }}
{%- endmacro %}

{% macro default__start_of_local_day(day, zone) -%}
    {%- if zone == 'UTC' -%}cast({{ day }} as {{ dbt.type_timestamp() }})
    {%- else -%}((cast({{ day }} as timestamp) at time zone '{{ zone }}') at time zone 'UTC')
    {%- endif -%}
{%- endmacro %}

{% macro spark__start_of_local_day(day, zone) -%}
    to_utc_timestamp(cast({{ day }} as timestamp), '{{ zone }}')
{%- endmacro %}

{# Month and day of a date as text MM-DD. #}
{% macro month_and_day(day) -%}
    {{ return(adapter.dispatch('month_and_day')(day)) }}
{%- endmacro %}

{% macro default__month_and_day(day) -%}
    to_char({{ day }}, 'MM-DD') collate "C"
{%- endmacro %}

{% macro duckdb__month_and_day(day) -%}
    strftime({{ day }}, '%m-%d')
{%- endmacro %}

{% macro spark__month_and_day(day) -%}
    date_format({{ day }}, 'MM-dd')
{%- endmacro %}

{# The Monday of a date's ISO week (date). #}
{% macro week_start(day) -%}
    cast({{ dbt.date_trunc('week', day) }} as date)
{%- endmacro %}

{# The ISO week of a date as text, by its own year: 2026-W53 holds the first days of January 2027. #}
{% macro iso_week(day) -%}
    {{ return(adapter.dispatch('iso_week')(day)) }}
{%- endmacro %}

{% macro default__iso_week(day) -%}
    to_char({{ day }}, 'IYYY-"W"IW') collate "C"
{%- endmacro %}

{% macro duckdb__iso_week(day) -%}
    strftime({{ day }}, '%G-W%V')
{%- endmacro %}

{% macro spark__iso_week(day) -%}
    concat(
        extract(yearofweek from {{ day }}), '-W', lpad(cast(extract(week from {{ day }}) as string), 2, '0')
    )
{%- endmacro %}

{# Completed years from a birth date to a later date (integer). Born on 29 February: a year older on 1 March. #}
{% macro completed_years(birth_date, day) -%}
    (
        cast(extract(year from {{ day }}) as integer) - cast(extract(year from {{ birth_date }}) as integer)
        - case when {{ month_and_day(day) }} < {{ month_and_day(birth_date) }} then 1 else 0 end
    )
{%- endmacro %}

{# A date's month as a whole number: months since year 0, so that differences are months. #}
{% macro month_count(day) -%}
    (12 * cast(extract(year from {{ day }}) as integer) + cast(extract(month from {{ day }}) as integer) - 1)
{%- endmacro %}

{# The first day (date) of a month given as months since year 0. #}
{% macro first_day_of_month(month_count) -%}
    make_date(cast({{ integer_division(month_count, '12') }} as integer), cast({{ month_count }} % 12 + 1 as integer), 1)
{%- endmacro %}

{#
    The date on which somebody born on birth_date completes a number of years, as completed_years counts them: born on
    29 February, in a year without one it is 1 March. Arguments: birth_date (date), years (a whole number, not SQL).
#}
{% macro birthday(birth_date, years) -%}
    {%- set same_day = 'cast(' ~ dbt.dateadd('year', years, birth_date) ~ ' as date)' -%}
    {{ date_plus_days(
        same_day,
        "case when " ~ month_and_day(birth_date) ~ " = '02-29' and " ~ month_and_day(same_day) ~ " = '02-28' then 1 else 0 end"
    ) }}
{%- endmacro %}

{# A UTC timestamp as ISO 8601 text with microseconds: 2026-03-03T00:00:00.000000Z. #}
{% macro iso_instant(instant) -%}
    {{ return(adapter.dispatch('iso_instant')(instant)) }}
{%- endmacro %}

{% macro default__iso_instant(instant) -%}
    to_char({{ instant }}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
{%- endmacro %}

{% macro duckdb__iso_instant(instant) -%}
    strftime({{ instant }}, '%Y-%m-%dT%H:%M:%S.%fZ')
{%- endmacro %}

{% macro spark__iso_instant(instant) -%}
    date_format({{ instant }}, "yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'")
{%- endmacro %}
