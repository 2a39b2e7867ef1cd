{{ config(materialized='table', tags=['clocked']) }}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

edges as (
    select * from {{ ref('int_identity_edges') }}
    where link_status = 'acting' and left_key != right_key
),

identifiers as (
    select
        customer_keys.*,
        named.first_recorded_at,
        named.first_held_at
    from {{ ref('customer_keys') }} as customer_keys
    inner join {{ ref('int_customer_identifiers') }} as named
        on customer_keys.identifier_type = named.identifier_type
        and customer_keys.identifier = named.identifier
),

-- each pair of identifiers once in either direction, as it was first and best linked
pairs as (
    select
        as_of,
        node,
        other,
        node_type = 'customer_id' as is_account,
        other_type = 'customer_id' as is_other_account,
        min(acts_at) as acts_at,
        min(match_class) as match_class
    from (
        {%- for side, other_side in [('left', 'right'), ('right', 'left')] %}
        select
            as_of,
            {{ side }}_key as node,
            {{ side }}_type as node_type,
            {{ other_side }}_key as other,
            {{ other_side }}_type as other_type,
            acts_at,
            match_class
        from edges
        {{ 'union all' if not loop.last }}
        {%- endfor %}
    ) as directed
    group by as_of, node, node_type, other, other_type
),

nodes as (
    select
        as_of,
        node,
        max(case when not is_account and is_other_account then 1 else 0 end) = 1 as is_held
    from pairs
    group by as_of, node
),

-- accounts are one person where they are linked with each other; so are addresses that no account is linked with
direct_pairs as (
    select pairs.*
    from pairs
    inner join nodes on pairs.as_of = nodes.as_of and pairs.node = nodes.node
    inner join nodes as others on pairs.as_of = others.as_of and pairs.other = others.node
    where pairs.is_account = pairs.is_other_account
        and not nodes.is_held
        and not others.is_held
),

{{ connected_components('nodes', 'direct_pairs') }},

-- an address follows the one person whose accounts it is linked with; a household's address joins nobody
holders as (
    select
        pairs.as_of,
        pairs.node,
        min(components.label) as label
    from pairs
    inner join components on pairs.as_of = components.as_of and pairs.other = components.node
    where not pairs.is_account and pairs.is_other_account
    group by pairs.as_of, pairs.node
    having count(distinct components.label) = 1
),

members as (
    select
        components.as_of,
        components.node,
        coalesce(holders.label, components.label) as label
    from components
    left join holders on components.as_of = holders.as_of and components.node = holders.node
),

-- since when the person stands as it is, and how weak its weakest link is
joined as (
    select
        members.as_of,
        members.label,
        max(pairs.acts_at) as merged_at,
        max(pairs.match_class) as identity_class
    from pairs
    inner join members on pairs.as_of = members.as_of and pairs.node = members.node
    inner join members as others
        on pairs.as_of = others.as_of
        and pairs.other = others.node
        and members.label = others.label
    group by members.as_of, members.label
),

-- a person goes by the account, else the address, that was known first
ranked as (
    select
        members.as_of,
        members.label,
        members.node,
        identifiers.identifier_type,
        identifiers.identifier,
        joined.merged_at,
        joined.identity_class,
        coalesce(identifiers.first_held_at <= clock.known_at, false) as is_held,
        row_number() over (
            partition by members.as_of, members.label
            order by
                case when identifiers.identifier_type = 'customer_id' then 0 else 1 end, identifiers.first_recorded_at,
                members.node
        ) as age_rank
    from members
    inner join clock on members.as_of = clock.as_of
    inner join joined on members.as_of = joined.as_of and members.label = joined.label
    inner join identifiers on members.node = identifiers.customer_key
)

select
    ranked.as_of,
    ranked.identifier_type,
    ranked.identifier,
    ranked.node as customer_key,
    first_known.identifier_type as person_type,
    first_known.identifier as person_identifier,
    first_known.node as person_key,
    ranked.is_held,
    cast(
        sum(case when ranked.is_held then 1 else 0 end) over (partition by ranked.as_of, ranked.label) as bigint
    ) as identifier_count,
    ranked.merged_at,
    ranked.identity_class
from ranked
inner join ranked as first_known
    on ranked.as_of = first_known.as_of
    and ranked.label = first_known.label
    and first_known.age_rank = 1
