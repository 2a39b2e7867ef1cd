{#- Asks each rule about rows that never were: the newer row with what one cause moved set back to the older one. -#}
{%- set features = feature_columns() -%}
{%- set nodes = segment_nodes() if execute else [] %}

with clock as (
    select * from {{ ref('evaluation_clock') }}
    where previous_as_of is not null
),

changes as (
    select * from {{ ref('int_membership_changes') }}
    where previous_as_of is not null
),

customers as (
    select * from {{ ref('int_evaluated_customers') }}
),

segments as (
    select * from {{ ref('int_evaluated_segments') }}
),

causes as (
    {%- for cause in feature_causes() %}
    select '{{ cause }}' as cause
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

set_back as (
    select
        moved.as_of,
        moved.segment_id,
        moved.customer_key,
        causes.cause,
        ';' || {{ dbt.listagg('moved.feature', "';'", 'order by moved.feature') }} || ';' as features
    from {{ ref('int_changed_features') }} as moved
    cross join causes
    where case causes.cause
        {%- for cause in feature_causes() %}
        when '{{ cause }}' then moved.is_{{ cause }}
        {%- endfor %}
    end
    group by moved.as_of, moved.segment_id, moved.customer_key, causes.cause
),

-- a rule applies those of the segments that it excludes
applied_rules as (
    select distinct
        segment_id,
        segment_id as rule_id
    from segments
    {%- for node in nodes %}
    {%- for other in applied_nodes(node) %}
    union all
    select
        '{{ segment_spec(node).segment_id }}' as segment_id,
        '{{ segment_spec(other).segment_id }}' as rule_id
    {%- endfor %}
    {%- endfor %}
),

new_versions as (
    select distinct
        changes.as_of,
        changes.segment_id,
        changes.customer_key,
        'rule_version' as cause,
        ';' as features
    from changes
    inner join applied_rules on changes.segment_id = applied_rules.segment_id
    inner join segments
        on changes.as_of = segments.as_of
        and applied_rules.rule_id = segments.segment_id
    inner join segments as previous
        on changes.previous_as_of = previous.as_of
        and applied_rules.rule_id = previous.segment_id
    where segments.spec_version != previous.spec_version
),

scenarios as (
    select * from set_back
    union all
    select * from new_versions
),

-- the rule counts days back from the older instant where time is what is set back
hybrids as (
    select
        case
            when scenarios.cause = 'time_decay' and {{ dbt.position("';as_of;'", 'scenarios.features') }} > 0
                then changes.previous_as_of
            else changes.as_of
        end as as_of,
        scenarios.segment_id,
        scenarios.cause,
        scenarios.customer_key || '|' || scenarios.cause as customer_key,
        changes.as_of as changed_at,
        changes.customer_key as changed_key
        {%- for feature in features %},
        case
            when {{ dbt.position("';" ~ feature ~ ";'", 'scenarios.features') }} > 0 then previous.{{ feature }}
            else customers.{{ feature }}
        end as {{ feature }}
        {%- endfor %}
    from scenarios
    inner join changes
        on scenarios.as_of = changes.as_of
        and scenarios.segment_id = changes.segment_id
        and scenarios.customer_key = changes.customer_key
    left join customers
        on changes.as_of = customers.as_of
        and changes.customer_key = customers.customer_key
    left join customers as previous
        on changes.previous_as_of = previous.as_of
        and changes.customer_key = previous.customer_key
),

matched as (
    {%- for node in nodes %}
    {%- set segment_id = segment_spec(node).segment_id %}
    {%- for is_version_asked in ([false, true] if has_several_versions([node] + applied_nodes(node)) else [false]) %}
    {%- set rows -%}
        (
            select * from hybrids
            where segment_id = '{{ segment_id }}' and cause {{ '=' if is_version_asked else '!=' }} 'rule_version'
        ) as hybrids
    {%- endset %}
    select
        '{{ segment_id }}' as segment_id,
        outcomes.as_of,
        outcomes.customer_key
    from (
        {%- if is_version_asked %}
        {{ rule_on(
            node, rows, previous_versions(node, 'clock'),
            '(select clock.previous_as_of from clock where clock.as_of = features.as_of)'
        ) }}
        {%- else %}
        {{ rule_on(node, rows, versions_of(node)) }}
        {%- endif %}
    ) as outcomes
    {{ 'union all' if not loop.last }}
    {%- endfor %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    hybrids.changed_at as as_of,
    hybrids.segment_id,
    hybrids.changed_key as customer_key,
    hybrids.cause,
    matched.customer_key is not null as is_matched
from hybrids
left join matched
    on hybrids.as_of = matched.as_of
    and hybrids.segment_id = matched.segment_id
    and hybrids.customer_key = matched.customer_key
