-- engines count in double
with numbers as (
    select cast(series.generated_number as integer) as number
    from ({{ dbt.generate_series(600) }}) as series
),

-- months since year 0: whole numbers, so that months are counted, not days
firsts as (
    select
        customer_orders.as_of,
        customer_orders.customer_key,
        {{ month_count('customer_orders.first_order_date') }} as cohort_month
    from {{ ref('customer_orders') }} as customer_orders
    inner join {{ ref('customers') }} as customers
        on customer_orders.as_of = customers.as_of
        and customer_orders.customer_key = customers.customer_key
    where customers.not_profiled_reason is null
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

-- one row per person and month, so that persons are counted by counting rows
customer_months as (
    select
        as_of,
        customer_key,
        {{ month_count('order_date') }} as order_month,
        count(*) as order_count,
        sum(net_amount) as net_revenue
    from {{ ref('orders') }}
    where is_valid
    group by as_of, customer_key, {{ month_count('order_date') }}
),

activity as (
    select
        firsts.as_of,
        firsts.cohort_month,
        customer_months.order_month - firsts.cohort_month as month_number,
        count(*) as n_retained,
        cast(sum(customer_months.order_count) as bigint) as order_count,
        sum(customer_months.net_revenue) as net_revenue
    from firsts
    inner join customer_months
        on firsts.as_of = customer_months.as_of
        and firsts.customer_key = customer_months.customer_key
    group by firsts.as_of, firsts.cohort_month, customer_months.order_month - firsts.cohort_month
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
