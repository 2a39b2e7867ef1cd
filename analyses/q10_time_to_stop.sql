-- How long does it take from a withdrawal to the stop?
-- Of withdrawals, refusals, objections and restrictions that became known in the period (from, up to but not including to). One
-- row per step with p50, p95 and maximum in hours (nearest rank), then one per breach of revocation_sla_hours, the longest
-- first. A step that is not over has no hours; its request is a breach once the time has run out.
with asked as (
    select
        cast('2026-01-01 00:00:00' as {{ dbt.type_timestamp() }}) as from_instant,
        cast('2026-04-01 00:00:00' as {{ dbt.type_timestamp() }}) as to_instant
),

revocations as (
    select revocations.*
    from asked
    inner join {{ ref('revocations') }} as revocations
        on asked.from_instant <= revocations.recorded_at
        and asked.to_instant > revocations.recorded_at
),

steps as (
    select
        '1 effective to recorded' as step,
        hours_to_record as hours
    from revocations

    union all

    select
        '2 recorded to acted' as step,
        hours_to_act as hours
    from revocations

    union all

    select
        '3 effective to acted' as step,
        hours_to_stop as hours
    from revocations
),

ranked as (
    select
        step,
        hours,
        row_number() over (partition by step order by hours) as hours_rank,
        count(*) over (partition by step) as n_hours
    from steps
    where hours is not null
),

answered as (
    select
        step,
        cast(max(n_hours) as bigint) as n_revocations,
        min(case when 100 * hours_rank >= 50 * n_hours then hours end) as p50_hours,
        min(case when 100 * hours_rank >= 95 * n_hours then hours end) as p95_hours,
        max(hours) as max_hours,
        cast(null as {{ dbt.type_string() }}) as request_key,
        cast(null as {{ dbt.type_string() }}) as consent_event_key,
        cast(null as {{ dbt.type_string() }}) as purpose,
        cast(null as {{ dbt.type_timestamp() }}) as effective_at,
        cast(null as {{ dbt.type_timestamp() }}) as recorded_at,
        cast(null as {{ dbt.type_timestamp() }}) as acted_at,
        cast(null as bigint) as n_sends_too_late
    from ranked
    group by step

    union all

    select
        'breach' as step,
        cast(1 as bigint) as n_revocations,
        cast(null as decimal(18, 4)) as p50_hours,
        cast(null as decimal(18, 4)) as p95_hours,
        hours_to_stop as max_hours,
        request_key,
        consent_event_key,
        purpose,
        effective_at,
        recorded_at,
        acted_at,
        n_sends_too_late
    from revocations
    where is_breach
)

select
    step,
    n_revocations,
    p50_hours,
    p95_hours,
    max_hours,
    request_key,
    consent_event_key,
    purpose,
    effective_at,
    recorded_at,
    acted_at,
    n_sends_too_late
from answered
order by
    step asc, case when max_hours is null then 0 else 1 end asc, max_hours desc, effective_at asc, consent_event_key asc,
    purpose asc
