with clock as (
    select * from {{ ref('evaluation_clock') }}
    where previous_as_of is not null
),

-- only orders with several versions can have had another one at the previous evaluation
versions as (
    select
        source_system,
        order_id,
        case
            when customer_id is not null then 'customer_id'
            when email is not null then 'email'
            else 'phone'
        end as identifier_type,
        coalesce(customer_id, email, phone) as identifier,
        gross_amount - discount_amount as amount,
        {{ is_valid_order_status('status') }} as is_valid,
        ordered_at,
        recorded_at,
        superseded_at
    from {{ ref('int_orders_repeated') }}
    where row_class in ('accepted', 'revision')
)

select
    clock.as_of,
    older.source_system,
    older.order_id,
    older.identifier_type as old_identifier_type,
    older.identifier as old_identifier,
    newer.identifier_type,
    newer.identifier,
    newer.ordered_at,
    older.is_valid and case when older.identifier != newer.identifier then true else not newer.is_valid end as is_cancelled,
    older.is_valid and newer.is_valid and newer.amount < older.amount
    and coalesce(older.identifier = newer.identifier, true) as is_smaller,
    newer.is_valid and case
        when older.identifier != newer.identifier then true
        else not older.is_valid or newer.amount > older.amount
    end as is_increased
from clock
inner join versions as older
    on clock.previous_as_of >= older.ordered_at
    and {{ is_in_interval('clock.previous_known_at', 'older.recorded_at', 'older.superseded_at') }}
inner join versions as newer
    on older.order_id = newer.order_id
    and clock.as_of >= newer.ordered_at
    and {{ is_in_interval('clock.known_at', 'newer.recorded_at', 'newer.superseded_at') }}
