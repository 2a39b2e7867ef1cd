{{ config(materialized='table') }}

-- what must be permitted for each segment: every consent purpose where the basis is consent, else no objection
with purposes as (
    {%- if execute %}
    {%- for node in segment_nodes() %}
    {%- set spec = segment_spec(node) %}
    {%- set is_consent = spec.lawful_basis == 'consent' %}
    {%- set needed = spec.consent_purposes if is_consent else [spec.purpose] %}
    {%- set outer = loop %}
    {%- for purpose in needed %}
    select
        {{ text_literal(spec.segment_id) }} as segment_id,
        {{ text_literal(purpose) }} as purpose,
        {{ loop.index }} as purpose_number,
        {{ 'true' if is_consent else 'false' }} as is_consent_needed
    {{ 'union all' if not (loop.last and outer.last) }}
    {%- endfor %}
    {%- endfor %}
    {%- endif %}
)

select
    segment_id,
    purpose,
    purpose_number,
    is_consent_needed
from purposes
