-- REES46, "eCommerce behavior data from multi category store", October 2019 and later
--
-- Origin   kaggle.com/datasets/mkechinov/ecommerce-behavior-data-from-multi-category-store. Licence: "data files (c) original
--          authors", free to use with a mention of REES46 (rees46.com).
-- Files    rees46*.parquet in the folder `source`, columns as in the csv of the origin.
--
-- orders       one per user and session with a purchase; gross = the prices of the products bought
-- order_lines  one per purchase row: a unit of a product
-- products     category_code of a product (the last one by name where it has several)
-- events       view = product_view, cart = add_to_cart with the price, remove_from_cart, purchase. The rows have no id: the id is
--              made of all that a row says, so rows that are equal count once (as duplicates).
-- consents     none. With `assume_consent` one grant of browsing profiles per user from a second before the first event on:
--              AN ASSUMPTION, to show features and segments at work. Nobody has asked these users; never do so with your own.
--
-- Lost     brand, category_id; discounts, refunds and the currency are not in the data (amounts stay without a currency); who
--          the user is beyond a number. Without consents all events are checked and counted, and feed no feature.
--
-- Expected (the first 2 h 50 min of October 2019): 200 orders of 193 users, 59,442.63; 17,429 events and 5 duplicates, nothing
--          rejected; 4,504 users known.

create temp table rows_read as
select
    *,
    strptime(event_time, '%Y-%m-%d %H:%M:%S UTC') as occurred_at
from read_parquet(getvariable('source') || '/rees46*.parquet');

copy (
    select
        user_id || '|' || user_session as order_id,
        user_id as customer_id,
        min(occurred_at) as ordered_at,
        sum(price::decimal(18, 2)) as gross_amount
    from rows_read
    where event_type = 'purchase'
    group by user_id, user_session
) to (getvariable('target') || '/orders.parquet');

copy (
    select
        user_id || '|' || user_session as order_id,
        row_number() over (partition by user_id, user_session order by occurred_at, product_id) as line_number,
        product_id,
        1 as quantity,
        price::decimal(18, 2) as unit_price
    from rows_read
    where event_type = 'purchase'
) to (getvariable('target') || '/order_lines.parquet');

copy (
    select
        product_id,
        max(category_code) as product_category
    from rows_read
    group by product_id
) to (getvariable('target') || '/products.parquet');

copy (
    select
        sha256(concat_ws('|', event_time, event_type, product_id, price, user_id, user_session)) as event_id,
        occurred_at,
        case event_type when 'view' then 'product_view' when 'cart' then 'add_to_cart' else event_type end as event_type,
        user_id as customer_id,
        user_session as session_id,
        product_id,
        category_code as product_category,
        price::decimal(18, 2) as amount
    from rows_read
) to (getvariable('target') || '/events.parquet');

copy (
    select
        'assumed|' || user_id as consent_event_id,
        'personalize.content.profiling' as purpose,
        'granted' as status,
        min(occurred_at) - interval 1 second as effective_at,
        min(occurred_at) - interval 1 second as recorded_at,
        user_id as customer_id,
        'assumption of the example' as source
    from rows_read
    where getvariable('assume_consent')
    group by user_id
) to (getvariable('target') || '/consents.parquet');
