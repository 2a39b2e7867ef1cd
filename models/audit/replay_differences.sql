{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail', full_refresh=false) }}
{%- set columns = membership_columns() %}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

replayed as (
    select
        segment_members.*,
        true as is_replayed
    from {{ ref('segment_members') }} as segment_members
),

recorded as (
    select
        clock.as_of,
        segment_membership.segment_id,
        segment_membership.customer_key,
        {%- for column in columns %}
        segment_membership.{{ column }},
        {%- endfor %}
        true as is_recorded
    from {{ recorded_membership() }} as segment_membership
    inner join clock
        on {{ is_in_interval('clock.as_of', 'segment_membership.dbt_valid_from', 'segment_membership.dbt_valid_to') }}
),

compared as (
    select
        coalesce(recorded.as_of, replayed.as_of) as as_of,
        coalesce(recorded.segment_id, replayed.segment_id) as segment_id,
        coalesce(recorded.customer_key, replayed.customer_key) as customer_key,
        recorded.is_recorded,
        replayed.is_replayed,
        concat(
            {%- for column in columns %}
            case when recorded.{{ column }} is distinct from replayed.{{ column }} then '{{ column }} ' else '' end
            {{- ',' if not loop.last }}
            {%- endfor %}
        ) as modified_columns
    from recorded
    full outer join replayed
        on recorded.as_of = replayed.as_of
        and recorded.segment_id = replayed.segment_id
        and recorded.customer_key = replayed.customer_key
),

differences as (
    select
        as_of,
        segment_id,
        customer_key,
        case
            when is_recorded is null then 'added'
            when is_replayed is null then 'removed'
            else 'modified'
        end as difference,
        case when is_recorded and is_replayed then trim(modified_columns) end as modified_columns
    from compared
    where is_recorded is null or is_replayed is null or modified_columns != ''
),

-- what came to be known of a person between the record and the replay
late_facts as (
    select
        as_of,
        customer_key,
        max(case when fact in ('late_grant', 'late_restriction') then 1 else 0 end) = 1 as has_late_consent
    from {{ ref('int_recent_facts') }}
    group by as_of, customer_key
),

late_dates as (
    select distinct as_of from late_facts
),

-- nor do those compete any more who were erased since
thinned_dates as (
    select distinct as_of from {{ source('lifecycle', 'deletion_ledger') }}
    where segment_id = '(all)' and n_erased > 0
),

-- and whose record was purged is found again: as many as the ledger says, no more
purged as (
    select
        as_of,
        segment_id,
        max(n_purged) as n_purged
    from {{ source('lifecycle', 'deletion_ledger') }}
    group by as_of, segment_id
),

-- segments that others can move a person in or out of
ranked_segments as (
    select distinct inputs.segment_id
    from {{ ref('segment_inputs') }} as inputs
    inner join {{ ref('feature_causes') }} as causes on inputs.feature = causes.feature
    where causes.threshold_moved is not null
),

judged as (
    select
        differences.*,
        late_facts.customer_key is not null as has_late_facts,
        coalesce(late_facts.has_late_consent, false) as has_late_consent,
        differences.difference = 'added' and coalesce(
            row_number() over (
                partition by differences.as_of, differences.segment_id, differences.difference, late_facts.customer_key is null
                order by differences.customer_key
            ) <= purged.n_purged, false
        ) as is_purged,
        -- a person moved out of one segment has another primary one
        coalesce(late_dates.as_of, thinned_dates.as_of) is not null
        and max(case when ranked_segments.segment_id is not null then 1 else 0 end)
            over (partition by differences.as_of, differences.customer_key) = 1 as is_moved_by_others
    from differences
    left join late_facts
        on differences.as_of = late_facts.as_of
        and differences.customer_key = late_facts.customer_key
    left join late_dates on differences.as_of = late_dates.as_of
    left join thinned_dates on differences.as_of = thinned_dates.as_of
    left join purged
        on differences.as_of = purged.as_of
        and differences.segment_id = purged.segment_id
    left join ranked_segments on differences.segment_id = ranked_segments.segment_id
)

select
    {{ replay_mode() }} as mode,
    as_of,
    segment_id,
    customer_key,
    difference,
    modified_columns,
    case
        when has_late_consent then 'late_consent'
        when has_late_facts then 'late_data'
        when is_purged then 'purged'
        when is_moved_by_others then 'threshold_moved'
        else 'unexplained'
    end as replay_cause
from judged
{% if not is_replay() -%}
-- what stands here is kept from replays; a build adds nothing
where false
{%- endif %}
