with states as (
    select
        as_of,
        customer_key,
        max(case when purpose = 'personalize.content.profiling' then 1 else 0 end) = 1 as is_browsing_permitted,
        max(case when purpose = 'marketing.communications.email' then 1 else 0 end) = 1 as is_email_permitted
    from {{ ref('consent_state') }}
    where (is_granted or is_permitted_by_posture)
        and not is_objected
        and not is_restricted
        and purpose in ('personalize.content.profiling', 'marketing.communications.email')
    group by as_of, customer_key
),

-- a guest without an account has no events, and permits all the same
customer_keys as (
    select
        customer_key,
        case when identifier_type = 'customer_id' then identifier end as customer_id
    from {{ ref('customer_keys') }}
),

activity as (
    select * from {{ ref('int_event_activity') }}
),

recent as (
    select * from {{ ref('int_recent_activity') }}
),

carts as (
    select * from {{ ref('int_carts') }}
),

emails as (
    select * from {{ ref('int_email_engagement') }}
),

-- a vendor without a valid contract or a recent verification feeds nothing
blocked as (
    select
        as_of
        {%- for kind in blockable_source_kinds() %},
        max(
            case when {{ dbt.position("';" ~ kind ~ ";'", "(';' || source_kinds || ';')") }} > 0 then 1 else 0 end
        ) = 1 as is_{{ kind }}_blocked
        {%- endfor %}
    from {{ ref('vendor_states') }}
    where is_blocked
    group by as_of
)

-- not permitted = null, permitted without events = 0
select
    states.as_of,
    customer_keys.customer_key,
    activity.first_seen_at,
    activity.last_seen_at,
    activity.first_visited_at,
    activity.last_visited_at,
    case when is_browsing_permitted then coalesce(recent.session_count_30d, 0) end as session_count_30d,
    case when is_browsing_permitted then coalesce(recent.session_count_90d, 0) end as session_count_90d,
    case when is_browsing_permitted then coalesce(recent.mobile_session_count_90d, 0) end as mobile_session_count_90d,
    {{ exact_ratio('recent.mobile_session_count_90d', 'recent.session_count_90d') }} as mobile_session_share_90d,
    case when is_browsing_permitted then coalesce(recent.product_view_count_30d, 0) end as product_view_count_30d,
    case when is_browsing_permitted then coalesce(recent.product_view_count_90d, 0) end as product_view_count_90d,
    activity.last_viewed_at,
    carts.abandoned_cart_at,
    carts.abandoned_cart_value,
    activity.checkout_started_at,
    -- with fewer than six e-mails there is nothing to say
    case when not coalesce(blocked.is_email_event_blocked, false) and emails.email_count >= 6 then emails.opened_count end
        as emails_opened_of_last_6,
    case when not coalesce(blocked.is_email_event_blocked, false) then activity.last_email_opened_at end as last_email_opened_at,
    case when not coalesce(blocked.is_email_event_blocked, false) and is_email_permitted
        then coalesce(recent.email_click_count_90d, 0) end as email_click_count_90d,
    case when is_email_permitted then
        activity.subscribed_at is not null
        and (activity.unsubscribed_at is null or activity.subscribed_at > activity.unsubscribed_at)
    end as is_subscribed,
    activity.subscribed_at,
    case when not coalesce(blocked.is_support_blocked, false) and is_browsing_permitted
        then coalesce(recent.support_ticket_count_90d, 0) end as support_ticket_count_90d,
    case when not coalesce(blocked.is_survey_blocked, false) then activity.last_survey_score end as last_survey_score,
    case when is_browsing_permitted then coalesce(activity.referral_count, 0) end as referral_count
from states
inner join customer_keys on states.customer_key = customer_keys.customer_key
left join activity
    on states.as_of = activity.as_of
    and customer_keys.customer_id = activity.customer_id
left join recent
    on states.as_of = recent.as_of
    and customer_keys.customer_id = recent.customer_id
left join carts
    on states.as_of = carts.as_of
    and customer_keys.customer_id = carts.customer_id
left join emails
    on states.as_of = emails.as_of
    and customer_keys.customer_id = emails.customer_id
left join blocked on states.as_of = blocked.as_of
