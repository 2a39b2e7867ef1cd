{%- set window_days = var('metrics_window_days') | int -%}
{%- set purpose = "'marketing.communications.email'" -%}

-- what was on record at the window's start is read after this evaluation's own record
-- depends_on: {{ ref('segment_membership') }}
with clock as (
    select * from {{ ref('evaluation_clock') }}
),

recorded as (
    {{ completed_evaluations() }}
    {%- if is_replay() %}
    union
    select
        as_of,
        known_at
    from clock
    {%- endif %}
),

starts as (
    select
        clock.as_of,
        max(recorded.as_of) as start_as_of
    from clock
    inner join recorded on recorded.as_of <= {{ plus_seconds('clock.as_of', '-86400 * ' ~ window_days) }}
    group by clock.as_of
),

windows as (
    select
        clock.as_of,
        starts.start_as_of,
        coalesce(starts.start_as_of, {{ plus_seconds('clock.as_of', '-86400 * ' ~ window_days) }}) as window_from
    from clock
    left join starts on clock.as_of = starts.as_of
),

-- consent to e-mail marketing, and objections to profiling, as they stood, and were known, at the window's start
grants as (
    select
        windows.as_of,
        windows.window_from,
        consent_events.identifier_type,
        consent_events.identifier,
        purposes.purpose,
        purposes.is_profiling,
        consent_events.consent_event_id,
        consent_events.track,
        consent_events.is_permissive,
        consent_events.effective_at,
        consent_events.is_permissive and consent_events.track = 'consent' as is_grant,
        {{ plus_seconds('consent_events.effective_at', 'purposes.consent_valid_days * 86400') }} as expires_at,
        notice_gaps.uncovered_from
    from {{ ref('int_consent_events') }} as consent_events
    inner join windows
        on {{ is_in_interval('windows.window_from', 'consent_events.recorded_at', 'consent_events.superseded_at') }}
        and consent_events.acts_at <= windows.window_from
    inner join {{ ref('purposes') }} as purposes
        on consent_events.purpose = '*'
        or {{ is_same_or_below('purposes.purpose', 'consent_events.purpose') }}
    left join {{ ref('int_notice_gaps') }} as notice_gaps
        on windows.as_of = notice_gaps.as_of
        and consent_events.consent_version = notice_gaps.consent_version
        and purposes.purpose = notice_gaps.purpose
    where (consent_events.track != 'none' and purposes.purpose = {{ purpose }})
        or (consent_events.track in ('objection', 'restriction') and purposes.is_profiling)
),

choices as (
    select
        as_of,
        identifier_type,
        identifier,
        purpose,
        is_profiling,
        track,
        is_permissive and not (
            is_grant and coalesce(uncovered_from <= window_from or expires_at <= window_from, false)
        ) as is_permissive,
        row_number() over (
            partition by as_of, identifier_type, identifier, purpose, track
            {{ choice_order() }}
        ) as choice_number
    from grants
    where not is_grant or coalesce(uncovered_from > effective_at, true)
),

start_choices as (
    select
        choices.as_of,
        coalesce(linked_persons.person_key, customer_keys.customer_key) as customer_key,
        -- of a person with several identifiers each has to permit
        sum(case when choices.purpose = {{ purpose }} and choices.track = 'consent' and choices.is_permissive
            and coalesce(linked_persons.is_held, true) then 1 else 0 end) = coalesce(max(linked_persons.identifier_count), 1)
        and max(case when choices.purpose = {{ purpose }} and choices.track != 'consent' and not choices.is_permissive
            then 1 else 0 end) = 0 as is_marketable,
        max(case when choices.is_profiling and choices.track in ('objection', 'restriction') and not choices.is_permissive
            then 1 else 0 end) = 1 as is_barred
    from choices
    inner join {{ ref('customer_keys') }} as customer_keys
        on choices.identifier_type = customer_keys.identifier_type
        and choices.identifier = customer_keys.identifier
    left join {{ ref('int_linked_persons') }} as linked_persons
        on choices.as_of = linked_persons.as_of
        and customer_keys.customer_key = linked_persons.customer_key
    where choices.choice_number = 1
    group by choices.as_of, coalesce(linked_persons.person_key, customer_keys.customer_key)
),

consents as (
    select * from {{ ref('consent_state') }}
    where purpose = {{ purpose }}
),

