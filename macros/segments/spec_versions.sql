{#
    The versions of the calling segment's spec as a query: spec_version, effective_from, effective_to and one column per
    parameter. The only way by which parameters reach a rule; a unit test overrides this macro with a query of its own.
    Whole numbers come out as integer, other numbers as decimal(38,4), for rules multiply them by money, text as text.
#}
{% macro spec_versions() -%}
    {%- if not execute -%}
        {{ return('select 1 as spec_version') }}
    {%- endif -%}
    {{- versions_of(model) -}}
{%- endmacro %}

{# The versions of the spec of any segment, as in spec_versions(). Argument: node, the segment model. #}
{% macro versions_of(node) -%}
    {%- set versions, instant = segment_spec(node).versions | sort(attribute='effective_from'), dbt.type_timestamp() -%}
    {%- for version in versions %}
        select
            {{ version.number }} as spec_version,
            cast('{{ version.effective_from }}' as {{ instant }}) as effective_from,
            cast({{ "'" ~ versions[loop.index].effective_from ~ "'" if not loop.last else 'null' }} as {{ instant }}) as effective_to
            {%- for name, parameter in version.parameters.items() %},
            {{ parameter_literal(parameter) }} as {{ name }}
            {%- endfor %}
        {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{% macro parameter_literal(parameter) -%}
    {%- if parameter is boolean -%}{{ 'true' if parameter else 'false' }}
    {%- elif parameter is integer -%}cast({{ parameter }} as integer)
    {%- elif parameter is number -%}{{ wide(parameter, 4) }}
    {%- else -%}'{{ parameter | string | replace("'", "''") }}'
    {%- endif -%}
{%- endmacro %}
