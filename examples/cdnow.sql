-- CDNOW, the classic cohort of RFM and customer lifetime value, 1997-98
--
-- Origin   PyPI package lifetimes 0.11.3 (datasets/CDNOW_master.txt), from Fader and Hardie. Licence of the package: MIT; none is
--          stated for the data, which its authors published for research and teaching.
-- Files    CDNOW_master.txt in the folder `source`.
--
-- orders   one per row: customer, day, value in USD. A row has no id, so its number is the order_id: rows that are equal are
--          separate orders (255 of them, as the published totals count).
--
-- Lost     number of CDs; hours of the day. Nothing but orders: whatever needs consent stays empty.
--
-- Expected: 69,659 orders of 23,570 customers, 2,500,315.63; nothing rejected.

copy (
    select
        row_number() over () as order_id,
        fields[1] as customer_id,
        strptime(fields[2], '%Y%m%d') as ordered_at,
        fields[4]::decimal(18, 2) as gross_amount,
        'USD' as currency
    from (
        select regexp_split_to_array(trim(line), '\s+') as fields
        from read_csv(
            getvariable('source') || '/CDNOW_master.txt',
            header = false, delim = '|', columns = {'line': 'varchar'}, skip = 1, parallel = false
        )
    )
) to (getvariable('target') || '/orders.parquet');
