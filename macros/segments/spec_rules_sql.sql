{#
    The form of a rule: it reads `features` and `versions`, which come from customer_features and the spec, and nothing else. So
    every column that it uses stands in its text as features.<column>, where the checks of inputs, purposes and vendors find it,
    and no part of it can read another relation, a file, a setting or the clock. What is not on these lists is refused, whatever it
    is: a list of what is dangerous would never be complete. Argument: node. Returns a list of problems [field, sentence].
#}
{% macro rule_form_problems(node) -%}
    {%- set re, pattern, problems, strange = modules.re, rule_patterns(), [], [] -%}
    {%- if re.search('\r(?!\n)', node.raw_code) -%}
        {%- do problems.append(['rule', 'has a carriage return that ends no line; engines disagree on what follows it']) -%}
    {%- endif -%}
    {%- for comment, _ in re.findall('(?s)(' ~ pattern.comment ~ ')|(' ~ pattern.quoted ~ ')', node.raw_code)
        if comment[:2] != '{#' and re.search('[{][{%#]', comment) -%}
        {%- do problems.append(['rule', 'has Jinja in the comment ' ~ shown(comment) ~ '; what it prints would be no comment']) -%}
    {%- endfor -%}
    {%- set sql = re.sub('(?s)(' ~ pattern.quoted ~ ')|' ~ pattern.comment, '\\1 ', node.raw_code) -%}
    {%- set name = '(?:customer_features|(?:features|versions)[.][a-z_][a-z0-9_]*)' -%}
    {%- set argument = '\\s*(?:\\x27' ~ name ~ '\\x27|\\x22' ~ name ~ '\\x22|[0-9]+)\\s*' -%}
    {%- set macro_call = '(?s)-?\\s*(' ~ rule_macros() | join('|') ~ ')[(](?:' ~ argument ~ '(?:,' ~ argument ~ ')*)?[)]\\s*-?' -%}
    {%- for call in re.findall('(?s)[{][{](.*?)[}][}]', sql) -%}
        {%- do strange.append('{{' ~ call ~ '}}') if not re.fullmatch(macro_call, call) -%}
    {%- endfor -%}
    {%- set tokens = re.findall('(?s)' ~ pattern.quoted ~ '|[\\w.]+|[^\\s\\w]', re.sub('(?s)[{][{].*?[}][}]', '?', sql)) -%}
    {%- set relations, words, functions = ['features', 'versions', 'members'], rule_words(), rule_functions() -%}
    {%- set signs = ['?', '(', ')', ',', '=', '<', '>', '!', '+', '-', '*', '/', '|'] -%}
    {%- set columns = '(?:features|versions|members)[.][a-z_][a-z0-9_]*' -%}
    {%- for token in tokens -%}
        {%- set word = token | lower -%}
        {%- set before = tokens[loop.index0 - 1] | lower if not loop.first else '' -%}
        {%- set after = tokens[loop.index] if not loop.last else '' -%}
        {%- if before in ['from', 'join'] -%}
            {%- set is_known = word in relations + ['?'] -%}
        {%- elif before == 'as' -%}
            {%- set is_known = word in words + ['('] or re.fullmatch('[a-z_][a-z0-9_]*', word) -%}
        {%- else -%}
            {%- set is_known = word in words + relations + signs or (word in functions and after == '(')
                or token[0] == "'" or re.fullmatch(columns, word) or re.fullmatch('[0-9]+([.][0-9]+)?', word) -%}
        {%- endif -%}
        {%- do strange.append(token) if not is_known -%}
    {%- endfor -%}
    {%- for text in strange | unique -%}
        {%- do problems.append([
            'rule',
            'has ' ~ shown(text) ~ ' in its SQL; it may use features.<column>, versions.<parameter> and members, the words, functions and '
            ~ 'macros in macros/segments/spec_rules_sql.sql, nothing else'
        ]) -%}
    {%- endfor -%}
    {{ return(problems) }}
{%- endmacro %}

{# The words of SQL that a rule may use. #}
{% macro rule_words() -%}
    {{ return([
        'with', 'as', 'select', 'distinct', 'from', 'inner', 'left', 'cross', 'join', 'on', 'where', 'and', 'or', 'not', 'in', 'is', 'null', 'true',
        'false', 'case', 'when', 'then', 'else', 'end', 'between', 'exists', 'group', 'order', 'by', 'asc', 'desc', 'having', 'union', 'all', 'like',
        'over', 'partition', 'integer', 'bigint', 'decimal', 'date', 'timestamp', 'varchar', 'boolean', 'interval', 'day'
    ]) }}
{%- endmacro %}

{# The functions that a rule may call: the same answer for the same row, on every engine, at any time. #}
{% macro rule_functions() -%}
    {{ return([
        'coalesce', 'nullif', 'greatest', 'least', 'abs', 'round', 'floor', 'ceil', 'cast', 'lower', 'upper', 'length', 'substr', 'trim', 'count',
        'sum', 'min', 'max', 'avg', 'rank', 'dense_rank', 'row_number', 'lag', 'lead'
    ]) }}
{%- endmacro %}

{# The macros that a rule may call, with names of columns and whole numbers as arguments. #}
{% macro rule_macros() -%}
    {{ return([
        'ref', 'spec_versions', 'is_not_excluded', 'is_in_interval', 'in_last_days', 'hours_between', 'local_date', 'month_of', 'plus_seconds',
        'exact_ratio', 'completed_years'
    ]) }}
{%- endmacro %}
