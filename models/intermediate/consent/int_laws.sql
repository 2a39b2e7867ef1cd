{{ config(materialized='view') }}

with jurisdictions as (
    select
        *,
        min(valid_from) over (partition by jurisdiction) as listed_from
    from {{ ref('jurisdictions') }}
)

select
    jurisdiction as place,
    valid_from,
    valid_to,
    jurisdiction,
    regime,
    posture,
    coalesce(allows_soft_opt_in, false) as allows_soft_opt_in
from jurisdictions

union all

-- before a part of a country was listed, it was under its country's law
select
    parts.jurisdiction as place,
    countries.valid_from,
    {{ least_of(['countries.valid_to', 'parts.listed_from']) }} as valid_to,
    countries.jurisdiction,
    countries.regime,
    countries.posture,
    coalesce(countries.allows_soft_opt_in, false) as allows_soft_opt_in
from jurisdictions as parts
inner join jurisdictions as countries
    on substr(parts.jurisdiction, 1, 2) = countries.jurisdiction
    and parts.jurisdiction != countries.jurisdiction
    and parts.listed_from > countries.valid_from
where parts.valid_from = parts.listed_from
