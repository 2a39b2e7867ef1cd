{{ config(materialized='table') }}

{%- set tables = [
    'orders', 'order_lines', 'refunds', 'products', 'customers', 'consents', 'notices', 'identity_links',
    'exchange_rates', 'scheduled_sends', 'events'
] %}

{%- for table in tables %}
select
    '{{ table }}' as table_name,
    count(*) as n_rows_in,
    count(rejected_reason) as n_unusable,
    max(case when rejected_reason is null then recorded_at end) as newest_recorded_at
from {{ ref('int_' ~ table ~ '_checked') }}
{{ 'union all' if not loop.last }}
{%- endfor %}
