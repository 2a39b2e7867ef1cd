{{ config(materialized='table') }}

{%- set rows = [] -%}
{%- if execute -%}
    {%- set purposes = feature_purposes() -%}
    {%- for node in segment_nodes() -%}
        {%- for feature in segment_inputs(node) -%}
            {%- do rows.append([segment_spec(node).segment_id, feature, purposes.get(feature)]) -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endif %}

with inputs as (
    {%- for segment_id, feature, purpose in rows %}
    select
        {{ text_literal(segment_id) }} as segment_id,
        {{ text_literal(feature) }} as feature,
        {{ text_literal(purpose) }} as purpose
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    segment_id,
    feature,
    purpose
from inputs
