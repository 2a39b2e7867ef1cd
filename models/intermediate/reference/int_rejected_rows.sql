{{ config(materialized='table') }}

{%- set tables = [
    'orders', 'order_lines', 'refunds', 'products', 'customers', 'consents', 'notices', 'identity_links',
    'exchange_rates', 'scheduled_sends', 'events'
] %}

{%- for table in tables %}
{%- set fact = fact_columns(table) %}
select
    '{{ table }}' as table_name,
    rejected_reason as reason,
    {{ canonical_row(fact.columns) }} || coalesce(chr(31) || 'unreadable=' || unreadable_value, '') as payload
from {{ ref('int_' ~ table ~ '_checked') }}
where rejected_reason is not null
{%- if fact.fixed %}

union all

select
    '{{ table }}' as table_name,
    '{{ fact.fixed }} differs from the first row of the same {{ fact.key | join(', ') }}' as reason,
    {{ canonical_row(fact.columns) }} as payload
from {{ ref('int_' ~ table ~ '_repeated') }}
where row_class = 'rejected'
{%- endif %}
{{ 'union all' if not loop.last }}
{%- endfor %}
