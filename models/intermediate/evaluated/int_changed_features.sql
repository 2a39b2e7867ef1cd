{%- set acts = ['abandoned_cart_at', 'checkout_started_at', 'last_email_opened_at', 'last_seen_at', 'subscribed_at'] %}
{%- set predicted = [
    'p_alive', 'expected_orders_90d', 'churn_risk_90d', 'predicted_ltv_365d', 'expected_next_order_at',
    'newcomers_with_higher_ltv', 'newcomer_count'
] %}

with changes as (
    select * from {{ ref('int_membership_changes') }}
    where previous_as_of is not null
),

inputs as (
    select * from {{ ref('segment_inputs') }}
),

customers as (
    select * from {{ ref('int_evaluated_customers') }}
),

causes as (
    select * from {{ ref('feature_causes') }}
),

-- calibrated thresholds are those of the quarter: at its first evaluation they move people
thresholds as (
    select * from {{ ref('retention_thresholds') }}
),

facts as (
    select
        as_of,
        customer_key,
        max(case when fact in ('new_order', 'increased_order') then 1 else 0 end) = 1 as has_order,
        max(case when fact in ('new_refund', 'smaller_order') then 1 else 0 end) = 1 as has_refund,
        max(case when fact = 'cancelled_order' then 1 else 0 end) = 1 as has_cancellation,
        max(case when fact = 'rewritten_order' then 1 else 0 end) = 1 as has_rewritten_order,
        max(case when fact = 'late_order' then 1 else 0 end) = 1 as has_late_order,
        max(case when fact = 'late_refund' then 1 else 0 end) = 1 as has_late_refund,
        max(case when fact = 'smaller_refund' then 1 else 0 end) = 1 as has_smaller_refund,
        max(case when fact = 'late_event' then 1 else 0 end) = 1 as has_late_event,
        max(case when fact = 'late_record' then 1 else 0 end) = 1 as has_late_record,
        max(case when fact = 'late_rate' then 1 else 0 end) = 1 as has_late_rate
    from {{ ref('int_recent_facts') }}
    group by as_of, customer_key
),

compared as (
    select
        changes.as_of,
        changes.segment_id,
        changes.customer_key,
        inputs.feature,
        inputs.purpose,
        case inputs.feature
            {%- for feature in feature_columns() %}
            when '{{ feature }}' then {{ feature_direction(feature, 'customers', 'previous') }}
            {%- endfor %}
            when 'as_of' then 'up'
        end as direction,
        case inputs.feature
            {%- for feature in acts %}
            when '{{ feature }}' then customers.{{ feature }} > changes.previous_as_of
            {%- endfor %}
        end as is_act_since,
        coalesce(
            inputs.feature = 'retention_state'
            and customers.retention_state != {{ retention_state('customers.days_since_last_order', 'thresholds') }}, false
        ) as is_of_new_thresholds,
        inputs.feature in (
            {%- for feature in predicted %}
            '{{ feature }}'{{ ',' if not loop.last }}
            {%- endfor %}
        ) as is_predicted,
        coalesce(customers.prediction_version, 0) as prediction_version,
        -- who was not profiled had no predictions under any parameters
        case
            when previous.not_profiled_reason is null and previous.customer_key is not null
                then coalesce(previous.prediction_version, 0)
            else coalesce(customers.prediction_version, 0)
        end as previous_version
    from changes
    inner join inputs on changes.segment_id = inputs.segment_id
    left join customers
        on changes.as_of = customers.as_of
        and changes.customer_key = customers.customer_key
    left join customers as previous
        on changes.previous_as_of = previous.as_of
        and changes.customer_key = previous.customer_key
    left join thresholds on changes.previous_as_of = thresholds.as_of
),

-- an act dated since the previous evaluation explains what its events moved; late ones beside it do not
moved as (
    select
        *,
        max(case when is_act_since then 1 else 0 end) over (partition by as_of, segment_id, customer_key) = 1 as has_act_since
    from compared
    where direction is not null
),

judged as (
    select
        moved.as_of,
        moved.segment_id,
        moved.customer_key,
        moved.feature,
        moved.purpose,
        moved.direction,
        moved.has_act_since,
        -- a prediction that appears or vanishes under parameters that were there before does so for a reason of its own
        moved.is_predicted
        and moved.prediction_version != moved.previous_version
        and (moved.direction in ('up', 'down') or 0 in (moved.prediction_version, moved.previous_version)) as is_model_version,
        {{ is_moved_by('causes.own_order', ['appeared', 'vanished']) }} as is_of_orders,
        {{ is_moved_by('causes.refund', ['appeared', 'vanished']) }} as is_of_refunds,
        -- of a refund that was less, or of another order: the other way round
        coalesce(causes.refund = 'any' or causes.refund != moved.direction, false) as is_of_returned_money,
        {{ is_moved_by('causes.cancellation', ['appeared', 'vanished']) }} as is_of_cancellations,
        {{ is_moved_by('causes.own_activity', ['appeared']) }} as is_of_activity,
        {{ is_moved_by('causes.threshold_moved') }} or moved.is_of_new_thresholds as is_of_others,
        {{ is_moved_by('causes.time_decay') }} as is_of_time,
        coalesce(causes.own_order = 'late', false) as is_of_late_orders,
        coalesce(facts.has_order, false) as has_order,
        coalesce(facts.has_refund, false) as has_refund,
        coalesce(facts.has_cancellation, false) as has_cancellation,
        coalesce(causes.own_order is not null and facts.has_rewritten_order, false) as is_rewritten,
        coalesce(facts.has_late_order, false) as has_late_order,
        coalesce(facts.has_late_refund, false) as has_late_refund,
        coalesce(facts.has_smaller_refund, false) as has_smaller_refund,
        coalesce(facts.has_late_event, false) as has_late_event,
        coalesce(facts.has_late_record, false) as has_late_record,
        coalesce(facts.has_late_rate, false) as has_late_rate,
        moved.feature in ('country', 'region', 'age_band') as is_of_record
    from moved
    left join causes on moved.feature = causes.feature
    left join facts
        on moved.as_of = facts.as_of
        and moved.customer_key = facts.customer_key
)

select
    as_of,
    segment_id,
    customer_key,
    feature,
    purpose,
    direction,
    has_act_since,
    is_model_version,
    is_rewritten
    or ((is_of_orders or is_of_late_orders) and has_late_order)
    or (is_of_refunds and has_late_refund)
    or (is_of_returned_money and has_smaller_refund)
    or (is_of_activity and has_late_event and not has_act_since)
    or (is_of_record and has_late_record)
    -- neither an order nor a refund nor time moved it: an exchange rate of the person's orders was restated
    or (
        (is_of_orders or is_of_refunds) and not is_of_time and has_late_rate
        and not has_order and not has_refund and not has_cancellation and not has_late_order and not has_late_refund
        and not has_smaller_refund
    ) as is_late_data,
    (is_of_refunds and has_refund) or (is_of_cancellations and has_cancellation) as is_refund_or_cancellation,
    is_of_orders and has_order as is_own_order,
    is_of_activity as is_own_activity,
    is_of_others as is_threshold_moved,
    is_of_time as is_time_decay
from judged
