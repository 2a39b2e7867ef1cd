{% snapshot segment_specs %}

{{ config(
    unique_key=['segment_id', 'spec_version'],
    strategy='check',
    check_cols=['content_hash'],
    updated_at='as_of',
    hard_deletes='invalidate',
    pre_hook=["{{ rewind_as_of('rows') }}", "{{ rewind_as_of('ends') }}"],
    full_refresh=false
) }}
{%- set content = [
    'segment_id', 'spec_version', 'status', 'effective_from', 'effective_to', 'rule_hash', 'spec_json', 'rule_sql'
] %}

-- depends_on: {{ ref('run_started') }}
with clock as (
    select * from {{ ref('evaluation_clock') }}
),

registry as (
    select
        *,
        {{ sha256_hex(canonical_row(content)) }} as content_hash
    from {{ ref('segment_registry') }}
)

select
    clock.as_of,
    registry.*
from registry
cross join clock

{% endsnapshot %}
