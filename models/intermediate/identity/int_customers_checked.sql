{{ config(materialized='table') }}

with received as (
    select * from {{ ref('stg_generic__customers') }}
),

-- raw rows of somebody erased come without their content
customers as (
    {{ without_erased('received', 'customers') }}
),

settings as (
    select * from {{ ref('int_settings') }}
)

select
    customers.source_system,
    customers.customer_id,
    {{ normalised_email('customers.email') }} as email,
    {{ normalised_phone('customers.phone') }} as phone,
    customers.country,
    customers.region,
    customers.gender,
    customers.birth_date,
    customers.created_at,
    -- a record without any time has always been known
    coalesce(
        customers.recorded_at, customers.created_at, cast('1900-01-01 00:00:00' as {{ dbt.type_timestamp() }})
    ) as recorded_at,
    customers.unreadable_value,
    case
        when customers.is_erased then {{ erased_reason() }}
        when customers.customer_id is null then 'missing customer_id'
        when customers.unreadable_column is not null then 'unreadable ' || customers.unreadable_column
        {{ time_rejections('customers.created_at', 'customers.recorded_at') }}
    end as rejected_reason
from customers
cross join settings
