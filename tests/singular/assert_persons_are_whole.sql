with edges as (
    select * from {{ ref('int_identity_edges') }}
    where link_status = 'acting' and left_key != right_key
),

persons as (
    select * from {{ ref('int_linked_persons') }}
),

held as (
    select
        as_of,
        left_key as customer_key
    from edges
    where left_type != 'customer_id' and right_type = 'customer_id'

    union

    select
        as_of,
        right_key as customer_key
    from edges
    where right_type != 'customer_id' and left_type = 'customer_id'
),

-- two accounts with a link, or two addresses that no account is linked with, are one person
unjoined as (
    select
        edges.as_of,
        edges.left_key as customer_key,
        'a link that acts joins nobody: its chain is too long for connected_components' as finding
    from edges
    left join persons on edges.as_of = persons.as_of and edges.left_key = persons.customer_key
    left join persons as others on edges.as_of = others.as_of and edges.right_key = others.customer_key
    left join held on edges.as_of = held.as_of and edges.left_key = held.customer_key
    left join held as others_held on edges.as_of = others_held.as_of and edges.right_key = others_held.customer_key
    where (edges.left_type = 'customer_id') = (edges.right_type = 'customer_id')
        and held.customer_key is null
        and others_held.customer_key is null
        and (persons.person_key = others.person_key) is distinct from true
),

-- who is counted with another person is not counted beside it
counted_twice as (
    select
        persons.as_of,
        persons.customer_key,
        'counted beside the person that it is linked to' as finding
    from persons
    inner join {{ ref('customers') }} as customers
        on persons.as_of = customers.as_of and persons.customer_key = customers.customer_key
    where persons.customer_key != persons.person_key

    union all

    select
        persons.as_of,
        persons.customer_key,
        'has orders beside the person that it is linked to' as finding
    from persons
    inner join {{ ref('orders') }} as orders
        on persons.as_of = orders.as_of and persons.customer_key = orders.customer_key
    where persons.customer_key != persons.person_key
),

widened as (
    select
        persons.as_of,
        persons.person_key as customer_key,
        'permits ' || consent_state.purpose || ', which one of its identifiers does not' as finding
    from persons
    inner join {{ ref('consent_state') }} as consent_state
        on persons.as_of = consent_state.as_of
        and persons.person_key = consent_state.customer_key
        and (consent_state.is_granted or consent_state.is_permitted_by_posture)
    left join {{ ref('int_consent_states') }} as states
        on persons.as_of = states.as_of
        and persons.identifier_type = states.identifier_type
        and persons.identifier = states.identifier
        and consent_state.purpose = states.purpose
    where persons.is_held
        and (states.is_granted or states.is_permitted_by_posture) is distinct from true
)

select * from unjoined
union all
select * from counted_twice
union all
select * from widened
