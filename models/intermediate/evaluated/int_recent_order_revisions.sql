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
        coupon_code,
        channel,
        country,
        region,
        recorded_at,
        superseded_at
    from {{ ref('int_orders_repeated') }}
    where row_class in ('accepted', 'revision')
),

revisions as (
    select
        clock.as_of,
        older.source_system,
        older.order_id,
        older.identifier_type as old_identifier_type,
        older.identifier as old_identifier,
        newer.identifier_type,
        newer.identifier,
        newer.ordered_at,
        older.amount as old_amount,
        newer.amount,
        older.is_valid as was_valid,
        -- dated after the as_of it does not count yet
        newer.is_valid and newer.ordered_at <= clock.as_of as is_valid,
        -- from nobody, or to nobody, too
        older.identifier_type != newer.identifier_type
        or (older.identifier is distinct from newer.identifier) as is_handed_over,
        older.ordered_at != newer.ordered_at
        {%- for column in ['coupon_code', 'channel', 'country', 'region'] %}
        or (older.{{ column }} is distinct from newer.{{ column }})
        {%- endfor %} as is_rewritten
    from clock
    inner join versions as older
        on clock.previous_as_of >= older.ordered_at
        and {{ is_in_interval('clock.previous_known_at', 'older.recorded_at', 'older.superseded_at') }}
    inner join versions as newer
        on older.order_id = newer.order_id
        and {{ is_in_interval('clock.known_at', 'newer.recorded_at', 'newer.superseded_at') }}
)

select
    as_of,
    source_system,
    order_id,
    old_identifier_type,
    old_identifier,
    identifier_type,
    identifier,
    ordered_at,
    was_valid and (is_handed_over or not is_valid) as is_cancelled,
    was_valid and is_valid and not is_handed_over and amount < old_amount as is_smaller,
    is_valid and (is_handed_over or not was_valid or amount > old_amount) as is_increased,
    was_valid and is_valid and not is_handed_over and is_rewritten as is_rewritten
from revisions
