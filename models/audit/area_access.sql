{%- set areas = areas() if execute else [] -%}
with areas as (
    {{ literal_rows([['area', dbt.type_string()], ['is_person_area', 'boolean']], areas) }}
),

entries as (
    {{ area_entries() }}
)

select
    areas.area,
    areas.is_person_area,
    entries.role_name,
    entries.entered_by
from areas
inner join entries on areas.area = entries.area
