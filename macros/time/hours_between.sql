{#
    Hours from one instant to a later one as decimal(18,4), in whole seconds; 0 when the second is not later, null when one is.
    Arguments: earlier, later (SQL expressions, UTC timestamps).
#}
{% macro hours_between(earlier, later) -%}
    {%- set seconds = dbt.datediff(earlier, later, 'second') -%}
    {# greatest() would take 0 for an instant that is missing #}
    {{ exact_ratio('case when ' ~ later ~ ' <= ' ~ earlier ~ ' then 0 else ' ~ seconds ~ ' end', 3600) }}
{%- endmacro %}
