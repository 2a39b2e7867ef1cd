{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    full_refresh=false,
    pre_hook="{{ rewind_rows() }}"
) }}
{%- set ranked_causes = ['rule_version'] + feature_causes() %}

-- depends_on: {{ ref('evaluation_clock') }}
with changes as (
    select * from {{ ref('int_membership_changes') }}
),

segments as (
    select * from {{ ref('int_evaluated_segments') }}
),

permissions as (
    select * from {{ ref('int_permission_changes') }}
),

stability as (
    select * from {{ ref('int_stability') }}
),

identity_changes as (
    select * from {{ ref('int_identity_changes') }}
),

late_facts as (
    select
        as_of,
        customer_key,
        max(case when fact = 'late_grant' then 1 else 0 end) = 1 as has_late_grant,
        max(case when fact = 'late_restriction' then 1 else 0 end) = 1 as has_late_restriction,
        max(case when fact = 'late_record' then 1 else 0 end) = 1 as has_late_record
    from {{ ref('int_recent_facts') }}
    group by as_of, customer_key
),

inputs as (
    select
        as_of,
        segment_id,
        customer_key,
        {{ dbt.listagg('feature', "';'", 'order by feature') }} as changed_inputs,
        -- a late choice can take back or open the past while permission is there at both ends
        max(case when purpose is not null and direction in ('down', 'vanished') then 1 else 0 end) = 1 as has_lost_events,
        max(case when purpose is not null and direction in ('up', 'appeared') and not has_act_since then 1 else 0 end) = 1
            as has_found_events
    from {{ ref('int_changed_features') }}
    group by as_of, segment_id, customer_key
),

-- a cause contributed when the rule would have answered otherwise without it
outcomes as (
    select
        outcomes.as_of,
        outcomes.segment_id,
        outcomes.customer_key,
        case outcomes.cause
            {%- for cause in ranked_causes %}
            when '{{ cause }}' then {{ loop.index }}
            {%- endfor %}
        end as cause_rank,
        case when changes.change = 'left' then outcomes.is_matched else not outcomes.is_matched end as is_contributing
    from {{ ref('int_rule_outcomes') }} as outcomes
    inner join changes
        on outcomes.as_of = changes.as_of
        and outcomes.segment_id = changes.segment_id
        and outcomes.customer_key = changes.customer_key
),

-- the first that contributed; where each of several would have sufficed, the first of them
traced as (
    select
        as_of,
        segment_id,
        customer_key,
        coalesce(
            min(case when is_contributing then cause_rank end), min(case when cause_rank > 1 then cause_rank end)
        ) as cause_rank
    from outcomes
    group by as_of, segment_id, customer_key
),

explained as (
    select
        changes.as_of,
        changes.segment_id,
        changes.customer_key,
        changes.change,
        coalesce(late_facts.has_late_grant, false) as has_late_grant,
        coalesce(late_facts.has_late_restriction, false) as has_late_restriction,
        inputs.changed_inputs,
        case
            when previous.segment_id is null then 'first_evaluation'
            -- what an identifier that came or went had permitted is no choice that this person took back
            when identity_changes.identity_change is not null then identity_changes.identity_change
            when permissions.permission_reason is not null then permissions.permission_reason
            when changes.change = 'left' and late_facts.has_late_restriction and inputs.has_lost_events then 'consent_withdrawn'
            when changes.change = 'entered' and late_facts.has_late_grant and inputs.has_found_events then 'consent_granted'
            when changes.change = 'left' and changes.expires_at <= changes.as_of then 'retention_expired'
            when segments.segment_id is null then 'rule_version'
            when segments.spec_version = previous.spec_version and segments.rule_hash != previous.rule_hash then 'rule_version'
            -- the rule says the same, so it is the basis, a purpose, the oldest notice or the retention that was changed
            when
                changes.is_matching and changes.was_matching
                and (segments.spec_hash != previous.spec_hash or segments.spec_version != previous.spec_version)
                then 'rule_version'
            when permissions.not_profiled_reason = 'age_gate' then 'late_data'
            when permissions.previous_not_profiled_reason = 'age_gate' and late_facts.has_late_record then 'late_data'
            when permissions.previous_not_profiled_reason = 'age_gate' then 'time_decay'
            -- the rule moved earlier: what counts is what ended the waiting since the previous evaluation
            when stability.delay_ended_by is not null then stability.delay_ended_by
            {%- for cause in ranked_causes %}
            when traced.cause_rank = {{ loop.index }} then '{{ 'rule_version' if cause == 'model_version' else cause }}'
            {%- endfor %}
            -- a feature was corrected: the rule asks something else now
            when segments.features_hash != previous.features_hash then 'rule_version'
            else 'unexplained'
        end as reason
    from changes
    left join segments
        on changes.as_of = segments.as_of
        and changes.segment_id = segments.segment_id
    left join segments as previous
        on changes.previous_as_of = previous.as_of
        and changes.segment_id = previous.segment_id
    left join permissions
        on changes.as_of = permissions.as_of
        and changes.segment_id = permissions.segment_id
        and changes.customer_key = permissions.customer_key
    left join identity_changes
        on changes.as_of = identity_changes.as_of
        and changes.customer_key = identity_changes.customer_key
    left join late_facts
        on changes.as_of = late_facts.as_of
        and changes.customer_key = late_facts.customer_key
    left join inputs
        on changes.as_of = inputs.as_of
        and changes.segment_id = inputs.segment_id
        and changes.customer_key = inputs.customer_key
    left join stability
        on changes.as_of = stability.as_of
        and changes.segment_id = stability.segment_id
        and changes.customer_key = stability.customer_key
    left join traced
        on changes.as_of = traced.as_of
        and changes.segment_id = traced.segment_id
        and changes.customer_key = traced.customer_key
)

select
    as_of,
    segment_id,
    customer_key,
    change,
    reason,
    case
        when reason = 'late_data' then true
        when reason in ('objection', 'consent_withdrawn', 'consent_expired', 'consent_granted')
            then case when change = 'left' then has_late_restriction else has_late_grant end
        else false
    end as is_late,
    changed_inputs
from explained
