{#- One line per segment; a test compares this list with the registry. -#}
{%- set segments = [
    ('at_risk_loyal', ref('seg_at_risk_loyal')),
    ('bargain_hunter', ref('seg_bargain_hunter')),
    ('big_spenders', ref('seg_big_spenders')),
    ('browse_heavy_low_purchase', ref('seg_browse_heavy_low_purchase')),
    ('cart_abandoner', ref('seg_cart_abandoner')),
    ('category_interest', ref('seg_category_interest')),
    ('champions', ref('seg_champions')),
    ('churn_risk', ref('seg_churn_risk')),
    ('drifting', ref('seg_drifting')),
    ('email_engaged', ref('seg_email_engaged')),
    ('existing_customer', ref('seg_existing_customer')),
    ('former_high_value_at_risk', ref('seg_former_high_value_at_risk')),
    ('frequent_buyer', ref('seg_frequent_buyer')),
    ('high_aov_one_time_buyer', ref('seg_high_aov_one_time_buyer')),
    ('high_intent_visitor', ref('seg_high_intent_visitor')),
    ('high_lifetime_value', ref('seg_high_lifetime_value')),
    ('high_value_repeat', ref('seg_high_value_repeat')),
    ('likely_to_churn', ref('seg_likely_to_churn')),
    ('lost_customers', ref('seg_lost_customers')),
    ('low_value', ref('seg_low_value')),
    ('loyalists', ref('seg_loyalists')),
    ('mobile_first', ref('seg_mobile_first')),
    ('new_customers', ref('seg_new_customers')),
    ('new_subscriber_no_purchase', ref('seg_new_subscriber_no_purchase')),
    ('new_visitor', ref('seg_new_visitor')),
    ('one_time_buyer', ref('seg_one_time_buyer')),
    ('predicted_high_ltv', ref('seg_predicted_high_ltv')),
    ('promising', ref('seg_promising')),
    ('repeat_buyer', ref('seg_repeat_buyer')),
    ('seasonal_gift_giver', ref('seg_seasonal_gift_giver')),
    ('seasonal_shopper', ref('seg_seasonal_shopper')),
    ('vip', ref('seg_vip')),
    ('vip_top_5_percent', ref('seg_vip_top_5_percent')),
    ('weekly_replenisher', ref('seg_weekly_replenisher'))
] -%}

with candidates as (
    {%- for segment_id, rule in segments %}
    select
        as_of,
        '{{ segment_id }}' as segment_id,
        customer_key,
        spec_version,
        last_activity_at
    from {{ rule }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    as_of,
    segment_id,
    customer_key,
    spec_version,
    last_activity_at
from candidates
