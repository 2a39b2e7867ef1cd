{{ config(materialized='table') }}

{%- set tables = [
    'orders', 'order_lines', 'refunds', 'products', 'customers', 'consents', 'notices', 'identity_links',
    'exchange_rates', 'scheduled_sends', 'events'
] %}

-- events are many: without an unusable one they are not read again
with unusable_events as (
    select event_id from {{ ref('int_event_exceptions') }}
    where n_unusable > 0
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
where checked.rejected_reason != {{ erased_reason() }}
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
