{#
    The rows of a checked fact whose key occurs more than once, each with its class:
      duplicate  an exact copy of another row, counted once
      revision   an older version of its key, in force from its recorded_at to superseded_at
      accepted   the newest version of its key
      rejected   a version that contradicts the first one in a column that may not change
    At equal recorded_at the row with the larger hash is the newer (DESIGN 3): any fixed choice would do, row order would not.
    A lasting version (a choice that restricts) ends only by a version that names the same person, and at equal recorded_at is
    the newer; of several at one instant that cannot be told apart later on the newest lasts.
    Only repeated keys are sorted and hashed; in a healthy source they are few, and the rest pays one grouping.
    Arguments: relation (a checked model), key (list of columns), columns (list: the whole row), fixed (a column whose
    value may not change between versions, or none), lasting (a column that marks lasting versions, `whose`: the person a version
    names, `told_by`: what tells two of one instant apart later on; or none).
#}
{% macro repeated_rows(relation, key, columns, fixed=none, lasting=none) %}
{%- set keys = key | join(', ') -%}
{%- set order = 'recorded_at, ' ~ (lasting.column ~ ', ' if lasting else '') ~ 'row_hash' -%}
with checked as (
    select * from {{ relation }}
    where rejected_reason is null
),

-- read by itself: DuckDB would keep what two read in memory, and these are all rows
repeated_keys as (
    select {{ keys }}
    from {{ relation }}
    where rejected_reason is null
    group by {{ keys }}
    having count(*) > 1
),

repeated as (
    select
        checked.*,
        {{ sha256_hex(canonical_row(columns)) }} as row_hash
    from checked
    inner join repeated_keys using ({{ keys }})
),

numbered as (
    select
        *,
        row_number() over (partition by {{ keys }}, row_hash order by recorded_at) as copy_number
        {%- if fixed %},
        first_value({{ fixed }}) over (partition by {{ keys }} order by {{ order }}) as fixed_value
        {%- endif %}
    from repeated
),

versions as (
    select
        *,
        {%- if lasting %}
        case
            when {{ lasting.column }} then coalesce(
                lead(recorded_at) over (partition by {{ keys }}, recorded_at, {{ lasting.told_by }} order by {{ order }}),
                lead(recorded_at) over (partition by {{ keys }}, {{ lasting.whose }} order by {{ order }})
            )
            else lead(recorded_at) over (partition by {{ keys }} order by {{ order }})
        end as superseded_at
        {%- else %}
        lead(recorded_at) over (partition by {{ keys }} order by {{ order }}) as superseded_at
        {%- endif %}
    from numbered
    where copy_number = 1{% if fixed %} and {{ fixed }} = fixed_value{% endif %}
),

classified as (
    select
        source_system,
        {{ columns | join(',\n        ') }},
        row_hash,
        superseded_at,
        case when superseded_at is null then 'accepted' else 'revision' end as row_class
    from versions

    union all

    select
        source_system,
        {{ columns | join(',\n        ') }},
        row_hash,
        cast(null as {{ dbt.type_timestamp() }}) as superseded_at,
        {% if fixed %}case when {{ fixed }} != fixed_value then 'rejected' else 'duplicate' end{% else %}'duplicate'{% endif %} as row_class
    from numbered
    where copy_number > 1{% if fixed %} or {{ fixed }} != fixed_value{% endif %}
)

select * from classified
{% endmacro %}
