-- Store clickstream bundled with retentioneering, first half of 2024 (synthetic)
--
-- Origin   PyPI package retentioneering 5.2.4, datasets/ecom.csv.gz. Licence: Apache-2.0.
-- Files    retentioneering_ecom*.parquet in the folder `source`: user_id, session_id, event, timestamp, platform,
--          acquisition_channel.
--
-- orders    one per purchase event. THE DATA HAS NO ORDER VALUE: gross_amount is 0.00, so every money figure of this shop is 0
--           and means nothing. Counts, dates, retention states and abandoned carts are right.
-- events    product_view, search, add_to_cart and purchase as they are; shipping_details = checkout_started; support_chat =
--           support_ticket; pages = page_view; the rest = other. The rows have no id: rows equal in session, event and second
--           count once (as duplicates).
-- consents  none. With `assume_consent` one grant of browsing profiles per user from a second before the first event on:
--           AN ASSUMPTION, to show features and segments at work. Nobody has asked these users; never do so with your own.
--
-- Lost      products and categories are not in the data; user_cohort and user_lifecycle are its author's own segments.
--           Without consents all events are checked and counted, and feed no feature.
--
-- Expected (users with an even number): 227 orders of 159 users, 0.00; 15,531 events and 16 duplicates, nothing rejected;
--           300 users known.

create temp table rows_read as
select * from read_parquet(getvariable('source') || '/retentioneering_ecom*.parquet');

copy (
    select
        session_id || '|' || strftime("timestamp", '%Y-%m-%d %H:%M:%S') as order_id,
        user_id as customer_id,
        "timestamp" as ordered_at,
        0.00::decimal(18, 2) as gross_amount,
        acquisition_channel as channel,
        platform as device_type
    from rows_read
    where event = 'purchase'
) to (getvariable('target') || '/orders.parquet');

copy (
    select
        sha256(concat_ws('|', session_id, event, "timestamp")) as event_id,
        "timestamp" as occurred_at,
        case
            when event in ('product_view', 'search', 'add_to_cart', 'purchase') then event
            when event = 'shipping_details' then 'checkout_started'
            when event = 'support_chat' then 'support_ticket'
            when event in ('home', 'catalog', 'cart', 'payment_details', 'promo_page', 'account_page', 'review_page') then 'page_view'
            else 'other'
        end as event_type,
        user_id as customer_id,
        session_id,
        platform as device_type,
        acquisition_channel as channel
    from rows_read
) to (getvariable('target') || '/events.parquet');

copy (
    select
        'assumed|' || user_id as consent_event_id,
        'personalize.content.profiling' as purpose,
        'granted' as status,
        min("timestamp") - interval 1 second as effective_at,
        min("timestamp") - interval 1 second as recorded_at,
        user_id as customer_id,
        'assumption of the example' as source
    from rows_read
    where getvariable('assume_consent')
    group by user_id
) to (getvariable('target') || '/consents.parquet');