orders as (
    select
        orders.as_of,
        orders.customer_key,
        count(*) filter (where orders.ordered_at > windows.window_from) as order_count_in_window,
        sum(orders.net_amount) filter (where orders.ordered_at > windows.window_from) as net_revenue_in_window,
        sum(greatest(orders.gross_amount - orders.discount_amount, 0)) filter (where orders.ordered_at > windows.window_from)
            as paid_in_window,
        sum(orders.refunded_amount) filter (where orders.ordered_at > windows.window_from) as refunded_in_window,
        max(orders.order_date) filter (where orders.ordered_at <= windows.window_from) as last_order_date_at_start
    from {{ ref('orders') }} as orders
    inner join windows on orders.as_of = windows.as_of
    where orders.is_valid and orders.customer_key is not null
    group by orders.as_of, orders.customer_key
),

joined as (
    select
        customers.as_of,
        customers.customer_key,
        windows.start_as_of,
        windows.window_from,
        customers.not_profiled_reason is null as is_measured,
        -- whoever is too young now was so then
        coalesce(customers.first_seen_at <= windows.window_from, false)
            and coalesce(customers.not_profiled_reason != 'age_gate', true)
            and not coalesce(start_choices.is_barred, false) as is_measured_at_start,
        {{ is_permitted('true', 'consents') }} as is_marketable,
        coalesce(consents.is_granted, false) as is_granted,
        coalesce(start_choices.is_marketable, false) as is_marketable_at_start,
        coalesce(consents.consent_status in ('withdrawn', 'denied'), false) as is_withdrawn,
        coalesce(consents.is_objected, false) as is_objected,
        consents.consent_effective_at,
        coalesce(customer_orders.order_count, 0) as order_count,
        coalesce(customer_orders.net_spend, 0) as net_spend,
        coalesce(customer_orders.paid_amount, 0) as paid_amount,
        coalesce(customer_orders.refunded_amount, 0) as refunded_amount,
        coalesce(customer_orders.days_since_first_order >= 90, false) as is_repeat_eligible_90d,
        coalesce({{ days_between('customer_orders.first_order_date', 'customer_orders.second_order_date') }} <= 90, false)
            as is_repeater_90d,
        {{ days_between('orders.last_order_date_at_start', local_date('windows.window_from')) }} as silent_days_at_start,
        thresholds.active_days,
        thresholds.drifting_days,
        coalesce(behaviour.last_viewed_at > windows.window_from, false) as is_viewer_in_window,
        coalesce(orders.order_count_in_window, 0) as order_count_in_window,
        coalesce(orders.net_revenue_in_window, 0) as net_revenue_in_window,
        coalesce(orders.paid_in_window, 0) as paid_in_window,
        coalesce(orders.refunded_in_window, 0) as refunded_in_window
    from {{ ref('customers') }} as customers
    inner join windows on customers.as_of = windows.as_of
    inner join {{ ref('retention_thresholds') }} as thresholds on customers.as_of = thresholds.as_of
    left join consents
        on customers.as_of = consents.as_of
        and customers.customer_key = consents.customer_key
    left join start_choices
        on customers.as_of = start_choices.as_of
        and customers.customer_key = start_choices.customer_key
    left join {{ ref('customer_orders') }} as customer_orders
        on customers.as_of = customer_orders.as_of
        and customers.customer_key = customer_orders.customer_key
    left join orders
        on customers.as_of = orders.as_of
        and customers.customer_key = orders.customer_key
    left join {{ ref('customer_behaviour') }} as behaviour
        on customers.as_of = behaviour.as_of
        and customers.customer_key = behaviour.customer_key
)

select
    as_of,
    customer_key,
    start_as_of,
    window_from,
    is_measured,
    is_measured_at_start,
    is_marketable,
    -- a grant is not effective where an objection, a restriction or an opt-out stands against it
    is_marketable and is_granted as is_consented,
    is_marketable_at_start,
    is_marketable_at_start and (is_withdrawn or is_objected) as is_opted_out,
    case when is_marketable_at_start and is_withdrawn then consent_effective_at end as opted_out_at,
    cast(order_count as bigint) as order_count,
    cast(net_spend as {{ money() }}) as net_spend,
    cast(paid_amount as {{ money() }}) as paid_amount,
    cast(refunded_amount as {{ money() }}) as refunded_amount,
    is_repeat_eligible_90d,
    is_repeat_eligible_90d and is_repeater_90d as is_repeater_90d,
    cast(order_count_in_window as bigint) as order_count_in_window,
    cast(net_revenue_in_window as {{ money() }}) as net_revenue_in_window,
    cast(paid_in_window as {{ money() }}) as paid_in_window,
    cast(refunded_in_window as {{ money() }}) as refunded_in_window,
    coalesce(silent_days_at_start <= active_days, false) as is_active_at_start,
    coalesce(silent_days_at_start > drifting_days, false) as is_inactive_at_start,
    is_viewer_in_window
from joined
