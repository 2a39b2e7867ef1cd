{%- set reliable_from = 10000 -%}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

fitted as (
    select * from {{ ref('stg_generic__prediction_models') }}
),

-- full: what scores; holdout: fitted on what was there 90 days before its version, to be compared with what came
samples as (
    select
        as_of,
        'full' as sample,
        {{ local_date('as_of') }} as ends_on
    from clock

    union all

    select
        as_of,
        'holdout' as sample,
        {{ date_plus_days(local_date('as_of'), -90) }} as ends_on
    from clock
),

versions as (
    select
        samples.as_of,
        fitted.model_version,
        row_number() over (partition by samples.as_of order by fitted.valid_from desc, fitted.model_version desc) as place
    from samples
    inner join fitted on samples.as_of >= fitted.valid_from
    where samples.sample = 'full' and fitted.sample = 'full'
)

select
    samples.as_of,
    samples.sample,
    samples.ends_on,
    versions.model_version,
    fitted.valid_from,
    fitted.fitted_as_of,
    fitted.n_buyers,
    fitted.n_repeaters,
    fitted.n_repeat_orders,
    fitted.r,
    fitted.alpha_weeks,
    fitted.a,
    fitted.b,
    fitted.log_likelihood,
    fitted.iterations,
    fitted.n_value_customers,
    fitted.p,
    fitted.q,
    fitted.v,
    fitted.value_log_likelihood,
    fitted.value_iterations,
    fitted.is_converged,
    fitted.at_bound,
    fitted.is_dropout_identified,
    coalesce(fitted.is_converged and fitted.at_bound is null and fitted.n_buyers >= {{ reliable_from }}, false) as is_reliable,
    case
        when versions.model_version is null then 'No parameters are in force: run segmentation fit.'
        when fitted.r is null then 'Too few customers 90 days before the fit: nothing to compare with.'
        when not fitted.is_converged then 'The fit did not converge: do not rely on these numbers.'
        when not fitted.is_dropout_identified
            then 'The data do not show who left: p_alive says nothing here, use churn_risk_90d as a ranking.'
        when fitted.at_bound is not null then 'A parameter stopped at its bound: use the numbers as a ranking only.'
        when fitted.n_buyers < {{ reliable_from }}
            then 'Fitted on fewer than {{ reliable_from }} customers: parameters are unstable, use the numbers as a ranking.'
    end as note,
    fitted.inputs_sha256
from samples
left join versions
    on samples.as_of = versions.as_of
    and versions.place = 1
left join fitted
    on versions.model_version = fitted.model_version
    and samples.sample = fitted.sample
