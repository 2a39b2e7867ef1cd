{#
    The first evaluation on record of each segment as a query: segment_id, first_as_of; no rows while nothing is recorded.
    Argument: segments, a relation with segment_id, for the shape. Looked up at run time, like the guard does.
#}
{% macro first_recorded_evaluations(segments) -%}
    {%- set recorded = recorded_relation('segment_evaluations') -%}
    {%- if recorded -%}
    select
        segment_id,
        min(as_of) as first_as_of
    from {{ recorded }}
    group by segment_id
    {%- else -%}
    select
        segment_id,
        cast(null as {{ dbt.type_timestamp() }}) as first_as_of
    from {{ segments }}
    where 1 = 0
    {%- endif -%}
{%- endmacro %}
