with cuts as (
    select * from {{ ref('frozen_thresholds') }}
),

paired as (
    select
        cuts.metric,
        cuts.frozen_from,
        other.frozen_from as other_from,
        other.score > cuts.score
        and case when cuts.metric in ('recency_days', 'days_since_last_seen') then other.cut_value >= cuts.cut_value
            else other.cut_value <= cuts.cut_value
        end as is_disordered
    from cuts
    inner join cuts as other
        on cuts.metric = other.metric
        and {{ is_in_interval('other.frozen_from', 'cuts.frozen_from', 'cuts.frozen_to') }}
)

select metric || ': cut points of two freezes overlap' as problem
from paired
where frozen_from != other_from

union all

select metric || ': a higher score has no better cut point' as problem
from paired
where is_disordered

union all

select metric || ': no such metric, score or cut point, or one given twice' as problem
from cuts
group by metric, frozen_from, score
having count(*) > 1
    or min(case
        when score between 2 and 5 and frozen_from is not null and cut_value is not null
            and metric in (
                'recency_days', 'frequency', 'monetary', 'days_since_last_seen', 'session_count_90d', 'product_view_count_90d'
            ) then 1
        else 0
    end) = 0
