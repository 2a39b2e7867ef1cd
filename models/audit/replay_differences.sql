{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail', full_refresh=false) }}

with differences as (
    select * from {{ ref('int_replay_differences') }}
),

-- what came to be known of a person between the record and the replay
late_facts as (
    select * from {{ ref('int_late_facts') }}
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

steady_versions as (
    select * from {{ ref('segment_registry') }}
    where stability is not null
),

evaluations as (
    select
        as_of,
        segment_id,
        row_number() over (partition by segment_id order by as_of) as evaluation_number
    from {{ recorded_evaluations() }} as evaluations
    group by as_of, segment_id
),

-- under the stability rule a membership rests on earlier evaluations too: those since the rule last took over what it asks for,
-- and before these as many as had to agree; never on those before the version
rested as (
    select
        differences.as_of,
        differences.segment_id,
        differences.customer_key,
        earlier.as_of as rests_on
    from differences
    inner join steady_versions as versions
        on differences.segment_id = versions.segment_id
        and {{ is_in_interval('differences.as_of', 'versions.effective_from', 'versions.effective_to') }}
    left join {{ ref('int_stability') }} as stability
        on differences.as_of = stability.as_of
        and differences.segment_id = stability.segment_id
        and differences.customer_key = stability.customer_key
    -- whoever has no row there did not match as often as the rule asks for
    inner join evaluations as settled
        on differences.segment_id = settled.segment_id
        and coalesce(stability.settled_at, differences.as_of) = settled.as_of
    inner join evaluations as earlier
        on differences.segment_id = earlier.segment_id
        and differences.as_of > earlier.as_of
        and versions.effective_from <= earlier.as_of
        and settled.evaluation_number < earlier.evaluation_number + versions.stability
),

-- what came to be known of an evaluation that the membership rests on
held as (
    select
        rested.as_of,
        rested.segment_id,
        rested.customer_key,
        max(case when late_facts.has_late_consent then 1 else 0 end) as late_consent,
        max(case when late_facts.customer_key is not null then 1 else 0 end) as late_facts,
        max(case when coalesce(late_dates.as_of, thinned_dates.as_of) is not null then 1 else 0 end) as others
    from rested
    left join late_facts
        on rested.rests_on = late_facts.as_of
        and rested.customer_key = late_facts.customer_key
    left join late_dates on rested.rests_on = late_dates.as_of
    left join thinned_dates on rested.rests_on = thinned_dates.as_of
    group by rested.as_of, rested.segment_id, rested.customer_key
),

influenced as (
    select
        differences.*,
        coalesce(held.late_consent, 0) as held_by_consent,
        coalesce(held.late_facts, 0) as held_by_facts,
        case when ranked_segments.segment_id is not null then coalesce(held.others, 0) else 0 end as held_by_others,
        late_facts.customer_key is not null as has_late_facts,
        coalesce(late_facts.has_late_consent, false) as has_late_consent,
        -- a person moved out of one segment has another primary one
        coalesce(late_dates.as_of, thinned_dates.as_of) is not null
        and max(case when ranked_segments.segment_id is not null then 1 else 0 end)
            over (partition by differences.as_of, differences.customer_key) = 1 as is_moved_by_others
    from differences
    left join held
        on differences.as_of = held.as_of
        and differences.segment_id = held.segment_id
        and differences.customer_key = held.customer_key
    left join late_facts
        on differences.as_of = late_facts.as_of
        and differences.customer_key = late_facts.customer_key
    left join late_dates on differences.as_of = late_dates.as_of
    left join thinned_dates on differences.as_of = thinned_dates.as_of
    left join ranked_segments on differences.segment_id = ranked_segments.segment_id
),

-- the first that applies; who is moved by what is held has another primary segment, too
caused as (
    select
        *,
        case
            when has_late_consent or held_by_consent = 1 then 'late_consent'
            when has_late_facts or held_by_facts = 1 then 'late_data'
            {%- for what, cause in [('consent', 'late_consent'), ('facts', 'late_data')] %}
            when modified_columns = 'is_primary' and max(held_by_{{ what }}) over (partition by as_of, customer_key) = 1
                then '{{ cause }}'
            {%- endfor %}
        end as own_cause,
        is_moved_by_others
        or held_by_others = 1
        or (modified_columns = 'is_primary' and max(held_by_others) over (partition by as_of, customer_key) = 1) as is_of_others
    from influenced
),

judged as (
    select
        caused.*,
        caused.difference = 'added' and coalesce(
            row_number() over (
                partition by caused.as_of, caused.segment_id, caused.difference, caused.own_cause is null
                order by caused.customer_key
            ) <= purged.n_purged, false
        ) as is_purged
    from caused
    left join purged
        on caused.as_of = purged.as_of
        and caused.segment_id = purged.segment_id
)

select
    {{ replay_mode() }} as mode,
    as_of,
    segment_id,
    customer_key,
    difference,
    modified_columns,
    case
        when own_cause is not null then own_cause
        when is_purged then 'purged'
        when is_of_others then 'threshold_moved'
        else 'unexplained'
    end as replay_cause
from judged
{% if not is_replay() -%}
-- what stands here is kept from replays; a build adds nothing
where false
{%- endif %}
