-- Which identity merges were probabilistic, and under which consent?
-- One row per link on record at the newest evaluation, the probabilistic first. link_status says whether it acts, or why not;
-- joined: whether both ends are one person (an address of several accounts joins none of them). consent_event_id: the choice
-- that the link rests on, with what became of it; a deterministic link needs none, a probabilistic one joins nobody without it.
-- Reads the restricted database.
with edges as (
    select * from {{ ref('int_identity_edges') }}
),

persons as (
    select * from {{ ref('int_linked_persons') }}
),

-- the newest version on record of the choice that a link names
consents as (
    select
        consent_event_id,
        min(purpose) as purpose,
        min(status) as consent_status,
        min(consent_version) as consent_version,
        min(effective_at) as consent_effective_at
    from {{ ref('int_consent_events') }}
    where superseded_at is null and not is_by_address
    group by consent_event_id
)

select
    edges.as_of,
    edges.match_class,
    edges.link_status,
    coalesce(persons.person_key = others.person_key, edges.left_key = edges.right_key, false) as joined,
    edges.left_type,
    edges.left_key,
    edges.right_type,
    edges.right_key,
    persons.person_key,
    edges.match_rule,
    edges.score,
    edges.acts_at,
    edges.valid_to,
    edges.consent_event_id,
    consents.purpose as consent_purpose,
    consents.consent_status,
    consents.consent_version,
    consents.consent_effective_at
from edges
left join persons
    on edges.as_of = persons.as_of
    and edges.left_key = persons.customer_key
left join persons as others
    on edges.as_of = others.as_of
    and edges.right_key = others.customer_key
left join consents on edges.consent_event_id = consents.consent_event_id
order by case when edges.match_class = 'probabilistic' then 0 else 1 end, edges.acts_at, edges.link_id
