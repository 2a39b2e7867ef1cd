-- Which consent text had the person seen before an order?
-- One row per text (a version has one per language) of each segment that the person was in when the order was placed, by our own
-- record, and of each consent that the person had given then, as known today: the version, its hash and publication, the choice
-- made under it. A segment without a text rests on legitimate interests. Reads the restricted database.
with asked as (
    select
        cast('288eb1ecd6f47922901fb82b44288137' as {{ dbt.type_string() }}) as order_key
),

conversions as (
    select
        orders.order_key,
        orders.customer_key,
        orders.ordered_at
    from asked
    inner join {{ ref('orders') }} as orders on asked.order_key = orders.order_key
),

-- both may have two versions of a row for one choice; the one in force counts
choices as (
    select * from {{ ref('consent_evidence') }}
    where is_in_force
),

texts as (
    select distinct
        consent_version,
        language,
        text_sha256,
        published_at
    from {{ ref('int_notices') }}
    where superseded_at is null
),

relied_on as (
    select
        conversions.ordered_at,
        'segment' as what,
        history.segment_id as segment_or_purpose,
        history.spec_version,
        history.lawful_basis,
        history.consent_version,
        history.consent_event_key
    from conversions
    inner join {{ ref('segment_membership_history') }} as history
        on conversions.customer_key = history.customer_key
        and conversions.ordered_at >= history.valid_from
        and (conversions.ordered_at < history.valid_to or history.valid_to is null)

    union all

    select
        conversions.ordered_at,
        'consent' as what,
        intervals.purpose as segment_or_purpose,
        cast(null as integer) as spec_version,
        cast(null as {{ dbt.type_string() }}) as lawful_basis,
        choices.consent_version,
        intervals.consent_event_key
    from conversions
    inner join {{ ref('consent_intervals') }} as intervals
        on conversions.customer_key = intervals.customer_key
        and conversions.ordered_at >= intervals.valid_from
        and (conversions.ordered_at < intervals.valid_to or intervals.valid_to is null)
    inner join choices on intervals.consent_event_key = choices.consent_event_key
    where intervals.is_granted
)

select
    relied_on.what,
    relied_on.segment_or_purpose,
    relied_on.spec_version,
    relied_on.lawful_basis,
    relied_on.consent_version,
    texts.language,
    texts.text_sha256,
    texts.published_at,
    choices.effective_at as chosen_at,
    choices.recorded_at,
    choices.effective_at <= relied_on.ordered_at as was_before_order,
    relied_on.consent_event_key
from relied_on
left join choices on relied_on.consent_event_key = choices.consent_event_key
left join texts on relied_on.consent_version = texts.consent_version
order by relied_on.what desc, relied_on.segment_or_purpose asc, texts.language asc
