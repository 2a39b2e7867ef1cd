with by_purpose as (
    select * from {{ ref('segment_consent_metrics') }}
),

of_email as (
    select * from by_purpose
    where purpose = 'marketing.communications.email'
),

-- an evaluation recorded before there was this table has no rows in it; the newest must have
recorded as (
    select as_of from by_purpose

    union

    select as_of from {{ ref('evaluation_clock') }}
),

totals as (
    select metrics.*
    from {{ ref('segment_metrics') }} as metrics
    inner join recorded on metrics.as_of = recorded.as_of
    where metrics.breakdown = 'total'
),

problems as (
    select
        coalesce(totals.as_of, of_email.as_of) as as_of,
        coalesce(totals.segment_id, of_email.segment_id) as segment_id,
        'e-mail marketing differs from segment_metrics' as problem
    from totals
    full outer join of_email
        on totals.as_of = of_email.as_of
        and totals.segment_id = of_email.segment_id
    where coalesce(totals.n_members, -1) != coalesce(of_email.n_members, -1)
        or coalesce(totals.n_marketable, -1) != coalesce(of_email.n_permitted, -1)
        or coalesce(totals.n_consented, -1) != coalesce(of_email.n_granted, -1)
        or coalesce(totals.consent_coverage, -1) != coalesce(of_email.consent_coverage, -1)
        or coalesce(totals.n_marketable_at_start, -1) != coalesce(of_email.n_granted_at_start, -1)
        or coalesce(totals.n_opted_out, -1) != coalesce(of_email.n_opted_out, -1)
        or coalesce(totals.opt_out_rate, -1) != coalesce(of_email.opt_out_rate, -1)
        or totals.window_from is distinct from of_email.window_from

    union all

    select
        totals.as_of,
        totals.segment_id,
        by_purpose.purpose || ' is counted of other members, or of another window' as problem
    from totals
    inner join by_purpose
        on totals.as_of = by_purpose.as_of
        and totals.segment_id = by_purpose.segment_id
    where totals.n_members != by_purpose.n_members
        or totals.window_from is distinct from by_purpose.window_from
        or (totals.n_marketable_at_start is null) != (by_purpose.n_granted_at_start is null)

    union all

    select
        as_of,
        segment_id,
        purpose || ': a count is larger than its base' as problem
    from by_purpose
    where n_permitted > n_members or n_granted > n_permitted or n_opted_out > n_granted_at_start
)

select
    as_of,
    segment_id,
    problem
from problems
