{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='append_new_columns',
    full_refresh=false,
    pre_hook="{{ rewind_rows(is_history=false) }}"
) }}

-- depends_on: {{ ref('evaluation_clock') }}
with customers as (
    select * from {{ ref('customers') }}
),

features as (
    select * from {{ ref('customer_features') }}
)

select
    customers.as_of,
    customers.customer_key,
    customers.not_profiled_reason,
    features.order_count,
    features.order_count_30d,
    features.order_count_90d,
    features.order_count_180d,
    features.order_count_365d,
    features.net_spend,
    features.net_spend_90d,
    features.net_spend_365d,
    features.average_order_value,
    features.site_average_order_value,
    features.site_order_count,
    features.site_net_spend,
    features.first_order_at,
    features.last_order_at,
    features.days_since_first_order,
    features.days_since_last_order,
    features.mean_days_between_orders,
    features.median_days_between_orders,
    features.overdue_ratio,
    features.discounted_order_share,
    features.return_rate,
    features.seasonal_order_share,
    features.discounted_order_count,
    features.seasonal_order_count,
    features.distinct_channel_count,
    features.top_category,
    features.top_category_share,
    features.net_spend_percentile,
    features.buyers_spending_more,
    features.buyer_count,
    features.first_seen_at,
    features.last_seen_at,
    features.first_visited_at,
    features.last_visited_at,
    features.session_count_30d,
    features.session_count_90d,
    features.mobile_session_count_90d,
    features.mobile_session_share_90d,
    features.product_view_count_30d,
    features.product_view_count_90d,
    features.interest_category,
    features.interest_category_share,
    features.interest_category_count_30d,
    features.interest_count_30d,
    features.last_interest_at,
    features.abandoned_cart_at,
    features.abandoned_cart_value,
    features.checkout_started_at,
    features.emails_opened_of_last_6,
    features.last_email_opened_at,
    features.email_click_count_90d,
    features.is_subscribed,
    features.subscribed_at,
    features.support_ticket_count_90d,
    features.last_survey_score,
    features.referral_count,
    features.country,
    features.region,
    features.age_band,
    features.rfm_r_score,
    features.rfm_f_score,
    features.rfm_m_score,
    features.rfm_cell,
    features.rfm_segment,
    features.value_class,
    features.value_group,
    features.value_tier,
    features.retention_state
from customers
left join features
    on customers.as_of = features.as_of
    and customers.customer_key = features.customer_key
