{{ config(materialized='table') }}

{%- set tables = [
    'orders', 'order_lines', 'refunds', 'products', 'customers', 'consents', 'notices', 'identity_links',
    'exchange_rates', 'scheduled_sends'
] %}

with settings as (
    select coalesce(ingested_at, cast('9999-12-31 00:00:00' as {{ dbt.type_timestamp() }})) as newest_possible_at
    from {{ ref('int_settings') }}
),

-- a row without recorded_at may be dated ahead (a notice, a rate, a choice): it must not carry the clock into the future
counts as (
    {%- for table in tables %}
    select
        '{{ table }}' as table_name,
        source_system,
        count(*) as n_rows_in,
        count(rejected_reason) as n_unusable,
        cast(null as bigint) as n_distinct_events,
        max(case when rejected_reason is null and recorded_at <= newest_possible_at then recorded_at end) as newest_recorded_at
    from {{ ref('int_' ~ table ~ '_checked') }}
    cross join settings
    group by source_system

    union all
    {% endfor %}

    -- events are scanned once here: their re-deliveries are told by their ids
    select
        'events' as table_name,
        source_system,
        count(*) as n_rows_in,
        count(rejected_reason) as n_unusable,
        count(distinct case when rejected_reason is null then event_id end) as n_distinct_events,
        max(case when rejected_reason is null and recorded_at <= newest_possible_at then recorded_at end) as newest_recorded_at
    from {{ ref('int_events_checked') }}
    cross join settings
    group by source_system
)

select
    table_name,
    source_system,
    n_rows_in,
    n_unusable,
    n_distinct_events,
    newest_recorded_at
from counts
