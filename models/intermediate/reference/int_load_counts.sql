{{ config(materialized='table') }}

{%- set tables = [
    'orders', 'order_lines', 'refunds', 'products', 'customers', 'consents', 'notices', 'identity_links',
    'exchange_rates', 'scheduled_sends'
] %}

with settings as (
    select coalesce(ingested_at, cast('9999-12-31 00:00:00' as {{ dbt.type_timestamp() }})) as newest_possible_at
    from {{ ref('int_settings') }}
),

-- events are too many to be copied: what is not simply accepted stands apart
events as (
    select
        source_system,
        count(*) as n_rows_in,
        max(recorded_at) filter (where is_usable) as newest_recorded_at
    from {{ ref('int_events_checked') }}
    group by source_system
),

event_exceptions as (
    select
        source_system,
        sum(n_unusable) as n_unusable,
        sum(greatest(n_rows - n_unusable - 1, 0)) as n_duplicates
    from {{ ref('int_event_exceptions') }}
    group by source_system
),

-- a row without recorded_at may be dated ahead (a notice, a rate, a choice): it must not carry the clock into the future
counts as (
    {%- for table in tables %}
    select
        '{{ table }}' as table_name,
        source_system,
        count(*) as n_rows_in,
        count(rejected_reason) as n_unusable,
        cast(null as bigint) as n_duplicate_events,
        max(case when rejected_reason is null and recorded_at <= newest_possible_at then recorded_at end) as newest_recorded_at
    from {{ ref('int_' ~ table ~ '_checked') }}
    cross join settings
    group by source_system

    union all
    {% endfor %}

    select
        'events' as table_name,
        events.source_system,
        events.n_rows_in,
        coalesce(event_exceptions.n_unusable, 0) as n_unusable,
        coalesce(event_exceptions.n_duplicates, 0) as n_duplicate_events,
        events.newest_recorded_at
    from events
    left join event_exceptions on events.source_system = event_exceptions.source_system
)

select
    table_name,
    source_system,
    n_rows_in,
    cast(n_unusable as bigint) as n_unusable,
    cast(n_duplicate_events as bigint) as n_duplicate_events,
    newest_recorded_at
from counts
