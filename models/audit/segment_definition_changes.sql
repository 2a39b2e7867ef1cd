{#- The fields that define a segment. What a version says of itself (dates, author, reason) is no difference between two. -#}
{%- set rule_fields = ['spec_version', 'parameters', 'stability', 'rule_hash'] -%}
{%- set spec_fields = [
    'segment_name', 'description_plain', 'priority', 'lawful_basis', 'lia_ref', 'consent_purposes', 'min_notice_version',
    'purpose', 'eprivacy_basis', 'privacy_impact', 'dpia_ref', 'data_sources', 'retention_trigger', 'retention_days',
    'retention_text', 'next_review_on', 'vendors', 'opt_out_url', 'owner', 'data_steward'
] -%}
with specs as (
    select * from {{ ref('segment_specs') }}
),

evaluations as (
    select
        as_of,
        segment_id,
        spec_version,
        rank() over (partition by as_of order by attempt desc) as newness
    from {{ ref('segment_evaluations') }}
),

instants as (
    select
        as_of,
        lag(as_of) over (order by as_of) as previous_as_of,
        lead(as_of) over (order by as_of) as next_as_of
    from (select distinct evaluations.as_of from evaluations) as dates
),

-- the spec of each segment at each evaluation, as it was recorded then
evaluated as (
    select
        evaluations.as_of,
        evaluations.segment_id,
        instants.previous_as_of,
        instants.next_as_of,
        specs.author,
        specs.requested_by,
        specs.approver,
        specs.change_reason
        {%- for field in rule_fields + spec_fields %},
        cast(specs.{{ field }} as {{ dbt.type_string() }}) as {{ field }}
        {%- endfor %}
    from evaluations
    inner join instants on evaluations.as_of = instants.as_of
    inner join specs
        on evaluations.segment_id = specs.segment_id
        and evaluations.spec_version = specs.spec_version
        and {{ is_in_interval('evaluations.as_of', 'specs.dbt_valid_from', 'specs.dbt_valid_to') }}
    where evaluations.newness = 1
),

compared as (
    select
        evaluated.*,
        previous.segment_id is null as is_new,
        later.segment_id is null and evaluated.next_as_of is not null as is_last,
        {{ field_differences(rule_fields, 'previous', 'evaluated') }} as rule_delta,
        {{ field_differences(spec_fields, 'previous', 'evaluated') }} as spec_delta,
        previous.data_sources as previous_data_sources
    from evaluated
    left join evaluated as previous
        on evaluated.segment_id = previous.segment_id
        and evaluated.previous_as_of = previous.as_of
    left join evaluated as later
        on evaluated.segment_id = later.segment_id
        and evaluated.next_as_of = later.as_of
),

changes as (
    select
        segment_id,
        as_of as changed_at,
        case when is_new then 'defined' else 'rule_changed' end as change_kind,
        case when is_new then rule_delta || '; ' || spec_delta else rule_delta end as delta,
        author,
        requested_by,
        approver,
        change_reason as reason,
        min_notice_version as consent_version,
        case when is_new then {{ words_missing('data_sources', 'previous_data_sources') }} end as data_sources_added,
        cast(null as {{ dbt.type_string() }}) as data_sources_removed
    from compared
    where rule_delta is not null

    union all

    -- a field outside the versions has no author of its own: who changed it stands in the history of the code
    select
        segment_id,
        as_of as changed_at,
        'spec_changed' as change_kind,
        spec_delta as delta,
        cast(null as {{ dbt.type_string() }}) as author,
        cast(null as {{ dbt.type_string() }}) as requested_by,
        cast(null as {{ dbt.type_string() }}) as approver,
        cast(null as {{ dbt.type_string() }}) as reason,
        min_notice_version as consent_version,
        {{ words_missing('data_sources', 'previous_data_sources') }} as data_sources_added,
        {{ words_missing('previous_data_sources', 'data_sources') }} as data_sources_removed
    from compared
    where spec_delta is not null and not is_new

    union all

    select
        segment_id,
        next_as_of as changed_at,
        'retired' as change_kind,
        'status: active -> not evaluated' as delta,
        cast(null as {{ dbt.type_string() }}) as author,
        cast(null as {{ dbt.type_string() }}) as requested_by,
        cast(null as {{ dbt.type_string() }}) as approver,
        cast(null as {{ dbt.type_string() }}) as reason,
        min_notice_version as consent_version,
        cast(null as {{ dbt.type_string() }}) as data_sources_added,
        {{ words_missing('data_sources', "''") }} as data_sources_removed
    from compared
    where is_last
)

select
    segment_id,
    changed_at,
    change_kind,
    delta,
    author,
    requested_by,
    approver,
    reason,
    consent_version,
    data_sources_added,
    data_sources_removed
from changes
