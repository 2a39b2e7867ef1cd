with versions as (
    {{ versioned_rows(ref('int_refunds_checked'), ref('int_refunds_repeated'), **fact_columns('refunds')) }}
),

refunds_checked as (
    select * from {{ ref('int_refunds_checked') }}
    where rejected_reason is null
),

fitting as (
    select distinct
        order_id,
        refunded_at,
        fits_from
    from refunds_checked
)

-- which version is the newest is told by their own recording; none is known before an order that it fits, and one that was
-- superseded by then never was
select
    versions.source_system,
    versions.refund_id,
    versions.order_id,
    versions.amount,
    versions.refunded_at,
    {{ greatest_of(['versions.recorded_at', 'fitting.fits_from']) }} as recorded_at,
    versions.superseded_at
from versions
inner join fitting
    on versions.order_id = fitting.order_id
    and versions.refunded_at = fitting.refunded_at
where versions.superseded_at is null or versions.superseded_at > fitting.fits_from
