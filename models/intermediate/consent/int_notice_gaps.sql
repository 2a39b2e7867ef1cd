{{ config(materialized='table', tags=['clocked']) }}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

-- whatever rows say of a version, it asks from its publication on for what all of them name
notices as (
    select
        clock.as_of,
        notices.consent_version,
        notices.recorded_at,
        notices.published_at,
        notices.is_material_change,
        ';' || replace(replace({{ folded_word('notices.purposes') }}, ' ', ''), ',', ';') || ';' as purpose_list
    from {{ ref('int_notices') }} as notices
    inner join clock on notices.published_at <= clock.known_at
),

purposes as (
    select * from {{ ref('purposes') }}
),

evaluated_purposes as (
    select purpose from purposes
    where is_evaluated
),

-- the ways in which a notice can name a purpose, the longest of them the most exact
names as (
    select
        evaluated_purposes.purpose,
        purposes.purpose as name
    from evaluated_purposes
    inner join purposes on {{ is_same_or_below('evaluated_purposes.purpose', 'purposes.purpose') }}

    union all

    select
        purpose,
        '*' as name
    from evaluated_purposes
),

-- how exactly each row names each purpose: 0 not at all, null when it lists no purposes
named as (
    select
        notices.as_of,
        notices.consent_version,
        notices.recorded_at,
        names.purpose,
        min(notices.published_at) as published_at,
        max(case when notices.is_material_change then 1 else 0 end) as is_material_change,
        max(
            case when {{ dbt.position("';' || names.name || ';'", 'notices.purpose_list') }} > 0 then length(names.name)
                when notices.purpose_list is not null then 0 end
        ) as exactness
    from notices
    cross join names
    group by notices.as_of, notices.consent_version, notices.recorded_at, names.purpose
),

versions as (
    select
        as_of,
        consent_version,
        purpose,
        min(published_at) as published_at,
        min(exactness) as exactness,
        max(is_material_change) as is_material_change
    from named
    group by as_of, consent_version, purpose
),

-- a later notice that changes something of weight and names the purpose more exactly asks about it anew
asked_anew as (
    select
        versions.as_of,
        versions.consent_version,
        versions.purpose,
        versions.exactness,
        min(case when later.exactness > versions.exactness then later.published_at end) as asked_anew_at
    from versions
    left join versions as later
        on versions.as_of = later.as_of
        and versions.purpose = later.purpose
        and versions.published_at < later.published_at
        and later.is_material_change = 1
    group by versions.as_of, versions.consent_version, versions.purpose, versions.exactness
)

select
    as_of,
    consent_version,
    purpose,
    case
        when exactness = 0 then cast('1900-01-01 00:00:00' as {{ dbt.type_timestamp() }})
        else asked_anew_at
    end as uncovered_from
from asked_anew
where exactness = 0 or asked_anew_at is not null
