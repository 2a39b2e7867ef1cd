with event_types as (
    select * from {{ ref('event_types') }}
),

purposes as (
    select * from {{ ref('purposes') }}
),

causes as (
    {%- for cause in ['own_order', 'refund', 'cancellation', 'own_activity', 'threshold_moved', 'time_decay'] %}
    select
        feature,
        '{{ cause }}' as cause,
        {{ cause }} as direction
    from {{ ref('feature_causes') }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

laws as (
    select
        *,
        lead(valid_from) over (partition by jurisdiction order by valid_from) as next_valid_from
    from {{ ref('jurisdictions') }}
)

select 'event type ' || event_types.event_type || ': no such purpose' as problem
from event_types
left join purposes on event_types.purpose = purposes.purpose
where event_types.purpose is not null and purposes.purpose is null

union all

select 'event type ' || event_type || ': is_customer_act is missing' as problem
from event_types
where is_customer_act is null

union all

select 'feature ' || feature || ', ' || cause || ': no such direction' as problem
from causes
where direction not in ('up', 'down', 'any', 'late')

union all

select 'consent event type ' || event_type || ': grants must be always, with_notice or never' as problem
from {{ ref('consent_event_types') }}
where coalesce(grants, 'none') not in ('always', 'with_notice', 'never') or (is_signal and grants != 'never')

union all

select 'status ' || status || ': it cannot both permit and refuse' as problem
from {{ ref('consent_statuses') }}
where permits and refuses

union all

select 'jurisdiction ' || jurisdiction || ': posture must be opt_in, opt_out or notice_only' as problem
from laws
where coalesce(posture, 'none') not in ('opt_in', 'opt_out', 'notice_only')

union all

-- every instant since the place was listed has one law, so that none is taken for a place without any
select 'jurisdiction ' || jurisdiction || ': each row must end when the next begins, and the last one must be open' as problem
from laws
where valid_from is null or valid_to is distinct from next_valid_from or valid_to <= valid_from

union all

-- a period of consent takes a signal for a refusal, also after the person has confirmed
select 'event type ' || event_types.event_type || ': no event can rest on a purpose that obeys a signal' as problem
from event_types
inner join purposes on event_types.purpose = purposes.purpose
where purposes.obeys_signal
