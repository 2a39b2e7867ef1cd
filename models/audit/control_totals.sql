{%- set tables = [
    'orders', 'order_lines', 'refunds', 'products', 'customers', 'consents', 'notices', 'identity_links',
    'exchange_rates', 'scheduled_sends'
] %}

with load_counts as (
    select * from {{ ref('int_load_counts') }}
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
    union all
    {%- endfor %}
    select
        'events' as table_name,
        count(distinct event_id) as n_accepted
    from {{ ref('int_events') }}
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

select
    load_counts.table_name,
    load_counts.n_rows_in,
    accepted.n_accepted,
    coalesce(classes.n_revisions, 0) as n_revisions,
    -- events are counted by distinct id: what is delivered again is a duplicate
    case
        when load_counts.table_name = 'events' then load_counts.n_rows_in - load_counts.n_unusable - accepted.n_accepted
        else coalesce(classes.n_duplicates, 0)
    end as n_duplicates,
    load_counts.n_unusable + coalesce(classes.n_contradicting, 0) as n_rejected,
    load_counts.newest_recorded_at
from load_counts
inner join accepted on load_counts.table_name = accepted.table_name
left join classes on load_counts.table_name = classes.table_name
