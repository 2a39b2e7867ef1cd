with customers as (
    select * from {{ ref('customers') }}
    where not_profiled_reason is null
),

customer_orders as (
    select * from {{ ref('customer_orders') }}
),

site as (
    select * from {{ ref('site_averages') }}
),

behaviour as (
    select * from {{ ref('customer_behaviour') }}
),

categories as (
    select * from {{ ref('customer_top_categories') }}
),

rfm as (
    select * from {{ ref('customer_rfm') }}
),

retention as (
    select * from {{ ref('customer_retention') }}
),

-- of browsing and buying together, for those who permit a browsing profile
interests as (
    select
        behaviour.as_of,
        behaviour.customer_key,
        categories.interest_category,
        categories.interest_category_share,
        coalesce(categories.interest_category_count_30d, 0) as interest_category_count_30d,
        coalesce(categories.interest_count_30d, 0) as interest_count_30d,
        {{ greatest_of(['behaviour.last_viewed_at', 'customer_orders.last_order_at']) }} as last_interest_at
    from behaviour
    left join categories
        on behaviour.as_of = categories.as_of
        and behaviour.customer_key = categories.customer_key
    left join customer_orders
        on behaviour.as_of = customer_orders.as_of
        and behaviour.customer_key = customer_orders.customer_key
    -- null is not permitted, none is 0
    where behaviour.product_view_count_30d is not null
),

predictions as (
    select * from {{ ref('customer_predictions') }}
),

prediction_models as (
    select * from {{ ref('prediction_models') }}
    where sample = 'full'
),

-- ranked among buyers of the profiled population only
spend_ranks as (
    select
        customer_orders.as_of,
        customer_orders.customer_key,
        rank() over (partition by customer_orders.as_of order by customer_orders.net_spend desc) - 1 as buyers_spending_more
    from customer_orders
    inner join customers
        on customer_orders.as_of = customers.as_of
        and customer_orders.customer_key = customers.customer_key
)

select
    customers.as_of,
    customers.customer_key,

    -- orders
    coalesce(customer_orders.order_count, 0) as order_count,
    coalesce(customer_orders.order_count_30d, 0) as order_count_30d,
    coalesce(customer_orders.order_count_90d, 0) as order_count_90d,
    coalesce(customer_orders.order_count_180d, 0) as order_count_180d,
    coalesce(customer_orders.order_count_365d, 0) as order_count_365d,
    coalesce(customer_orders.net_spend, 0) as net_spend,
    coalesce(customer_orders.net_spend_90d, 0) as net_spend_90d,
    coalesce(customer_orders.net_spend_365d, 0) as net_spend_365d,
    customer_orders.average_order_value,
    site.average_order_value as site_average_order_value,
    site.order_count as site_order_count,
    site.net_spend as site_net_spend,
    customer_orders.first_order_at,
    customer_orders.last_order_at,
    customer_orders.days_since_first_order,
    customer_orders.days_since_last_order,
    customer_orders.mean_days_between_orders,
    customer_orders.median_days_between_orders,
    customer_orders.overdue_ratio,
    customer_orders.discounted_order_share,
    customer_orders.return_rate,
    customer_orders.seasonal_order_share,
    coalesce(customer_orders.discounted_order_count, 0) as discounted_order_count,
    coalesce(customer_orders.seasonal_order_count, 0) as seasonal_order_count,
    coalesce(customer_orders.distinct_channel_count, 0) as distinct_channel_count,
    categories.top_category,
    categories.top_category_share,
    {{ exact_ratio('spend_ranks.buyers_spending_more', 'site.buyer_count') }} as net_spend_percentile,
    spend_ranks.buyers_spending_more,
    coalesce(site.buyer_count, 0) as buyer_count,

    -- behaviour, as permitted
    behaviour.first_seen_at,
    behaviour.last_seen_at,
    behaviour.first_visited_at,
    behaviour.last_visited_at,
    behaviour.session_count_30d,
    behaviour.session_count_90d,
    behaviour.mobile_session_count_90d,
    behaviour.mobile_session_share_90d,
    behaviour.product_view_count_30d,
    behaviour.product_view_count_90d,
    interests.interest_category,
    interests.interest_category_share,
    interests.interest_category_count_30d,
    interests.interest_count_30d,
    interests.last_interest_at,
    behaviour.abandoned_cart_at,
    behaviour.abandoned_cart_value,
    behaviour.checkout_started_at,
    behaviour.emails_opened_of_last_6,
    behaviour.last_email_opened_at,
    behaviour.email_click_count_90d,
    behaviour.is_subscribed,
    behaviour.subscribed_at,
    behaviour.support_ticket_count_90d,
    behaviour.last_survey_score,
    behaviour.referral_count,

    -- the person
    customers.country,
    customers.region,
    customers.age_band,

    -- scores and states
    rfm.r_score as rfm_r_score,
    rfm.f_score as rfm_f_score,
    rfm.m_score as rfm_m_score,
    rfm.rfm_cell,
    rfm.rfm_segment,
    rfm.value_class,
    rfm.value_group,
    rfm.value_tier,
    retention.retention_state,

    -- predictions
    cast(predictions.p_alive as {{ ratio() }}) as p_alive,
    cast(predictions.expected_orders_90d as {{ ratio() }}) as expected_orders_90d,
    cast(predictions.churn_risk_90d as {{ ratio() }}) as churn_risk_90d,
    predictions.predicted_ltv_365d,
    predictions.expected_next_order_at,
    predictions.newcomers_with_higher_ltv,
    predictions.newcomer_count,
    prediction_models.model_version as prediction_version
from customers
left join site on customers.as_of = site.as_of
left join customer_orders
    on customers.as_of = customer_orders.as_of
    and customers.customer_key = customer_orders.customer_key
left join spend_ranks
    on customers.as_of = spend_ranks.as_of
    and customers.customer_key = spend_ranks.customer_key
left join behaviour
    on customers.as_of = behaviour.as_of
    and customers.customer_key = behaviour.customer_key
left join interests
    on customers.as_of = interests.as_of
    and customers.customer_key = interests.customer_key
left join categories
    on customers.as_of = categories.as_of
    and customers.customer_key = categories.customer_key
left join rfm
    on customers.as_of = rfm.as_of
    and customers.customer_key = rfm.customer_key
left join retention
    on customers.as_of = retention.as_of
    and customers.customer_key = retention.customer_key
left join predictions
    on customers.as_of = predictions.as_of
    and customers.customer_key = predictions.customer_key
left join prediction_models on customers.as_of = prediction_models.as_of
