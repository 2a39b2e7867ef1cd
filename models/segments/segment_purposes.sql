{{ config(materialized='table') }}

-- a notice counts from its first publication; one that is not on record is compared with nothing
with notices as (
    select
        consent_version,
        min(published_at) as published_at
    from {{ ref('int_notices') }}
    group by consent_version
),

-- what must be permitted for each segment: every consent purpose where the basis is consent, else no objection
purposes as (
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
        {{ 'true' if is_consent else 'false' }} as is_consent_needed,
        {{ text_literal(spec.get('min_notice_version') if is_consent) }} as min_notice_version
    {{ 'union all' if not (loop.last and outer.last) }}
    {%- endfor %}
    {%- endfor %}
    {%- endif %}
)

select
    purposes.segment_id,
    purposes.purpose,
    purposes.purpose_number,
    purposes.is_consent_needed,
    notices.published_at as min_notice_published_at
from purposes
left join notices on purposes.min_notice_version = notices.consent_version
