-- Does data about people leave the region?
-- One row per segment and vendor that it names: where the vendor and its subprocessors handle data, which countries outside
-- the EEA the segment declares, and what allows it. A segment without a vendor has one row: nothing of it leaves the shop.
with asked as (
    select
        cast(null as {{ dbt.type_string() }}) as segment_id
),

records as (
    select * from {{ ref('records_of_processing') }}
),

vendors as (
    select * from {{ ref('vendor_registry') }}
)

select
    records.segment_id,
    records.status,
    vendors.vendor_id,
    vendors.vendor_name,
    vendors.role,
    vendors.residency,
    vendors.countries,
    records.third_countries,
    records.third_countries is not null as is_leaving_region,
    records.transfer_basis as declared_basis,
    vendors.transfer_basis as basis_with_vendor
from asked
inner join records on records.segment_id = coalesce(asked.segment_id, records.segment_id)
left join vendors on position(';' || records.segment_id || ';' in ';' || vendors.segments || ';') > 0
order by records.segment_id, vendors.vendor_id
