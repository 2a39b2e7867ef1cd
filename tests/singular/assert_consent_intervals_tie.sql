-- the interval that lasts at as_of says what consent_state says; nobody has a state without an interval
{%- set state = [
    'consent_status', 'is_granted', 'is_permitted_by_posture', 'has_opted_out', 'is_objected', 'is_restricted',
    'consent_event_key'
] %}
with lasting as (
    select * from {{ ref('consent_intervals') }}
    where valid_to is null
)

select
    coalesce(states.customer_key, lasting.customer_key) as customer_key,
    coalesce(states.purpose, lasting.purpose) as purpose,
    states.consent_status as status_now,
    lasting.consent_status as status_of_interval
from {{ ref('consent_state') }} as states
full join lasting
    on states.as_of = lasting.as_of
    and states.customer_key = lasting.customer_key
    and states.purpose = lasting.purpose
-- intervals are of single identifiers; assert_persons_are_whole looks at persons of several
left join {{ ref('int_linked_persons') }} as linked_persons
    on coalesce(states.as_of, lasting.as_of) = linked_persons.as_of
    and coalesce(states.customer_key, lasting.customer_key) = linked_persons.customer_key
where linked_persons.customer_key is null and (
    lasting.customer_key is null
    -- who has no state any more chose nothing, and silence permits nothing
    or (states.customer_key is null and (lasting.consent_status != 'unknown' or lasting.is_permitted_by_posture))
    or (
        states.customer_key is not null
        and (
            {%- for column in state %}
            states.{{ column }} is distinct from lasting.{{ column }}{{ ' or' if not loop.last }}
            {%- endfor %}
        )
    )
)
