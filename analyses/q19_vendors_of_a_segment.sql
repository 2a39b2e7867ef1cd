-- Which vendors touched a segment, and were their contracts valid on a date?
-- One row per vendor that the segment names: whether it was blocked at the newest evaluation up to the date, its contract as
-- known then, the check of that ISO week, how many weekly checks had failed by then, and how many evaluations it was blocked at.
with asked as (
    select
        cast('vip' as {{ dbt.type_string() }}) as segment_id,
        cast('2026-03-03 00:00:00' as {{ dbt.type_timestamp() }}) as on_instant
),

vendors as (
    select * from {{ ref('vendor_registry') }}
),

states as (
    select * from {{ ref('vendor_states') }}
),

weeks as (
    select * from {{ ref('vendor_verification') }}
),

runs as (
    select
        states.vendor_id,
        max(states.as_of) as as_of,
        sum(case when states.is_blocked then 1 else 0 end) as n_evaluations_blocked
    from asked
    inner join states on asked.on_instant >= states.as_of
    group by states.vendor_id
),

checks as (
    select
        weeks.vendor_id,
        max(weeks.week_starts_on) as week_starts_on,
        sum(case when weeks.is_failed then 1 else 0 end) as n_weeks_failed
    from asked
    inner join weeks on asked.on_instant >= weeks.week_starts_on
    group by weeks.vendor_id
)

select
    asked.segment_id,
    vendors.vendor_id,
    vendors.role,
    states.as_of,
    states.is_blocked,
    states.blocked_reason,
    states.blocked_from,
    states.dpa_ref,
    states.dpa_expires_on,
    states.last_verified_on,
    weeks.iso_week,
    weeks.result as week_result,
    weeks.evidence_ref,
    checks.n_weeks_failed,
    runs.n_evaluations_blocked,
    vendors.countries,
    vendors.transfer_basis
from asked
inner join vendors on position(';' || asked.segment_id || ';' in ';' || vendors.segments || ';') > 0
left join runs on vendors.vendor_id = runs.vendor_id
left join states
    on runs.vendor_id = states.vendor_id
    and runs.as_of = states.as_of
left join checks on vendors.vendor_id = checks.vendor_id
left join weeks
    on checks.vendor_id = weeks.vendor_id
    and checks.week_starts_on = weeks.week_starts_on
order by vendors.vendor_id
