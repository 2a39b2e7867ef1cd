{#
    Checks one value of a spec against its description in spec_fields.sql. Whatever stands in the YAML (nothing, a date, a
    list in place of a text) gives a sentence, never a Jinja error.
    Arguments: field, the path shown to the author (`retention.duration`); value; rule, the description.
    Returns a list of problems, each a pair [field, sentence].
#}
{% macro value_problems(field, value, rule) -%}
    {%- if value is none or value is undefined -%}
        {{ return([] if rule.get('optional') else [[field, 'is missing; it must be ' ~ wanted(rule)]]) }}
    {%- endif -%}
    {#- true is a number in Python, and texts and YAML's !!binary are sequences: none of them is meant -#}
    {%- set has_type = {
        'text': value is string,
        'integer': value is integer,
        'number': value is number and value is not boolean,
        'boolean': value is boolean,
        'list': value is sequence and value is not mapping and value.append is defined,
        'mapping': value is mapping,
        'parameters': value is mapping
    } -%}
    {%- if has_type[rule.type] and rule.type == 'list' -%}{{ return(list_problems(field, value, rule)) }}
    {%- elif has_type[rule.type] and rule.type == 'mapping' -%}{{ return(mapping_problems(field, value, rule.fields)) }}
    {%- elif has_type[rule.type] and rule.type == 'parameters' -%}{{ return(parameter_problems(field, value)) }}
    {%- elif has_type[rule.type] and (value in rule.allowed if 'allowed' in rule else is_allowed(value, rule)) -%}{{ return([]) }}
    {%- endif -%}
    {{ return([[field, 'is ' ~ shown(value) ~ '; it must be ' ~ wanted(rule)]]) }}
{%- endmacro %}

{# Every entry against the description of entries; no list is empty unless it may be, and no text stands in it twice. #}
{% macro list_problems(field, value, rule) -%}
    {%- set problems = [] -%}
    {%- if not value and not rule.get('may_be_empty') -%}
        {%- do problems.append([field, 'is an empty list; it must be ' ~ wanted(rule)]) -%}
    {%- endif -%}
    {%- set seen = [] -%}
    {%- for entry in value -%}
        {%- if entry not in rule.entry.get('allowed', []) -%}
            {%- do problems.extend(value_problems(field ~ '[' ~ loop.index ~ ']', entry, rule.entry)) -%}
        {%- endif -%}
        {%- if entry is string and entry in seen -%}
            {%- do problems.append([field, 'names ' ~ shown(entry) ~ ' twice; once is enough']) -%}
        {%- endif -%}
        {%- do seen.append(entry) -%}
    {%- endfor -%}
    {{ return(problems) }}
{%- endmacro %}

{# Every key must be known, every known field must be right. An empty `field` is the spec itself. #}
{% macro mapping_problems(field, value, fields) -%}
    {%- set problems = [] -%}
    {%- set prefix = field ~ '.' if field else '' -%}
    {%- set known = 'known here: ' ~ fields | join(', ') if field else 'all are in macros/segments/spec_fields.sql' -%}
    {%- for key in value if key not in fields -%}
        {%- do problems.append([prefix ~ shown(key) | replace('"', ''), 'is not a known field; ' ~ known]) -%}
    {%- endfor -%}
    {%- for name, rule in fields.items() if value.get(name) is not none or not rule.get('optional') -%}
        {#- most values stand in many specs: what was right once is not looked at again, half of the gate -#}
        {%- set given = [value.get(name)] | string -%}
        {%- if given not in rule.setdefault('found_right', []) -%}
            {%- set found = value_problems(prefix ~ name, value.get(name), rule) -%}
            {%- do problems.extend(found) if found else rule.found_right.append(given) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(problems) }}
{%- endmacro %}

{#
    Parameters become SQL columns (spec_versions): their names must be plain, their values numbers that the column's type
    holds exactly (integer, decimal(18,4)), texts or booleans.
#}
{% macro parameter_problems(field, value) -%}
    {%- set problems = [] -%}
    {%- for name, parameter in value.items() -%}
        {%- set path = field ~ '.' ~ (shown(name) | replace('"', '')) -%}
        {%- if name is not string or not modules.re.fullmatch('[a-z][a-z0-9_]{0,62}', name) -%}
            {%- do problems.append([path, 'is not a parameter name; it must look like min_order_count']) -%}
        {%- elif name in ['spec_version', 'effective_from', 'effective_to'] -%}
            {%- do problems.append([path, 'is the name of a column that every version has; choose another']) -%}
        {%- elif parameter is integer -%}
            {%- do problems.append([
                path,
                'is ' ~ shown(parameter) ~ '; it must be at most 2147483647'
            ]) if parameter | abs > 2147483647 -%}
        {%- elif parameter is float -%}
            {%- do problems.append([
                path,
                'is ' ~ shown(parameter) ~ '; it must be below 10^14 with at most 4 decimals'
            ]) if not is_exact_decimal(parameter) -%}
        {%- elif parameter is none -%}
            {%- do problems.append([path, 'is missing; it must be a number (without quotes), true, false or a text']) -%}
        {%- elif parameter is not boolean -%}
            {%- do problems.extend(value_problems(path, parameter, {'type': 'text', 'longest': 200})) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(problems) }}
{%- endmacro %}

{# Whether a float is a decimal(18,4) without loss; infinite and not-a-number are below no limit. #}
{% macro is_exact_decimal(number) -%}
    {{ return(number | abs < 100000000000000 and number | round(4) == number) }}
{%- endmacro %}

{# Whether a text or number fits its description. Blank texts and control characters never do. Arguments: value, rule. #}
{% macro is_allowed(value, rule) -%}
    {%- if value is string -%}
        {%- if not value | trim or value | trim | length > rule.get('longest', 2000) -%}{{ return(false) }}
        {%- elif modules.re.search('[\\x00-\\x08\\x0b-\\x1f\\x7f\\ud800-\\udfff]', value) -%}{{ return(false) }}
        {#- what nobody sees could make two names out of one, or turn a line around -#}
        {%- elif modules.re.search('[\\x80-\\x9f\\xad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb]', value) -%}
            {{ return(false) }}
        {%- elif rule.get('pattern') and not modules.re.fullmatch(rule.pattern, value) -%}{{ return(false) }}
        {%- elif rule.get('format') == 'zone' -%}{{ return(value in modules.pytz.all_timezones_set) }}
        {%- elif rule.get('format') == 'day' -%}{{ return(is_calendar_day(value)) }}
        {%- elif rule.get('format') == 'instant' -%}
            {%- set is_time = modules.re.fullmatch(' ([01][0-9]|2[0-3])(:[0-5][0-9]){2}', value[10:]) is not none -%}
            {{ return(is_time and is_calendar_day(value[:10])) }}
        {%- endif -%}
    {%- elif 'least' in rule and not value >= rule.least or 'most' in rule and not value <= rule.most -%}{{ return(false) }}
    {%- endif -%}
    {{ return(true) }}
{%- endmacro %}

{# Whether a text is a day of the calendar, years 1900 to 2199, as YYYY-MM-DD. #}
{% macro is_calendar_day(text) -%}
    {%- if not modules.re.fullmatch('(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])', text) -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set year, month, day = text[:4] | int, text[5:7] | int, text[8:] | int -%}
    {%- set is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) -%}
    {{ return(day <= [31, 29 if is_leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]) }}
{%- endmacro %}

{# What a description asks for, as the end of a sentence. Argument: rule, the description. #}
{% macro wanted(rule) -%}
    {%- set formats = {
        'day': 'a real day in quotes, like "2027-01-15"',
        'instant': 'a real UTC instant in quotes, like "2026-03-02 00:00:00"',
        'zone': 'a time zone by its IANA name, like Europe/Berlin'
    } -%}
    {%- if 'allowed' in rule -%}
        {{ return(('one of ' if rule.allowed | length > 1 else '') ~ rule.allowed | join(', ') | lower) }}
    {%- elif 'format' in rule -%}{{ return(formats[rule.format]) }}
    {%- elif 'pattern' in rule -%}{{ return('text like ' ~ rule.example) }}
    {%- elif rule.type == 'text' -%}{{ return('plain text of at most ' ~ rule.get('longest', 2000) ~ ' characters') }}
    {%- elif rule.type == 'boolean' -%}{{ return('true or false') }}
    {%- elif rule.type == 'list' -%}{{ return('a list with each entry ' ~ wanted(rule.entry)) }}
    {%- elif rule.type == 'mapping' -%}{{ return('a mapping with ' ~ rule.fields | join(', ')) }}
    {%- elif rule.type == 'parameters' -%}{{ return('a mapping of parameter names to values, {} for none') }}
    {%- endif -%}
    {{ return(
        ('a whole number' if rule.type == 'integer' else 'a number') ~ ' of at least ' ~ rule.least
        ~ (' and at most ' ~ rule.most if 'most' in rule else '')
    ) }}
{%- endmacro %}

{# A value as a message may show it: short, on one line, without control characters. #}
{% macro shown(value) -%}
    {%- if value is boolean -%}{{ return('true' if value else 'false') }}
    {%- elif value is none -%}{{ return('null') }}
    {%- elif value is mapping -%}{{ return('a mapping') }}
    {%- elif value is number -%}{{ return(value | string) }}
    {%- elif value is string -%}
        {%- set plain = modules.re.sub('[\\x00-\\x1f\\x7f\\ud800-\\udfff]', ' ', value) -%}
        {{ return('"' ~ (plain[:57] ~ '...' if plain | length > 60 else plain) ~ '"') }}
    {%- elif value is sequence -%}{{ return('a list' if value.append is defined else 'binary data') }}
    {%- endif -%}
    {{ return(value | string ~ ' without quotes') }}
{%- endmacro %}
