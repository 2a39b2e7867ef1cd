{#
    Fails for every interval that ends before or when it begins, and for every one that its successor overlaps.
    Intervals are half-open; an open end is null, and only the newest interval of a key may be open.
    Arguments: key (list of columns), valid_from, valid_to (column names).
#}
{% test no_overlap(model, key, valid_from, valid_to) %}
with intervals as (
    select
        {{ key | join(',\n        ') }},
        {{ valid_from }} as valid_from,
        {{ valid_to }} as valid_to,
        lead({{ valid_from }}) over (partition by {{ key | join(', ') }} order by {{ valid_from }}) as next_valid_from
    from {{ model }}
)

select *
from intervals
where valid_to <= valid_from
    or next_valid_from < valid_to
    or (valid_to is null and next_valid_from is not null)
{% endtest %}
