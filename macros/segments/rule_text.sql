{#
    The rule of a segment model as its lock sees it: the tokens of its SQL, one blank between two. Comments and all white
    space between tokens are left out, so that reformatting breaks no lock; texts in quotes stay to the letter, so that no
    change hides in them. Argument: node.
#}
{% macro rule_text(node) -%}
    {%- set pattern = rule_patterns() -%}
    {%- set found = modules.re.findall('(?s)(?:' ~ pattern.comment ~ ')|(' ~ pattern.quoted ~ '|[\\w.]+|[^\\s\\w])', node.raw_code) -%}
    {{ return(found | select | join(' ')) }}
{%- endmacro %}

{# Regular expressions for what is no token of a rule (comment) and for texts in quotes (quoted). A line ends a comment, as engines see lines. #}
{% macro rule_patterns() -%}
    {{ return({
        'comment': '[{]#.*?#[}]|/[*].*?[*]/|--[^\r\n]*',
        'quoted': '\\x27(?:[^\\x27]|\\x27\\x27)*\\x27|\\x22(?:[^\\x22]|\\x22\\x22)*\\x22'
    }) }}
{%- endmacro %}

{#
    What the lock of one spec version holds: its parameters, its rule, what it excludes, the oldest notice it accepts and its
    stability, as one text. The excluded rules have locks of their own. Arguments: node, version.
#}
{% macro locked_text(node, version) -%}
    {%- set excluded = segment_spec(node).get('exclude', []) | sort | join(',') -%}
    {{ return(
        tojson(version.parameters, sort_keys=true) ~ '|' ~ version.effective_from ~ '|' ~ rule_text(node)
        ~ ('|exclude ' ~ excluded if excluded else '')
        ~ ('|notice ' ~ version.min_notice_version if version.get('min_notice_version') else '')
        ~ ('|stability ' ~ version.stability if version.get('stability') else '')
    ) }}
{%- endmacro %}

{# A text as a quoted SQL literal. #}
{% macro text_literal(text) -%}
    {%- if text is none or text is undefined -%}cast(null as {{ dbt.type_string() }})
    {%- else -%}'{{ text | string | replace("'", "''") }}'
    {%- endif -%}
{%- endmacro %}
