with source as (
    select * from {{ raw('prediction_models') }}
),

renamed as (
    select
        -- strings
        sample,
        nullif(at_bound, '') as at_bound,
        inputs_sha256,

        -- numbers
        cast(model_version as integer) as model_version,
        cast(n_buyers as bigint) as n_buyers,
        cast(n_repeaters as bigint) as n_repeaters,
        cast(n_repeat_orders as bigint) as n_repeat_orders,
        cast(r as {{ double() }}) as r,
        cast(alpha_weeks as {{ double() }}) as alpha_weeks,
        cast(a as {{ double() }}) as a,
        cast(b as {{ double() }}) as b,
        cast(log_likelihood as {{ double() }}) as log_likelihood,
        cast(iterations as integer) as iterations,
        cast(n_value_customers as bigint) as n_value_customers,
        cast(p as {{ double() }}) as p,
        cast(q as {{ double() }}) as q,
        cast(v as {{ double() }}) as v,
        cast(value_log_likelihood as {{ double() }}) as value_log_likelihood,
        cast(value_iterations as integer) as value_iterations,

        -- booleans
        cast(is_converged as boolean) as is_converged,
        cast(is_dropout_identified as boolean) as is_dropout_identified,

        -- dates and times
        cast(valid_from as {{ dbt.type_timestamp() }}) as valid_from,
        cast(fitted_as_of as {{ dbt.type_timestamp() }}) as fitted_as_of
    from source
)

select * from renamed
