with sends as (
    select
        clock.as_of,
        sends.send_id,
        sends.customer_id,
        case {{ folded_word('sends.channel') }} when 'email' then 'email' when 'sms' then 'phone' end as channel
    from {{ ref('int_scheduled_sends') }} as sends
    inner join {{ ref('evaluation_clock') }} as clock
        on clock.as_of <= sends.scheduled_at
        and {{ is_in_interval('clock.known_at', 'sends.recorded_at', 'sends.superseded_at') }}
),

purposes as (
    select * from {{ ref('purposes') }}
),

customer_keys as (
    select * from {{ ref('customer_keys') }}
    where identifier_type = 'customer_id'
),

cancelled as (
    select * from {{ ref('int_cancelled_sends') }}
)

select
    sends.as_of,
    sends.send_id,
    consent_state.purpose,
    consent_state.consent_status
from sends
inner join customer_keys on sends.customer_id = customer_keys.identifier
inner join purposes on sends.channel = purposes.channel
inner join {{ ref('consent_state') }} as consent_state
    on sends.as_of = consent_state.as_of
    and customer_keys.customer_key = consent_state.customer_key
    and purposes.purpose = consent_state.purpose
left join cancelled
    on sends.as_of = cancelled.as_of
    and sends.send_id = cancelled.send_id
where cancelled.send_id is null
    and (
        consent_state.is_objected
        or consent_state.is_restricted
        or consent_state.consent_status in ('withdrawn', 'denied', 'revoked_by_controller')
    )
