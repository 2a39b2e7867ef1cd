{{ config(enabled=env_var('SEGMENTS_SCHEMA_PREFIX', '') != '') }}
{%- set columns = membership_columns() %}

with clock as (
    select
        as_of,
        row_number() over (order by as_of) as date_number,
        lead(as_of) over (order by as_of) as next_as_of
    from {{ ref('evaluation_clock') }}
),

members as (
    select
        segment_members.*,
        clock.date_number
    from {{ ref('segment_members') }} as segment_members
    inner join clock on segment_members.as_of = clock.as_of
),

previous as (
    select
        *,
        lag(date_number) over (partition by segment_id, customer_key order by date_number) as previous_date_number
        {%- for column in columns %},
        lag({{ column }}) over (partition by segment_id, customer_key order by date_number) as previous_{{ column }}
        {%- endfor %}
    from members
),

-- an interval begins where the person was not a member at the date before, or where what is recorded changed
intervals as (
    select
        *,
        sum(case
            when previous_date_number = date_number - 1
                {%- for column in columns %}
                and {{ column }} is not distinct from previous_{{ column }}
                {%- endfor %} then 0
            else 1
        end) over (partition by segment_id, customer_key order by date_number) as interval_number
    from previous
),

bounds as (
    select
        segment_id,
        customer_key,
        interval_number,
        min(as_of) as first_as_of,
        max(date_number) as last_date_number
    from intervals
    group by segment_id, customer_key, interval_number
)

select
    intervals.as_of,
    intervals.segment_id,
    intervals.customer_key,
    {%- for column in columns %}
    intervals.{{ column }},
    {%- endfor %}
    {{ snapshot_hash_arguments(['intervals.segment_id', 'intervals.customer_key', 'intervals.as_of']) }} as dbt_scd_id,
    intervals.as_of as dbt_updated_at,
    intervals.as_of as dbt_valid_from,
    clock.next_as_of as dbt_valid_to
from bounds
inner join intervals
    on bounds.segment_id = intervals.segment_id
    and bounds.customer_key = intervals.customer_key
    and bounds.first_as_of = intervals.as_of
inner join clock on bounds.last_date_number = clock.date_number
