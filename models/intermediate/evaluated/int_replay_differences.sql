{{ config(materialized='view') }}
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
)

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
