{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    full_refresh=false,
    pre_hook="{{ rewind_rows(column='to_as_of') }}"
) }}

with clock as (
    select * from {{ ref('evaluation_clock') }}
    where previous_as_of is not null
),

customers as (
    select
        as_of,
        customer_key,
        case
            when not_profiled_reason is not null then 'withdrawn'
            else coalesce(value_group, 'no_order')
        end as value_group
    from {{ ref('int_evaluated_customers') }}
),

customer_keys as (
    select * from {{ ref('customer_keys') }}
),

-- whose orders belong to somebody else since: a guest who got a customer id, which may be the same text
handed_over as (
    select distinct
        revisions.as_of,
        customer_keys.customer_key
    from {{ ref('int_recent_order_revisions') }} as revisions
    inner join customer_keys
        on revisions.old_identifier_type = customer_keys.identifier_type
        and revisions.old_identifier = customer_keys.identifier
    where revisions.identifier is not null
        and (revisions.old_identifier_type != revisions.identifier_type or revisions.old_identifier != revisions.identifier)
),

identity_changes as (
    select * from {{ ref('int_identity_changes') }}
),

before as (
    select
        clock.as_of,
        customers.customer_key,
        customers.value_group
    from customers
    inner join clock on customers.as_of = clock.previous_as_of
),

after as (
    select
        clock.as_of,
        customers.customer_key,
        customers.value_group
    from customers
    inner join clock on customers.as_of = clock.as_of
),

moves as (
    select
        coalesce(after.as_of, before.as_of) as as_of,
        coalesce(before.customer_key, after.customer_key) as customer_key,
        coalesce(before.value_group, 'new') as from_group,
        after.value_group as to_group
    from before
    full outer join after
        on before.as_of = after.as_of
        and before.customer_key = after.customer_key
),

balanced as (
    select
        moves.as_of,
        case
            when moves.from_group != 'new' then moves.from_group
            when identity_changes.identity_change = 'identity_split' then 'split'
            else 'new'
        end as from_group,
        case
            when moves.to_group is not null then moves.to_group
            when identity_changes.identity_change = 'identity_merged' or handed_over.customer_key is not null then 'merged'
            else 'erased'
        end as to_group
    from moves
    left join identity_changes
        on moves.as_of = identity_changes.as_of
        and moves.customer_key = identity_changes.customer_key
    left join handed_over
        on moves.as_of = handed_over.as_of
        and moves.customer_key = handed_over.customer_key
),

{% if is_incremental() -%}
-- of whom an erasure has taken away since, the columns of the matrix before still hold the number
recorded as (
    select
        clock.as_of,
        matrix.to_group as value_group,
        sum(matrix.customers) as customers
    from {{ this }} as matrix
    inner join clock on matrix.to_as_of = clock.previous_as_of
    where matrix.to_group not in ('erased', 'merged')
    group by clock.as_of, matrix.to_group
),

remaining as (
    select
        as_of,
        value_group,
        count(*) as customers
    from before
    group by as_of, value_group
),

{% endif -%}
cells as (
    select
        as_of,
        from_group,
        to_group,
        count(*) as customers
    from balanced
    group by as_of, from_group, to_group
    {%- if is_incremental() %}

    union all

    select
        recorded.as_of,
        recorded.value_group as from_group,
        'erased' as to_group,
        recorded.customers - coalesce(remaining.customers, 0) as customers
    from recorded
    left join remaining
        on recorded.as_of = remaining.as_of
        and recorded.value_group = remaining.value_group
    where recorded.customers > coalesce(remaining.customers, 0)
    {%- endif %}
),

counts as (
    select
        as_of,
        from_group,
        to_group,
        cast(sum(customers) as bigint) as customers
    from cells
    group by as_of, from_group, to_group
)

select
    clock.previous_as_of as from_as_of,
    counts.as_of as to_as_of,
    counts.from_group,
    counts.to_group,
    counts.customers,
    {{ exact_ratio('counts.customers', 'sum(counts.customers) over (partition by counts.as_of, counts.from_group)') }} as share
from counts
inner join clock on counts.as_of = clock.as_of
