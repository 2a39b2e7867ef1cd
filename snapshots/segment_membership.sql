{% snapshot segment_membership %}

{{ config(
    unique_key=['segment_id', 'customer_key'],
    strategy='check',
    check_cols=membership_columns(),
    updated_at='as_of',
    hard_deletes='invalidate',
    pre_hook="{{ rewind_as_of() }}",
    full_refresh=false
) }}

-- depends_on: {{ ref('evaluation_clock') }}
-- depends_on: {{ ref('run_started') }}
select
    as_of,
    segment_id,
    customer_key,
    spec_version,
    lawful_basis,
    privacy_impact,
    consent_version,
    consent_event_key,
    data_sources,
    is_primary
from {{ ref('segment_members') }}

{% endsnapshot %}
