{% snapshot notices_as_held %}

{{ config(
    unique_key='consent_version',
    strategy='check',
    check_cols=['text_sha256', 'language', 'purposes', 'is_material_change', 'published_at', 'invalidated_at'],
    updated_at='as_of',
    hard_deletes='invalidate',
    pre_hook=["{{ rewind_as_of('rows') }}", "{{ rewind_as_of('ends') }}"],
    full_refresh=false
) }}

-- depends_on: {{ ref('run_started') }}
with clock as (
    select * from {{ ref('evaluation_clock') }}
),

notices as (
    select * from {{ ref('int_notices') }}
    where superseded_at is null
)

select
    clock.as_of,
    notices.consent_version,
    notices.text_sha256,
    notices.language,
    notices.purposes,
    notices.is_material_change,
    notices.published_at,
    notices.invalidated_at
from notices
cross join clock

{% endsnapshot %}
