-- Online Retail (UCI), a gift shop, December 2010 to December 2011
--
-- Origin   UCI Machine Learning Repository, doi 10.24432/C5BW33 (Chen 2015). Licence: CC BY 4.0.
-- Files    online_retail*.parquet in the folder `source`, columns as at the origin.
--
-- orders   one per invoice: the rows with a quantity and a price above zero and with a customer
--
-- Lost     cancellations (a "C" invoice names no invoice that it cancels, so it can be no refund), write-offs, rows without a
--          customer, products and lines. Times are the shop's own, taken for UTC.
--
-- Expected: 18,532 orders of 4,338 customers, 8,911,407.90 GBP; nothing rejected.

copy (
    select
        InvoiceNo as order_id,
        CustomerID::bigint as customer_id,
        min(InvoiceDate) as ordered_at,
        sum(Quantity * UnitPrice::decimal(18, 4))::decimal(18, 2) as gross_amount,
        'GBP' as currency,
        min(Country) as country
    from read_parquet(getvariable('source') || '/online_retail*.parquet')
    where Quantity > 0 and UnitPrice > 0 and CustomerID is not null
    group by InvoiceNo, CustomerID
) to (getvariable('target') || '/orders.parquet');
