{{ config(pre_hook=["{{ refuse_older_as_of() }}", "{{ refuse_backdated_versions() }}"]) }}

{% if is_replay() -%}
with planned as (
    select * from {{ source('replay', 'planned_evaluations') }}
)

select
    as_of,
    known_at,
    previous_as_of,
    previous_known_at,
    preceding_as_of,
    permitted_at
from planned
{%- else -%}
with loaded as (
    select max(newest_recorded_at) as newest_recorded_at
    from {{ ref('int_load_counts') }}
),

asked as (
    select
        newest_recorded_at,
        {{ instant_setting('AS_OF', also=['latest']) }} as asked_as_of,
        {{ instant_setting('KNOWN_AT', also=['latest']) }} as asked_known_at,
        {{ "true" if execute and env_var('KNOWN_AT', '') == 'latest' else "false" }} as is_as_corrected
    from loaded
),

decided as (
    select
        *,
        coalesce(asked_as_of, newest_recorded_at) as as_of,
        {{ raise_if(
            'coalesce(asked_as_of, newest_recorded_at) is null',
            "'no usable row in the input: set AS_OF, or look at audit.rejected_rows'"
        ) }} as is_decided
    from asked
),

evaluations as (
    select
        as_of,
        case when is_as_corrected then newest_recorded_at else coalesce(asked_known_at, as_of) end as known_at
    from decided
    where is_decided
),

recorded as (
    {{ completed_evaluations() }}
),

-- of all evaluations on record before this one the newest
earlier as (
    select
        evaluations.as_of,
        max(recorded.as_of) as previous_as_of
    from evaluations
    inner join recorded on evaluations.as_of > recorded.as_of
    group by evaluations.as_of
)

select
    evaluations.as_of,
    evaluations.known_at,
    earlier.previous_as_of,
    recorded.known_at as previous_known_at,
    earlier.previous_as_of as preceding_as_of,
    cast(null as {{ dbt.type_timestamp() }}) as permitted_at
from evaluations
left join earlier on evaluations.as_of = earlier.as_of
left join recorded on earlier.previous_as_of = recorded.as_of
{%- endif %}
