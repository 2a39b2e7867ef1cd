with in_macro as (
    {%- for purpose in known_purposes() %}
    select {{ text_literal(purpose) }} as purpose
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

in_seed as (
    select purpose from {{ ref('purposes') }}
    where is_evaluated
)

select
    in_macro.purpose as purpose_in_macro,
    in_seed.purpose as purpose_in_seed
from in_macro
full join in_seed on in_macro.purpose = in_seed.purpose
where in_macro.purpose is null or in_seed.purpose is null
