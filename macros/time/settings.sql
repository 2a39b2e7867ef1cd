{#
    The values that come by environment, checked before they reach SQL: nothing else may be written there.
    They are read when a node runs, not when the project is parsed: dbt parses a file anew whenever a variable it read has
    another value.
#}

{#
    Refuses settings that no node would accept, before the first one runs. On-run-start.
    Errors: those of instant_setting(), text_setting() and assert_vars().
#}
{% macro assert_settings() -%}
    {%- for name, words in [('AS_OF', ['latest']), ('KNOWN_AT', ['latest']), ('INGESTED_AT', [])] -%}
        {%- do instant_setting(name, also=words) -%}
    {%- endfor -%}
    {%- do reporting_currency() -%}
    {%- do assert_vars() -%}
    {{- limit_resources() -}}
{%- endmacro %}

{#
    Refuses vars of the project that are not of their kind: `int` makes 0 out of what is no number, which would switch an age limit
    off, and a zone is written into SQL. Errors: one sentence naming the var.
#}
{% macro assert_vars() -%}
    {%- set least = {
        'retention_active_days': 1, 'retention_drifting_days': 1, 'retention_churn_risk_days': 1, 'minimum_age_years': 0, 'opt_in_age_years': 0,
        'metrics_window_days': 1, 'attribution_days': 1, 'history_retention_days': 1, 'anonymous_window_days': 1, 'anonymous_retention_days': 1,
        'revocation_sla_hours': 0
    } -%}
    {%- for name, number in least.items() -%}
        {%- set value = var(name) -%}
        {%- if not modules.re.fullmatch('[0-9]{1,6}', value | string) or value | int < number -%}
            {{ exceptions.raise_compiler_error('var ' ~ name ~ ' must be a whole number from ' ~ number ~ ' on, not "' ~ value ~ '"') }}
        {%- endif -%}
    {%- endfor -%}
    {%- if var('timezone') not in modules.pytz.all_timezones_set -%}
        {{ exceptions.raise_compiler_error('var timezone must be the IANA name of a time zone, like Europe/Berlin, not "' ~ var('timezone') ~ '"') }}
    {%- endif -%}
    {%- if var('retention_mode') not in ['fixed', 'calibrated'] -%}
        {{ exceptions.raise_compiler_error('var retention_mode must be fixed or calibrated, not "' ~ var('retention_mode') ~ '"') }}
    {%- endif -%}
{%- endmacro %}

{# REPORTING_CURRENCY as a literal; the demo has euros. #}
{% macro reporting_currency() -%}
    {{ return(text_setting('REPORTING_CURRENCY', '[A-Z]{3}', 'EUR (ISO 4217)', 'EUR' if env_var('SEGMENTS_RAW', '') == '' else '')) }}
{%- endmacro %}

{#
    A UTC instant given by environment, as a timestamp literal, or `null` when unset.
    Arguments: name of the variable; also, words accepted beside an instant (they render as `null`).
    Errors: one sentence naming the variable when the text is not YYYY-MM-DD[ HH:MM:SS[.ffffff]] or not a real date.
#}
{% macro instant_setting(name, also=[]) -%}
    {%- set text = env_var(name, '') if execute else '' -%}
    {%- if text == '' or text in also -%}
        {{ return('cast(null as ' ~ dbt.type_timestamp() ~ ')') }}
    {%- endif -%}
    {%- if not modules.re.fullmatch('(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])([ T]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?)?', text) -%}
        {{ exceptions.raise_compiler_error(name ~ ' must be a UTC instant like 2026-03-03 00:00:00' ~ (' or ' ~ also | join(', ') if also else '') ~ ', not "' ~ text ~ '"') }}
    {%- endif -%}
    {%- set year, month, day = text[0:4] | int, text[5:7] | int, text[8:10] | int -%}
    {%- set leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 -%}
    {%- set last_day = [31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] -%}
    {%- if day > last_day -%}
        {{ exceptions.raise_compiler_error(name ~ ' names a day that does not exist: "' ~ text ~ '"') }}
    {%- endif -%}
    {{ return("cast('" ~ (text ~ ' 00:00:00' if text | length == 10 else text | replace('T', ' ')) ~ "' as " ~ dbt.type_timestamp() ~ ')') }}
{%- endmacro %}

{#
    A text given by environment, as a quoted literal, or `null` when unset.
    Arguments: name; pattern (regular expression of all allowed texts); example, shown in the error; default.
    Errors: one sentence naming the variable when the text does not match.
#}
{% macro text_setting(name, pattern, example, default='') -%}
    {%- set text = env_var(name, default) if execute else '' -%}
    {%- if text == '' -%}
        {{ return('cast(null as ' ~ dbt.type_string() ~ ')') }}
    {%- endif -%}
    {%- if not modules.re.fullmatch(pattern, text) -%}
        {{ exceptions.raise_compiler_error(name ~ ' must look like ' ~ example ~ ', not "' ~ text ~ '"') }}
    {%- endif -%}
    {{ return("'" ~ text ~ "'") }}
{%- endmacro %}
