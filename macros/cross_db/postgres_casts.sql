{#
    Casts of raw text on Postgres, which has no try_cast: a regular expression lets through exactly what can be cast, so
    that no cast ever fails. What they read is what DuckDB's try_cast reads, except a few writings that no export has
    (test_postgres_casts.py lists them): those become null here, and their rows are rejected, never lost.

    Argument of all: column, of any type (its text form is read). They are the Postgres branches of raw_casts.sql.
#}

{#
    UTC instant. A text with an offset is shifted by it; one without is UTC, whatever the session's time zone. Fractions
    of a second are cut after six digits, as DuckDB does, not rounded.
#}
{% macro postgres__as_timestamp(column) -%}
    {%- set text = '(cast(' ~ column ~ ' as text) collate "C")' -%}
    {%- set iso -%}
        regexp_replace(regexp_replace({{ text }}, '^[[:space:]]*0*(\d+).(\d+).(\d+)[T[:space:]]*0*(?=\d|$)', '\1-\2-\3 '), '\.(\d{0,6})\d*', '.\10')
    {%- endset -%}
    {%- set zoned = "(cast(" ~ iso ~ " as timestamptz) at time zone 'UTC')" -%}
    {%- set day, hour, minute = postgres_real_day(), '0*(?:1?\\d|2[0-3])', ':[0-5]?\\d' -%}
    {%- set second, midnight = minute ~ '(?:\\.\\d*)?', '0*24:00?(?::00?(?:\\.0*)?)?' -%}
    {%- set offset = '(?:Z|[+-](?:0\\d|1[0-5])(?::?[0-5]\\d)?| (?:[uU][tT][cC]|[gG][mM][tT]))' -%}
    case
        when {{ text }} ~ '^[[:space:]]*{{ day }}(?:[T[:space:]][[:space:]]*(?:{{ hour }}{{ minute }}(?:{{ second }} *)?|{{ midnight }}))?$'
            then cast({{ iso }} as timestamp)
        when {{ text }} ~ '^[[:space:]]*{{ day }}[T[:space:]][[:space:]]*{{ hour }}{{ minute }}{{ second }}{{ offset }} *$'
            then case when extract(year from {{ zoned }}) between 1000 and 9999 then {{ zoned }} end
        when {{ text }} ~* '^[[:space:]]*epoch *$' then timestamp '1970-01-01'
    end
{%- endmacro %}

{# Calendar date. Like DuckDB it reads the day at the beginning of the text and does not look at what follows. #}
{% macro postgres__as_date(column) -%}
    {%- set text = '(cast(' ~ column ~ ' as text) collate "C")' -%}
    case
        when {{ text }} ~ '^[[:space:]]*{{ postgres_real_day() }}(?!\d| +\([bB][cC]\))'
            then cast(regexp_replace({{ text }}, '^[[:space:]]*0*(\d+).(\d+).(\d+).*$', '\1-\2-\3') as date)
        when {{ text }} ~* '^[[:space:]]*epoch[[:space:]]*$' then date '1970-01-01'
    end
{%- endmacro %}

{#
    The pattern of a day that exists, year 1000 to 9999, its parts separated by `-` or `/`: months of 31 days, of 30,
    February, 29 February of a leap year. Without back references, which would cost the engine its fast matching.
#}
{% macro postgres_real_day() -%}
    {%- set leap_year = '0*(?:[1-9]\\d(?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[13579][26])00)' -%}
    {%- set days = [] -%}
    {%- for separator in ['-', '/'] -%}
        {%- do days.extend([
            '0*[1-9]\\d{3}' ~ separator ~ '(?:0?[13578]|1[02])' ~ separator ~ '(?:0?[1-9]|[12]\\d|3[01])',
            '0*[1-9]\\d{3}' ~ separator ~ '(?:0?[469]|11)' ~ separator ~ '(?:0?[1-9]|[12]\\d|30)',
            '0*[1-9]\\d{3}' ~ separator ~ '0?2' ~ separator ~ '(?:0?[1-9]|1\\d|2[0-8])',
            leap_year ~ separator ~ '0?2' ~ separator ~ '29'
        ]) -%}
    {%- endfor -%}
    {{ return('(?:' ~ days | join('|') ~ ')') }}
{%- endmacro %}

{#
    Number of a type: decimal(p, s) or integer. Rounded half away from zero, as on DuckDB. Digits may be grouped by
    single underscores; blanks around are passed over. Argument type: 'decimal(14, 2)', 'decimal(18, 8)' or 'integer'.
#}
{% macro postgres__readable_number(column, type) -%}
    {%- set text = '(cast(' ~ column ~ ' as text) collate "C")' -%}
    {%- set digits = '\\d+(?:_\\d+)*' -%}
    {%- set pattern = '^[[:space:]]*[+-]?(?:' ~ digits ~ '[.]?(?:' ~ digits ~ ')?|[.]' ~ digits ~ ')(?:[eE][+-]?0*\\d{1,3})?[[:space:]]*$' -%}
    {%- set number = "cast(replace(trim(both e' \\t\\n\\x0b\\x0c\\r' from " ~ text ~ "), '_', '') as numeric)" -%}
    {%- set limits = {
        'decimal(14, 2)': ('-999999999999.995', '999999999999.995'),
        'decimal(18, 8)': ('-9999999999.999999995', '9999999999.999999995'),
        'integer': ('-2147483648.5', '2147483647.5')
    } -%}
    case
        when length({{ text }}) <= 500 and {{ text }} ~ '{{ pattern }}'
            then case when {{ number }} > {{ limits[type][0] }} and {{ number }} < {{ limits[type][1] }}
                then cast({{ number }} as {{ type }})
            end
    end
{%- endmacro %}

{# Truth value: the words that DuckDB reads, in any case. #}
{% macro postgres__readable_boolean(column) -%}
    case lower(cast({{ column }} as text) collate "C")
        {%- for word in ['true', 't', 'yes', 'y', '1'] %} when '{{ word }}' then true{% endfor %}
        {%- for word in ['false', 'f', 'no', 'n', '0'] %} when '{{ word }}' then false{% endfor %}
    end
{%- endmacro %}

{# What readable_cast() of raw_casts.sql is on Postgres. Errors: any type it has no reader for. #}
{% macro postgres__readable_cast(column, type) -%}
    {%- if type == 'boolean' -%}
        {{ return(postgres__readable_boolean(column)) }}
    {%- elif type in ('decimal(14, 2)', 'decimal(18, 8)', 'integer') -%}
        {{ return(postgres__readable_number(column, type)) }}
    {%- endif -%}
    {{ exceptions.raise_compiler_error("readable_cast: no reader for '" ~ type ~ "' on Postgres") }}
{%- endmacro %}

{# What as_text() of raw_casts.sql is on Postgres. Ordered by bytes from here on (collation.sql). #}
{% macro postgres__as_text(column) -%}
    {%- set text = 'cast(' ~ column ~ ' as text) collate "C"' -%}
    case when {{ is_not_blank(text) }} then {{ text }} end
{%- endmacro %}
