{{ config(materialized='table') }}

with notices as (
    select * from {{ ref('stg_generic__notices') }}
)

select
    source_system,
    consent_version,
    text_sha256,
    language,
    purposes,
    coalesce(material_change, false) as is_material_change,
    published_at,
    invalidated_at,
    -- a notice carries no recording time: what it says of its end cannot have been known before
    {{ greatest_of(['published_at', 'coalesce(invalidated_at, published_at)']) }} as recorded_at,
    unreadable_value,
    case
        when consent_version is null then 'missing consent_version'
        when unreadable_column is not null then 'unreadable ' || unreadable_column
        when text_sha256 is null then 'missing text_sha256'
        when published_at is null then 'missing published_at'
    end as rejected_reason
from notices
