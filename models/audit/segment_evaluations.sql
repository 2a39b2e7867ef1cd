{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail', full_refresh=false) }}

-- depends_on: {{ ref('segment_membership') }}
-- depends_on: {{ ref('segment_specs') }}
-- depends_on: {{ ref('products_as_held') }}
-- depends_on: {{ ref('notices_as_held') }}
with evaluated as (
    select * from {{ ref('segment_partitions') }}
)
{%- if is_incremental() %},

recorded as (
    select * from {{ this }}
    where as_of in (select evaluated.as_of from evaluated)
),

newest as (
    select *
    from recorded
    where attempt = (select max(attempts.attempt) from recorded as attempts)
),

asked as (
    select count(*) as n_evaluated from evaluated
),

held as (
    select
        count(*) as n_recorded,
        max(attempt) as last_attempt
    from newest
),

equal as (
    select count(*) as n_equal
    from evaluated
    inner join newest
        on evaluated.segment_id = newest.segment_id
        and evaluated.spec_version = newest.spec_version
        and evaluated.known_at = newest.known_at
        and evaluated.n_population = newest.n_population
        and evaluated.n_not_permitted = newest.n_not_permitted
        and evaluated.n_members = newest.n_members
        and evaluated.partition_hash = newest.partition_hash
),

-- a repeated as_of with equal results adds nothing; with any difference it becomes the next attempt
compared as (
    select
        asked.n_evaluated,
        held.n_recorded,
        held.last_attempt,
        equal.n_equal
    from asked
    cross join held
    cross join equal
)
{%- endif %}

select
    evaluated.as_of,
    evaluated.segment_id,
    {% if is_incremental() %}coalesce(compared.last_attempt, 0) + 1{% else %}1{% endif %} as attempt,
    evaluated.known_at,
    evaluated.spec_version,
    evaluated.n_population,
    evaluated.n_restricted,
    evaluated.n_objected,
    evaluated.n_age_gate,
    evaluated.n_consent_withdrawn,
    evaluated.n_consent_denied,
    evaluated.n_consent_unknown,
    evaluated.n_not_permitted,
    evaluated.n_members,
    evaluated.partition_hash
from evaluated
{%- if is_incremental() %}
cross join compared
where compared.n_evaluated != compared.n_equal or compared.n_recorded != compared.n_equal
{%- endif %}
