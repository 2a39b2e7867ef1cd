{#
    Of which kind a parameter is (number, text, boolean), against what the SQL does with it: a number in quotes is a text, and
    engines would stop the build in their words, or compare it letter by letter. Arguments: node, spec. Returns a list of problems
    [field, sentence].
#}
{% macro parameter_kind_problems(node, spec) -%}
    {%- set problems, versions = [], spec.get('versions', []) -%}
    {%- set sql = rule_text(node) -%}
    {%- for version in versions -%}
        {%- set path = 'versions[' ~ loop.index ~ '].parameters.' -%}
        {%- for name, value in version.parameters.items() -%}
            {%- set kind = kind_of(value) -%}
            {%- set needed, reason = kind_in_rule(name, sql) -%}
            {#- not seen to be compared with a text, digits are a number all the same -#}
            {%- if not needed and is_number_text(value) -%}
                {%- set needed, reason = 'number', 'nothing in the SQL asks for a text' -%}
            {%- endif -%}
            {#- of two kinds in two versions is another problem -#}
            {%- if needed and needed != kind and versions[0].parameters.get(name) is not none
                and kind == kind_of(versions[0].parameters.get(name)) -%}
                {%- do problems.append([
                    path ~ name, 'is ' ~ shown(value) ~ ', a ' ~ kind ~ ', but ' ~ reason ~ '; write ' ~ as_kind(value, needed)
                ]) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(problems) }}
{%- endmacro %}

{# The kind of a parameter's value. Argument: value. Returns number, text or boolean. #}
{% macro kind_of(value) -%}
    {{ return('boolean' if value is boolean else 'text' if value is string else 'number') }}
{%- endmacro %}

{# Whether a value is a number in quotes. Argument: value. #}
{% macro is_number_text(value) -%}
    {{ return(value is string and modules.re.fullmatch('\\s*[+-]?[0-9]+([.][0-9]+)?\\s*', value) is not none) }}
{%- endmacro %}

{#
    The kind that a rule needs a parameter to be of: of what is calculated with, and of what is compared with a column of
    customer_features. Arguments: name, of the parameter; sql, the rule's text, one blank between two tokens. Returns a pair
    [kind, reason], of nothing where the SQL does not tell.
#}
{% macro kind_in_rule(name, sql) -%}
    {%- set re = modules.re -%}
    {%- set parameter = 'versions[.]' ~ name ~ '(?![.\\w])' -%}
    {%- set column = 'features[.]([a-z_][a-z0-9_]*)' -%}
    {%- set sign = ' (?:! =|< >|< =|> =|=|<|>) ' -%}
    {%- if re.search('(?i)' ~ parameter ~ ' [*/+-]|[*/+-] ' ~ parameter ~ '|, \\x27' ~ parameter ~ '\\x27', sql) -%}
        {{ return(['number', 'the SQL calculates with it']) }}
    {%- endif -%}
    {%- set features = columns_of_features() -%}
    {%- set compared = re.findall('(?i)' ~ column ~ sign ~ parameter, sql) + re.findall('(?i)' ~ parameter ~ sign ~ column, sql)
        + re.findall('(?i)' ~ column ~ ' (?:not )?between ' ~ parameter, sql)
        + re.findall('(?i)' ~ column ~ ' (?:not )?between \\S+ and ' ~ parameter, sql) -%}
    {%- for other in compared -%}
        {%- set type = features.get(other | lower, {}).get('data_type') or '' -%}
        {%- set kind = 'text' if type == 'string' else type if type == 'boolean'
            else 'number' if re.match('integer|bigint|decimal|double|float', type) else none -%}
        {%- if kind -%}
            {{ return([kind, 'the SQL compares it with features.' ~ other ~ ', a ' ~ kind]) }}
        {%- endif -%}
    {%- endfor -%}
    {{ return([none, none]) }}
{%- endmacro %}

{# What to write instead of a parameter's value, so that it is of a kind. Arguments: value, kind. #}
{% macro as_kind(value, kind) -%}
    {%- if kind == 'boolean' -%}{{ return('true or false, without quotes') }}
    {%- elif kind == 'text' -%}{{ return('it in quotes, as "' ~ (shown(value) | replace('"', '')) ~ '"') }}
    {%- elif is_number_text(value) -%}
        {{ return('it without quotes, as ' ~ value | trim) }}
    {%- endif -%}
    {{ return('a number, without quotes') }}
{%- endmacro %}
