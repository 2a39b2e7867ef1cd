{{ config(materialized='table') }}

-- a rate may be set ahead; without its recording it was known when its day began
with exchange_rates as (
    select
        *,
        coalesce(recorded_at, {{ start_of_local_day('rate_date') }}) as known_from
    from {{ ref('stg_generic__exchange_rates') }}
),

settings as (
    select * from {{ ref('int_settings') }}
)

select
    exchange_rates.source_system,
    {{ folded_code('exchange_rates.currency') }} as currency,
    exchange_rates.rate,
    exchange_rates.rate_date,
    exchange_rates.known_from as recorded_at,
    exchange_rates.unreadable_value,
    case
        when exchange_rates.currency is null then 'missing currency'
        when exchange_rates.unreadable_column is not null then 'unreadable ' || exchange_rates.unreadable_column
        when exchange_rates.rate_date is null then 'missing rate_date'
        when exchange_rates.rate is null then 'missing rate'
        when exchange_rates.rate <= 0 then 'rate is not positive'
        when exchange_rates.known_from > settings.ingested_at then 'recorded_at lies after the data was ingested'
    end as rejected_reason
from exchange_rates
cross join settings
