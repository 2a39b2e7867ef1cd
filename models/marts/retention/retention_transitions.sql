{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    full_refresh=false,
    pre_hook="{{ rewind_rows() }}"
) }}

with clock as (
    select * from {{ ref('evaluation_clock') }}
    where previous_as_of is not null
),

-- who has no order, or may not be profiled, has no state
states as (
    select
        as_of,
        customer_key,
        coalesce(retention_state, 'none') as retention_state
    from {{ ref('int_evaluated_customers') }}
),

pairs as (
    select
        clock.as_of,
        clock.previous_as_of,
        coalesce(previous.retention_state, 'none') as from_state,
        states.retention_state as to_state
    from clock
    inner join states on clock.as_of = states.as_of
    left join states as previous
        on clock.previous_as_of = previous.as_of
        and states.customer_key = previous.customer_key

    union all

    -- whose data are gone
    select
        clock.as_of,
        clock.previous_as_of,
        previous.retention_state as from_state,
        'none' as to_state
    from clock
    inner join states as previous on clock.previous_as_of = previous.as_of
    left join states
        on clock.as_of = states.as_of
        and previous.customer_key = states.customer_key
    where states.customer_key is null
),

counted as (
    select
        as_of,
        previous_as_of,
        from_state,
        to_state,
        count(*) as customers
    from pairs
    where from_state != 'none' or to_state != 'none'
    group by as_of, previous_as_of, from_state, to_state
)

select
    as_of,
    previous_as_of,
    from_state,
    to_state,
    customers,
    {{ exact_ratio('customers', 'sum(customers) over (partition by as_of, from_state)') }} as share_of_from_state
from counted
