with customers as (
    select * from {{ ref('int_metric_customers') }}
),

windows as (
    select distinct
        as_of,
        start_as_of
    from customers
),

memberships as (
    select * from {{ recorded_intervals() }}
),

segment_members as (
    select * from {{ ref('segment_members') }}
),

recorded as (
    select
        windows.as_of,
        memberships.segment_id,
        memberships.customer_key,
        memberships.consent_version,
        memberships.data_sources
    from memberships
    inner join windows
        on {{ mostly(is_in_interval('windows.start_as_of', 'memberships.dbt_valid_from', 'memberships.dbt_valid_to')) }}
    {%- if is_replay() %}
    -- a start that is evaluated in the same pass is not on record yet
    where windows.start_as_of not in (select clock.as_of from {{ ref('evaluation_clock') }} as clock)

    union all

    select
        windows.as_of,
        segment_members.segment_id,
        segment_members.customer_key,
        segment_members.consent_version,
        segment_members.data_sources
    from segment_members
    inner join windows on segment_members.as_of = windows.start_as_of
    {%- endif %}
),

-- beside the segments stands everybody, as what they are compared with
members as (
    select
        as_of,
        segment_id,
        customer_key,
        consent_version,
        data_sources
    from segment_members

    union all

    select
        as_of,
        '(all)' as segment_id,
        customer_key,
        cast(null as {{ dbt.type_string() }}) as consent_version,
        cast(null as {{ dbt.type_string() }}) as data_sources
    from customers
    where is_measured
),

-- of everybody those who are still known: how many there were is on record, who they were is not
starters as (
    select * from recorded

    union all

    select
        as_of,
        '(all)' as segment_id,
        customer_key,
        cast(null as {{ dbt.type_string() }}) as consent_version,
        cast(null as {{ dbt.type_string() }}) as data_sources
    from customers
    where start_as_of is not null and is_measured_at_start
),

moments as (
    select
        members.*,
        'now' as moment,
        starters.customer_key is not null as is_staying
    from members
    left join starters
        on members.as_of = starters.as_of
        and members.segment_id = starters.segment_id
        and members.customer_key = starters.customer_key

    union all

    select
        starters.*,
        'start' as moment,
        members.customer_key is not null as is_staying
    from starters
    left join members
        on starters.as_of = members.as_of
        and starters.segment_id = members.segment_id
        and starters.customer_key = members.customer_key
)

select
    moments.as_of,
    moments.segment_id,
    moments.customer_key,
    moments.moment,
    moments.consent_version,
    moments.data_sources,
    moments.is_staying,
    -- an objection since takes a person out of what is measured; whoever vanished cannot be measured
    coalesce(customers.is_measured, false) as is_measured
from moments
left join customers
    on moments.as_of = customers.as_of
    and moments.customer_key = customers.customer_key
