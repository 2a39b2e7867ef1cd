{{ config(materialized='table') }}

{%- set tables = [
    'orders', 'order_lines', 'refunds', 'products', 'customers', 'consents', 'notices', 'identity_links',
    'exchange_rates', 'scheduled_sends', 'events'
] %}

-- events are many: without a rejected one they are not read again. The reason is compared in the join: DuckDB would else look for
-- rejected events first, and would have to read all to find that there is none to be joined
with rejected_events as (
    select
        source_system,
        {{ erased_reason() }} as erased_reason
    from {{ ref('int_load_counts') }}
    where table_name = 'events' and n_unusable > n_erased_rows
)

{%- for table in tables %}
{%- set fact = fact_columns(table) %}

select
    '{{ table }}' as table_name,
    checked.rejected_reason as reason,
    {{ canonical_row(fact.columns, 'checked') }} || coalesce(chr(31) || 'unreadable=' || checked.unreadable_value, '') as payload,
    {%- if table == 'consents' %}
    -- a status that is missing or not known may have been meant as a refusal
    case when statuses.status is not null then checked.is_restriction end as is_lost_refusal
    {%- else %}
    false as is_lost_refusal
    {%- endif %}
from {{ ref('int_' ~ table ~ '_checked') }} as checked
{%- if table == 'consents' %}
left join {{ ref('consent_statuses') }} as statuses on checked.status = statuses.status
{%- endif %}
{%- if table == 'events' %}
inner join rejected_events
    on checked.source_system = rejected_events.source_system
    and checked.rejected_reason != rejected_events.erased_reason
{%- else %}
where checked.rejected_reason != {{ erased_reason() }}
{%- endif %}
{%- if fact.fixed %}

union all

select
    '{{ table }}' as table_name,
    '{{ fact.fixed }} differs from the first row of the same {{ fact.key | join(', ') }}' as reason,
    {{ canonical_row(fact.columns, 'repeated') }} as payload,
    false as is_lost_refusal
from {{ ref('int_' ~ table ~ '_repeated') }} as repeated
where repeated.row_class = 'rejected'
{%- endif %}
{{ 'union all' if not loop.last }}
{%- endfor %}
