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
where coalesce(grants, 'none') not in ('always', 'with_notice', 'never')
