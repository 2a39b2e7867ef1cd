-- the lines of every bridge add up to the platform's figure; ours is what marts.orders say; the file's is every row read
with bridges as (
    select
        as_of,
        definition,
        period,
        sum(case when step = 'their_figure' then -n_orders else n_orders end) as n_orders_missing,
        sum(case when step = 'their_figure' then -amount else amount end) as amount_missing
    from {{ ref('platform_reconciliation') }}
    group by as_of, definition, period
),

figures as (
    select
        as_of,
        definition,
        max(case when step = 'our_figure' then n_orders end) as our_orders,
        max(case when step = 'our_figure' then amount end) as our_amount,
        max(case when step = 'their_figure' then n_orders end) as their_orders
    from {{ ref('platform_reconciliation') }}
    where period = 'to_date'
    group by as_of, definition
),

orders as (
    select
        as_of,
        count(*) as n_orders,
        sum(net_amount) as amount
    from {{ ref('orders') }}
    where is_valid
    group by as_of
),

rows_read as (
    select n_rows_in - n_erased_rows as n_rows from {{ ref('control_totals') }}
    where table_name = 'orders'
)

select
    'the lines do not add up in ' || period as difference,
    as_of,
    definition
from bridges
where n_orders_missing != 0 or amount_missing != 0

union all

select
    'our figure is not that of marts.orders' as difference,
    figures.as_of,
    figures.definition
from figures
left join orders on figures.as_of = orders.as_of
where figures.our_orders != coalesce(orders.n_orders, 0) or figures.our_amount != coalesce(orders.amount, 0)

union all

select
    'the file holds other rows than were read' as difference,
    figures.as_of,
    figures.definition
from figures
cross join rows_read
where figures.definition = 'file' and figures.their_orders != rows_read.n_rows
