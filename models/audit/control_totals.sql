{%- set tables = [
    'orders', 'order_lines', 'refunds', 'products', 'customers', 'consents', 'notices', 'identity_links',
    'exchange_rates', 'scheduled_sends'
] %}

with load_counts as (
    select
        table_name,
        sum(n_rows_in) as n_rows_in,
        sum(n_unusable) as n_unusable,
        sum(n_erased_rows) as n_erased_rows,
        sum(n_duplicate_events) as n_duplicate_events,
        max(newest_recorded_at) as newest_recorded_at
    from {{ ref('int_load_counts') }}
    group by table_name
),

repeated as (
    {%- for table in tables %}
    select
        '{{ table }}' as table_name,
        row_class
    from {{ ref('int_' ~ table ~ '_repeated') }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

accepted as (
    {%- for table in tables %}
    select
        '{{ table }}' as table_name,
        count(*) as n_accepted
    from {{ ref('int_' ~ table) }}
    where superseded_at is null
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

classes as (
    select
        table_name,
        count(*) filter (where row_class = 'revision') as n_revisions,
        count(*) filter (where row_class = 'duplicate') as n_duplicates,
        count(*) filter (where row_class = 'rejected') as n_contradicting
    from repeated
    group by table_name
)

-- an event is accepted once per id: what is delivered again is a duplicate
select
    load_counts.table_name,
    cast(load_counts.n_rows_in as bigint) as n_rows_in,
    cast(coalesce(
        load_counts.n_rows_in - load_counts.n_unusable - load_counts.n_duplicate_events, accepted.n_accepted, 0
    ) as bigint) as n_accepted,
    coalesce(classes.n_revisions, 0) as n_revisions,
    cast(coalesce(load_counts.n_duplicate_events, classes.n_duplicates, 0) as bigint) as n_duplicates,
    cast(load_counts.n_unusable - load_counts.n_erased_rows + coalesce(classes.n_contradicting, 0) as bigint) as n_rejected,
    cast(load_counts.n_erased_rows as bigint) as n_erased_rows,
    load_counts.newest_recorded_at
from load_counts
left join accepted on load_counts.table_name = accepted.table_name
left join classes on load_counts.table_name = classes.table_name
