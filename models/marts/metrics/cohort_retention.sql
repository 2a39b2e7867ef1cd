-- engines count in double
with numbers as (
    select cast(series.generated_number as integer) as number
    from ({{ dbt.generate_series(600) }}) as series
),

-- months since year 0: whole numbers, so that months are counted, not days
orders as (
    select
        orders.as_of,
        orders.customer_key,
        orders.net_amount,
        {{ month_count('orders.order_date') }} as order_month
    from {{ ref('orders') }} as orders
    inner join {{ ref('customers') }} as customers
        on orders.as_of = customers.as_of
        and orders.customer_key = customers.customer_key
    where orders.is_valid and customers.not_profiled_reason is null
),

firsts as (
    select
        as_of,
        customer_key,
        min(order_month) as cohort_month
    from orders
    group by as_of, customer_key
),

cohorts as (
    select
        as_of,
        cohort_month,
        count(*) as n_customers
    from firsts
    group by as_of, cohort_month
),

months as (
    select
        cohorts.*,
        numbers.number - 1 as month_number,
        {{ month_count(local_date('cohorts.as_of')) }} as newest_month
    from cohorts
    cross join numbers
    where cohorts.cohort_month + numbers.number - 1 <= {{ month_count(local_date('cohorts.as_of')) }}
),

activity as (
    select
        firsts.as_of,
        firsts.cohort_month,
        orders.order_month - firsts.cohort_month as month_number,
        count(distinct orders.customer_key) as n_retained,
        count(*) as order_count,
        sum(orders.net_amount) as net_revenue
    from firsts
    inner join orders
        on firsts.as_of = orders.as_of
        and firsts.customer_key = orders.customer_key
    group by firsts.as_of, firsts.cohort_month, orders.order_month - firsts.cohort_month
),

filled as (
    select
        months.as_of,
        months.cohort_month,
        months.month_number,
        months.n_customers,
        months.cohort_month + months.month_number < months.newest_month as is_complete,
        coalesce(activity.n_retained, 0) as n_retained,
        coalesce(activity.order_count, 0) as order_count,
        coalesce(activity.net_revenue, 0) as net_revenue
    from months
    left join activity
        on months.as_of = activity.as_of
        and months.cohort_month = activity.cohort_month
        and months.month_number = activity.month_number
),

accumulated as (
    select
        *,
        sum(net_revenue) over (partition by as_of, cohort_month order by month_number) as net_revenue_to_date
    from filled
)

select
    as_of,
    {{ first_day_of_month('cohort_month') }} as cohort_month,
    cast(month_number as integer) as month_number,
    is_complete,
    n_customers,
    n_retained,
    {{ exact_ratio('n_retained', 'n_customers') }} as retention_rate,
    order_count,
    cast(net_revenue as {{ money() }}) as net_revenue,
    cast(net_revenue_to_date as {{ money() }}) as net_revenue_to_date,
    {{ exact_ratio('net_revenue_to_date', 'n_customers') }} as ltv_to_date
from accumulated
