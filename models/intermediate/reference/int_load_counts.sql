{{ config(materialized='table') }}

{%- set tables = [
    'orders', 'order_lines', 'refunds', 'products', 'customers', 'consents', 'notices', 'identity_links',
    'exchange_rates', 'scheduled_sends'
] %}

with settings as (
    select coalesce(ingested_at, cast('9999-12-31 00:00:00' as {{ dbt.type_timestamp() }})) as newest_possible_at
    from {{ ref('int_settings') }}
),

-- events are too many to be copied: what was delivered again stands apart
events as (
    select
        source_system,
        cast(sum(n_rows_in) as bigint) as n_rows_in,
        sum(n_unusable) as n_unusable,
        sum(n_erased_rows) as n_erased_rows,
        max(newest_recorded_at) as newest_recorded_at
    from {{ ref('int_events_received') }}
    group by source_system
),

repeated_events as (
    select
        source_system,
        sum(n_rows - 1) as n_duplicates
    from {{ ref('int_repeated_events') }}
    group by source_system
),

{%- for table in tables if fact_columns(table).fixed %}
{%- set fact = fact_columns(table) %}
contradicting_{{ table }} as (
    select distinct {{ (fact.key + [fact.fixed]) | join(', ') }}
    from {{ ref('int_' ~ table ~ '_repeated') }}
    where row_class = 'rejected'
),
{%- endfor %}

-- the clock follows accepted recordings (and those of persons erased since: it must not go back), but neither a row that
-- contradicts an older version, nor a plan (a notice) dated ahead, nor a choice whose recording is only inferred from the
-- time of ingestion
counts as (
    {%- for table in tables %}
    {%- set fact = fact_columns(table) %}
    select
        '{{ table }}' as table_name,
        checked.source_system,
        count(*) as n_rows_in,
        count(checked.rejected_reason) as n_unusable,
        count(*) filter (where checked.rejected_reason = {{ erased_reason() }}) as n_erased_rows,
        cast(null as bigint) as n_duplicate_events,
        max(case
            when coalesce(checked.rejected_reason, {{ erased_reason() }}) = {{ erased_reason() }}
                and checked.recorded_at <= settings.newest_possible_at
                {%- if fact.fixed %}
                and contradicting.{{ fact.fixed }} is null
                {%- endif %}
                {%- if table == 'consents' %}
                and (checked.is_recorded_at_known or checked.effective_at <= settings.newest_possible_at)
                {%- endif %}
                then checked.recorded_at
        end) as newest_recorded_at
    from {{ ref('int_' ~ table ~ '_checked') }} as checked
    cross join settings
    {%- if fact.fixed %}
    left join contradicting_{{ table }} as contradicting
        on {{ same_keys('checked', 'contradicting', fact.key + [fact.fixed]) }}
    {%- endif %}
    group by checked.source_system

    union all
    {% endfor %}

    select
        'events' as table_name,
        events.source_system,
        events.n_rows_in,
        events.n_unusable,
        events.n_erased_rows,
        coalesce(repeated_events.n_duplicates, 0) as n_duplicate_events,
        events.newest_recorded_at
    from events
    left join repeated_events on events.source_system = repeated_events.source_system
)

select
    table_name,
    source_system,
    n_rows_in,
    cast(n_unusable as bigint) as n_unusable,
    cast(n_erased_rows as bigint) as n_erased_rows,
    cast(n_duplicate_events as bigint) as n_duplicate_events,
    newest_recorded_at
from counts
