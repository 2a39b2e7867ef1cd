-- What happened after a request, as recorded then and as known today?
-- "Withdrew on the 3rd; why a send on the 4th?" In order of time: when the choice took effect and when we recorded it, the
-- evaluations from then until one acted on it, and the planned sends it concerns. as_recorded says what was known at that
-- moment, as_corrected what is right with all we know today. Reads the restricted database.
with asked as (
    select
        cast('a7551968-d5d6-44b2-9831-815ac9017798' as {{ dbt.type_string() }}) as request_id
),

requests as (
    select distinct consent_events.request_id
    from asked
    inner join {{ ref('int_consent_events') }} as consent_events on asked.request_id = consent_events.request_id
),

chosen as (
    select distinct
        customer_keys.customer_key,
        consent_events.consent_event_id,
        consent_events.purpose,
        consent_events.status,
        consent_events.track,
        consent_events.effective_at,
        consent_events.acts_at,
        consent_events.recorded_at
    from requests
    inner join {{ ref('int_consent_events') }} as consent_events on requests.request_id = consent_events.request_id
    inner join {{ ref('customer_keys') }} as customer_keys
        on consent_events.identifier_type = customer_keys.identifier_type
        and consent_events.identifier = customer_keys.identifier
),

-- several events may say the same
causes as (
    select distinct
        customer_key,
        acts_at,
        purpose,
        recorded_at
    from chosen
),

persons as (
    select
        customer_key,
        min(acts_at) as acts_at,
        min(effective_at) as effective_at,
        min(recorded_at) as recorded_at
    from chosen
    group by customer_key
),

evaluations as (
    select distinct
        as_of,
        known_at
    from {{ ref('segment_evaluations') }}
),

-- the last evaluation before the choice, those that did not know of it, and the first that did
timeline_evaluations as (
    select
        persons.customer_key,
        persons.acts_at,
        persons.recorded_at,
        evaluations.as_of,
        evaluations.known_at,
        row_number() over (
            partition by persons.customer_key, evaluations.as_of < persons.acts_at order by evaluations.as_of desc
        ) as number_before,
        sum(
            case when evaluations.as_of >= persons.acts_at and evaluations.known_at >= persons.recorded_at then 1 else 0 end
        ) over (
            partition by persons.customer_key order by evaluations.as_of
        ) as n_acting
    from persons
    cross join evaluations
),

memberships as (
    select distinct
        timeline_evaluations.customer_key,
        timeline_evaluations.as_of,
        timeline_evaluations.known_at,
        history.segment_id
    from timeline_evaluations
    inner join {{ ref('segment_membership_history') }} as history
        on timeline_evaluations.customer_key = history.customer_key
        and timeline_evaluations.as_of >= history.valid_from
        and (timeline_evaluations.as_of < history.valid_to or history.valid_to is null)
    inner join {{ ref('segment_purposes') }} as segment_purposes
        on history.segment_id = segment_purposes.segment_id
        and history.spec_version = segment_purposes.spec_version
    inner join chosen
        on timeline_evaluations.customer_key = chosen.customer_key
        and (chosen.track != 'consent' or segment_purposes.is_consent_needed)
        and (
            chosen.purpose in ('*', segment_purposes.purpose)
            or chosen.purpose || '.' = substr(segment_purposes.purpose, 1, length(chosen.purpose) + 1)
        )
),

evaluated as (
    select
        timeline_evaluations.customer_key,
        timeline_evaluations.as_of,
        timeline_evaluations.acts_at,
        timeline_evaluations.recorded_at,
        timeline_evaluations.known_at,
        count(memberships.segment_id) as n_memberships
    from timeline_evaluations
    left join memberships
        on timeline_evaluations.customer_key = memberships.customer_key
        and timeline_evaluations.as_of = memberships.as_of
        and timeline_evaluations.known_at = memberships.known_at
    where (timeline_evaluations.as_of < timeline_evaluations.acts_at and timeline_evaluations.number_before = 1)
        or (timeline_evaluations.as_of >= timeline_evaluations.acts_at and timeline_evaluations.n_acting <= 1)
    group by
        timeline_evaluations.customer_key, timeline_evaluations.as_of, timeline_evaluations.acts_at,
        timeline_evaluations.recorded_at, timeline_evaluations.known_at
),

answered as (
    select
        chosen.effective_at as happened_at,
        1 as part,
        'choice takes effect' as what,
        chosen.status || ' ' || chosen.purpose as detail,
        chosen.customer_key,
        case when chosen.recorded_at <= chosen.effective_at then 'known' else 'not known yet' end as as_recorded,
        'acts from ' || cast(chosen.acts_at as {{ dbt.type_string() }}) as as_corrected
    from chosen

    union all

    select
        chosen.recorded_at as happened_at,
        2 as part,
        'choice is recorded' as what,
        chosen.status || ' ' || chosen.purpose as detail,
        chosen.customer_key,
        'known' as as_recorded,
        'acts from ' || cast(chosen.acts_at as {{ dbt.type_string() }}) as as_corrected
    from chosen

    union all

    select
        evaluated.as_of as happened_at,
        3 as part,
        'evaluation' as what,
        'segments that need what was revoked' as detail,
        evaluated.customer_key,
        'in ' || cast(evaluated.n_memberships as {{ dbt.type_string() }}) || case
            when evaluated.as_of < evaluated.acts_at then ', before the choice'
            when evaluated.known_at < evaluated.recorded_at then ', choice not known'
            else ', choice known'
        end as as_recorded,
        case when evaluated.as_of < evaluated.acts_at then 'in ' || cast(evaluated.n_memberships as {{ dbt.type_string() }})
            else 'in 0 while the choice stands' end as as_corrected
    from evaluated

    union all

    select
        sends.scheduled_at as happened_at,
        4 as part,
        'planned send' as what,
        sends.channel || coalesce(' ' || sends.campaign_id, '') || coalesce(' ' || sends.segment_id, '') as detail,
        sends.customer_key,
        case when sends.was_known_in_time then 'cancelled' else 'went out: choice not known' end as as_recorded,
        'cancelled' as as_corrected
    from {{ ref('int_cancelled_sends') }} as sends
    inner join causes
        on sends.customer_key = causes.customer_key
        and sends.revoked_purpose = causes.purpose
        and sends.cancelled_from = causes.acts_at
        and sends.recorded_at = causes.recorded_at
)

select
    happened_at,
    what,
    detail,
    customer_key,
    as_recorded,
    as_corrected
from answered
order by happened_at, part, customer_key, detail
