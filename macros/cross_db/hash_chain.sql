{#
    A query that chains rows by hash, in the order of their number: hash = SHA-256(hash of the row before || content).
    However many rows there are, one statement appends them all. Source: privacy.md 2.6.
    Arguments: links, a CTE with the columns number (consecutive integers), content (text) and head (the hash before the
    first number, the same in every row). Gives the columns number, previous_hash and run_hash.
#}
{% macro hash_chain(links) -%}
    {{ return(adapter.dispatch('hash_chain')(links)) }}
{%- endmacro %}

{% macro default__hash_chain(links) -%}
    with recursive chained as (
        select
            number,
            {{ byte_ordered('head') }} as previous_hash,
            {{ sha256_hex('head || content') }} as run_hash
        from {{ links }}
        where number = (select min(firsts.number) from {{ links }} as firsts)

        union all

        select
            links.number,
            chained.run_hash as previous_hash,
            {{ sha256_hex('chained.run_hash || links.content') }} as run_hash
        from chained
        inner join {{ links }} as links on links.number = chained.number + 1
    )

    select number, previous_hash, run_hash
    from chained
{%- endmacro %}

{# Spark 3.5 has no recursion; it folds the contents up to each row, which is quadratic in the rows appended at once. #}
{% macro spark__hash_chain(links) -%}
    select
        number,
        aggregate(
            transform(array_sort(collect_list(struct(number, content)) over (
                order by number rows between unbounded preceding and 1 preceding
            )), link -> link.content),
            head,
            (hash, content) -> sha2(concat(hash, content), 256)
        ) as previous_hash,
        aggregate(
            transform(array_sort(collect_list(struct(number, content)) over (
                order by number rows between unbounded preceding and current row
            )), link -> link.content),
            head,
            (hash, content) -> sha2(concat(hash, content), 256)
        ) as run_hash
    from {{ links }}
{%- endmacro %}
