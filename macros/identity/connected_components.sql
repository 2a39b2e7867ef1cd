{#
    The connected components of graphs, one per as_of, as CTEs that end in `components` (as_of, node, label): the nodes that
    pairs join, directly or by way of others, have one label, the least of their names. A fixed number of rounds, for there is no
    recursion that all engines know; six join chains of 63 pairs, and assert_persons_are_whole fails the build on a longer one.
    Arguments: nodes, CTE (as_of, node); pairs, CTE (as_of, node, other) with each pair in both directions; rounds (integer).
    Source: FastSV (Zhang, Azad, Hu: FastSV: A Distributed-Memory Connected Component Algorithm, 2020).
#}
{% macro connected_components(nodes, pairs, rounds=6) -%}
parents_0 as (
    select
        as_of,
        node,
        node as parent
    from {{ nodes }}
),
{%- for number in range(1, rounds + 1) %}
{%- set before = 'parents_' ~ (number - 1) %}

grandparents_{{ number }} as (
    select
        {{ before }}.as_of,
        {{ before }}.node,
        {{ before }}.parent,
        upper_{{ number }}.parent as grandparent
    from {{ before }}
    inner join {{ before }} as upper_{{ number }}
        on {{ before }}.as_of = upper_{{ number }}.as_of
        and {{ before }}.parent = upper_{{ number }}.node
),

neighbours_{{ number }} as (
    select
        {{ pairs }}.as_of,
        {{ pairs }}.node,
        min(grandparents_{{ number }}.grandparent) as parent
    from {{ pairs }}
    inner join grandparents_{{ number }}
        on {{ pairs }}.as_of = grandparents_{{ number }}.as_of
        and {{ pairs }}.other = grandparents_{{ number }}.node
    group by {{ pairs }}.as_of, {{ pairs }}.node
),

parents_{{ number }} as (
    select
        as_of,
        node,
        min(parent) as parent
    from (
        select as_of, node, grandparent as parent from grandparents_{{ number }}
        union all
        select as_of, node, parent from neighbours_{{ number }}
        union all
        select
            grandparents_{{ number }}.as_of,
            grandparents_{{ number }}.parent as node,
            neighbours_{{ number }}.parent
        from grandparents_{{ number }}
        inner join neighbours_{{ number }}
            on grandparents_{{ number }}.as_of = neighbours_{{ number }}.as_of
            and grandparents_{{ number }}.node = neighbours_{{ number }}.node
    ) as candidates_{{ number }}
    group by as_of, node
),
{%- endfor %}

components as (
    select
        as_of,
        node,
        parent as label
    from parents_{{ rounds }}
)
{%- endmacro %}
