{{ config(materialized='table') }}

-- a notice counts from its first publication; one that is not on record is compared with nothing
with notices as (
    select
        consent_version,
        min(published_at) as published_at
    from {{ ref('int_notices') }}
    group by consent_version
),

-- what each version of a spec needs permitted: every consent purpose where the basis is consent, else no objection
purposes as (
    {%- if execute %}
    {%- for node in segment_nodes() %}
    {%- set spec = segment_spec(node) %}
    {%- set is_consent = spec.lawful_basis == 'consent' %}
    {%- set needed = spec.consent_purposes if is_consent else [spec.purpose] %}
    {%- set versions = spec.versions | sort(attribute='effective_from') %}
    {%- set last_segment = loop.last %}
    {%- for version in versions %}
    {%- set effective_to = versions[loop.index].effective_from if not loop.last else none %}
    {%- set last_version = loop.last %}
    {%- for purpose in needed %}
    select
        {{ text_literal(spec.segment_id) }} as segment_id,
        {{ version.number }} as spec_version,
        cast('{{ version.effective_from }}' as {{ dbt.type_timestamp() }}) as effective_from,
        cast({{ text_literal(effective_to) }} as {{ dbt.type_timestamp() }}) as effective_to,
        {{ text_literal(purpose) }} as purpose,
        {{ loop.index }} as purpose_number,
        {{ 'true' if is_consent else 'false' }} as is_consent_needed,
        {{ text_literal(version.get('min_notice_version') if is_consent) }} as min_notice_version
    {{ 'union all' if not (loop.last and last_version and last_segment) }}
    {%- endfor %}
    {%- endfor %}
    {%- endfor %}
    {%- endif %}
)

select
    purposes.segment_id,
    purposes.spec_version,
    purposes.effective_from,
    purposes.effective_to,
    purposes.purpose,
    purposes.purpose_number,
    purposes.is_consent_needed,
    notices.published_at as min_notice_published_at
from purposes
left join notices on purposes.min_notice_version = notices.consent_version
