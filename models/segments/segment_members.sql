{{ config(materialized='table') }}

with candidates as (
    select * from {{ ref('int_effective_candidates') }}
),

registry as (
    select * from {{ ref('segment_registry') }}
    where status = 'active'
),

segment_purposes as (
    select * from {{ ref('segment_purposes') }}
),

consent_state as (
    select * from {{ ref('consent_state') }}
),

-- the one gate: every purpose of the segment must be permitted; what is not known is not permitted. The first purpose that the
-- spec names gives the evidence: the grant on it; none where the law takes silence as permission
admitted as (
    select
        candidates.as_of,
        candidates.segment_id,
        candidates.customer_key,
        candidates.spec_version,
        candidates.last_activity_at,
        case when segment_purposes.is_consent_needed and consent_state.is_granted
            then consent_state.consent_version end as consent_version,
        case when segment_purposes.is_consent_needed and consent_state.is_granted
            then consent_state.consent_event_key end as consent_event_key
    from candidates
    inner join segment_purposes
        on candidates.segment_id = segment_purposes.segment_id
        and candidates.spec_version = segment_purposes.spec_version
        and segment_purposes.purpose_number = 1
    left join consent_state
        on candidates.as_of = consent_state.as_of
        and candidates.customer_key = consent_state.customer_key
        and segment_purposes.purpose = consent_state.purpose
    where {{ is_permitted(
        'segment_purposes.is_consent_needed', 'consent_state', 'segment_purposes.min_notice_published_at'
    ) }}
),

-- the further purposes only refuse: to group all candidates with all purposes would hold every one of them in memory
refused as (
    select distinct
        candidates.as_of,
        candidates.segment_id,
        candidates.customer_key
    from candidates
    inner join segment_purposes
        on candidates.segment_id = segment_purposes.segment_id
        and candidates.spec_version = segment_purposes.spec_version
        and segment_purposes.purpose_number > 1
    left join consent_state
        on candidates.as_of = consent_state.as_of
        and candidates.customer_key = consent_state.customer_key
        and segment_purposes.purpose = consent_state.purpose
    where not {{ is_permitted(
        'segment_purposes.is_consent_needed', 'consent_state', 'segment_purposes.min_notice_published_at'
    ) }}
),

checked as (
    select admitted.*
    from admitted
    left join refused
        on admitted.as_of = refused.as_of
        and admitted.segment_id = refused.segment_id
        and admitted.customer_key = refused.customer_key
    where refused.customer_key is null
),

{% if is_replay() -%}
clock as (
    select * from {{ ref('evaluation_clock') }}
),

later_dates as (
    select distinct permitted_at from clock
),

-- what a backfill made history admits nobody whom the segment might not consider at the date of the backfill
permitted_later as (
    select
        customers.as_of as permitted_at,
        segment_purposes.segment_id,
        customers.customer_key
    from {{ ref('customers') }} as customers
    inner join later_dates on customers.as_of = later_dates.permitted_at
    inner join segment_purposes
        on {{ is_in_interval('customers.as_of', 'segment_purposes.effective_from', 'segment_purposes.effective_to') }}
    left join consent_state
        on customers.as_of = consent_state.as_of
        and customers.customer_key = consent_state.customer_key
        and segment_purposes.purpose = consent_state.purpose
    where customers.not_profiled_reason is null
    group by customers.as_of, segment_purposes.segment_id, customers.customer_key
    having min(case when {{ is_permitted(
        'segment_purposes.is_consent_needed', 'consent_state', 'segment_purposes.min_notice_published_at'
    ) }} then 1 else 0 end) = 1
),

{% endif -%}
bounded as (
    select
        checked.as_of,
        checked.segment_id,
        checked.customer_key,
        checked.spec_version,
        registry.lawful_basis,
        registry.privacy_impact,
        registry.priority,
        checked.consent_version,
        checked.consent_event_key,
        registry.data_sources,
        {{ plus_seconds('checked.last_activity_at', 'registry.retention_days * 86400') }} as expires_at
    from checked
    inner join registry
        on checked.segment_id = registry.segment_id
        and checked.spec_version = registry.spec_version
    {%- if is_replay() %}
    inner join clock on checked.as_of = clock.as_of
    left join permitted_later
        on clock.permitted_at = permitted_later.permitted_at
        and checked.segment_id = permitted_later.segment_id
        and checked.customer_key = permitted_later.customer_key
    {%- endif %}
    {%- if is_replay() %}
    where clock.permitted_at is null or permitted_later.customer_key is not null
    {%- endif %}
)

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
    expires_at,
    row_number() over (partition by as_of, customer_key order by priority, segment_id) = 1 as is_primary
from bounded
where expires_at is null or expires_at > as_of
