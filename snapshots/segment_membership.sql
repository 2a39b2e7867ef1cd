{% snapshot segment_membership %}

{{ config(
    unique_key=['segment_id', 'customer_key'],
    strategy='check',
    check_cols=membership_columns(),
    updated_at='as_of',
    hard_deletes='invalidate',
    pre_hook=["{{ rewind_as_of('rows') }}", "{{ rewind_as_of('ends') }}"],
    full_refresh=false
) }}

-- depends_on: {{ ref('evaluation_clock') }}
-- depends_on: {{ ref('run_started') }}
-- what the next evaluation is compared with is kept before this one is on record
-- depends_on: {{ ref('segment_changes') }}
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
