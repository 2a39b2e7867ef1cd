{{ config(materialized='table') }}

{%- set tables = [
    'orders', 'order_lines', 'refunds', 'products', 'customers', 'consents', 'notices', 'identity_links',
    'exchange_rates', 'scheduled_sends', 'events'
] %}

-- the events to be listed are found by reading three columns; without any, the wide read below is skipped
with unusable_events as (
    select distinct coalesce(event_id, '') as event_id
    from {{ ref('int_events_checked') }}
    where not is_usable
)

{%- for table in tables %}
{%- set fact = fact_columns(table) %}

select
    '{{ table }}' as table_name,
    checked.rejected_reason as reason,
    {{ canonical_row(fact.columns, 'checked') }} || coalesce(chr(31) || 'unreadable=' || checked.unreadable_value, '') as payload
from {{ ref('int_' ~ table ~ '_checked') }} as checked
{%- if table == 'events' %}
inner join unusable_events on coalesce(checked.event_id, '') = unusable_events.event_id
{%- endif %}
where checked.rejected_reason is not null
{%- if fact.fixed %}

union all

select
    '{{ table }}' as table_name,
    '{{ fact.fixed }} differs from the first row of the same {{ fact.key | join(', ') }}' as reason,
    {{ canonical_row(fact.columns, 'repeated') }} as payload
from {{ ref('int_' ~ table ~ '_repeated') }} as repeated
where repeated.row_class = 'rejected'
{%- endif %}
{{ 'union all' if not loop.last }}
{%- endfor %}
