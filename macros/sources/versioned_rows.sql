{#
    The accepted rows of a fact, one per key and version, each in force from recorded_at to superseded_at (null: still).
    Keys that occur once come straight from the checked rows; only repeated keys take the classified path.
    Arguments: checked, repeated: the two relations of the fact; key, columns as in fact_columns().
#}
{% macro versioned_rows(checked, repeated, key, columns, fixed=none) %}
with checked as (
    select * from {{ checked }}
),

repeated as (
    select * from {{ repeated }}
),

repeated_keys as (
    select distinct {{ key | join(', ') }}
    from repeated
),

-- a left join and a null test: `not exists` makes DuckDB hash every key twice. Neither rejected nor repeated in one condition: it
-- takes each for one that a fifth of the rows meet, and would keep these in memory rather than what they are joined with
single as (
    select checked.*
    from checked
    left join repeated_keys
        on {% for column in key %}checked.{{ column }} = repeated_keys.{{ column }}{{ ' and ' if not loop.last }}{% endfor %}
    where coalesce(checked.rejected_reason, repeated_keys.{{ key[0] }}) is null
)

select
    source_system,
    {{ columns | join(',\n    ') }},
    cast(null as {{ dbt.type_timestamp() }}) as superseded_at
from single

union all

select
    source_system,
    {{ columns | join(',\n    ') }},
    superseded_at
from repeated
where row_class = 'accepted'
    -- of two versions recorded at one instant the older was never in force
    or (row_class = 'revision' and superseded_at > recorded_at)
{% endmacro %}
