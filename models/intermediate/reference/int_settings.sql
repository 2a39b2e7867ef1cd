{{ config(materialized='table') }}

with written_currencies as (
    select distinct currency
    from {{ ref('stg_generic__orders') }}
    where currency is not null
),

currencies as (
    select
        count(distinct {{ folded_code('currency') }}) as n_currencies,
        min({{ folded_code('currency') }}) as only_currency
    from written_currencies
),

settings as (
    select
        n_currencies,
        only_currency,
        {{ instant_setting('INGESTED_AT') }} as ingested_at,
        {{ reporting_currency() }} as currency_setting
    from currencies
),

checked as (
    select
        ingested_at,
        -- XXX is ISO 4217's code for "no currency": orders that never name one
        coalesce(currency_setting, only_currency, 'XXX') as reporting_currency,
        {{ raise_if(
            'currency_setting is null and n_currencies > 1',
            "'orders are in several currencies: set REPORTING_CURRENCY to the one to report in'"
        ) }} as is_decided
    from settings
)

select
    ingested_at,
    cast(reporting_currency as {{ dbt.type_string() }}) as reporting_currency
from checked
where is_decided
