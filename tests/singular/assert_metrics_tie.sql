with metrics as (
    select * from {{ ref('segment_metrics') }}
),

totals as (
    select * from metrics
    where breakdown = 'total'
),

sizes as (
    select * from {{ ref('segment_sizes') }}
),

evaluated as (
    select
        as_of,
        max(attempt) as attempt
    from {{ ref('segment_evaluations') }}
    group by as_of
),

-- what erasure and purge deleted of the newest attempt
deleted as (
    select
        ledger.as_of,
        ledger.segment_id,
        ledger.n_erased + ledger.n_purged as n_deleted
    from {{ source('lifecycle', 'deletion_ledger') }} as ledger
    inner join evaluated on ledger.as_of = evaluated.as_of and ledger.attempt = evaluated.attempt
),

shares as (
    select
        as_of,
        segment_id,
        dimension,
        sum(order_count_in_window) as order_count_in_window,
        sum(net_revenue_in_window) as net_revenue_in_window
    from {{ ref('segment_conversions') }}
    group by as_of, segment_id, dimension
),

problems as (
    select
        totals.as_of,
        totals.segment_id,
        'n_members is not the size in the history' as problem
    from totals
    left join sizes
        on totals.segment_id = sizes.segment_id
        and {{ is_in_interval('totals.as_of', 'sizes.valid_from', 'sizes.valid_to') }}
    left join deleted
        on totals.as_of = deleted.as_of
        and totals.segment_id = deleted.segment_id
    where totals.segment_id != '(all)' and totals.n_members != coalesce(sizes.n_members, 0) + coalesce(deleted.n_deleted, 0)

    union all

    select
        totals.as_of,
        totals.segment_id,
        'n_members_at_start is not the size in the history' as problem
    from totals
    inner join evaluated on totals.window_from = evaluated.as_of
    left join sizes
        on totals.segment_id = sizes.segment_id
        and {{ is_in_interval('totals.window_from', 'sizes.valid_from', 'sizes.valid_to') }}
    left join deleted
        on totals.window_from = deleted.as_of
        and totals.segment_id = deleted.segment_id
    -- counted before the deletion or after it
    where totals.segment_id != '(all)'
        and not coalesce(
            totals.n_members_at_start - coalesce(sizes.n_members, 0) between 0 and coalesce(deleted.n_deleted, 0),
            false
        )

    union all

    select
        totals.as_of,
        totals.segment_id,
        'everybody at the start is not everybody on record' as problem
    from totals
    inner join totals as starts
        on totals.window_from = starts.as_of
        and totals.segment_id = starts.segment_id
    -- what was recorded before there was n_consented counted only those who stayed
    where totals.segment_id = '(all)' and totals.n_consented is not null
        and coalesce(totals.n_members_at_start, -1) != starts.n_members

    union all

    select
        as_of,
        segment_id,
        'those at the start, entered and left do not give the members' as problem
    from totals
    where n_members_at_start + n_entered - n_left != n_members

    union all

    select
        as_of,
        segment_id,
        'a count is larger than its base' as problem
    from metrics
    where n_marketable > n_members or n_consented > n_marketable
        or n_repeaters_90d > n_repeat_eligible_90d
        -- of everybody those count whom we know by now
        or (n_measured > n_members_at_start and segment_id != '(all)')
        or n_converted > n_measured or n_active_at_start + n_inactive_at_start > n_measured or n_churned > n_active_at_start
        or n_reactivated > n_inactive_at_start or n_opted_out > n_marketable_at_start
        or n_product_viewers > n_measured or n_product_viewers_converted > n_product_viewers
        or n_product_viewers_converted > n_converted

    union all

    select
        as_of,
        segment_id,
        'breakdowns do not sum up to each other' as problem
    from (
        select
            as_of,
            segment_id,
            breakdown,
            sum(n_members) as n_members,
            sum(net_spend) as net_spend,
            coalesce(sum(n_converted), 0) as n_converted,
            coalesce(sum(net_revenue_in_window), 0) as net_revenue,
            max(case when is_coarsened then 1 else 0 end) as is_coarsened
        from metrics
        group by as_of, segment_id, breakdown
    ) as sums
    group by as_of, segment_id
    having count(*) != 3 or min(n_members) != max(n_members) or min(n_converted) != max(n_converted)
        -- since an erasure each row is rounded by itself
        or (max(is_coarsened) = 0 and (min(net_spend) != max(net_spend) or min(net_revenue) != max(net_revenue)))
        or min(is_coarsened) != max(is_coarsened)

    union all

    select
        shares.as_of,
        shares.segment_id,
        'orders by ' || shares.dimension || ' are not the orders of the segment' as problem
    from shares
    inner join totals
        on shares.as_of = totals.as_of
        and shares.segment_id = totals.segment_id
    where shares.order_count_in_window != coalesce(totals.order_count_in_window, -1)
        or (not totals.is_coarsened and shares.net_revenue_in_window != coalesce(totals.net_revenue_in_window, -1))
)

select
    as_of,
    segment_id,
    problem
from problems
