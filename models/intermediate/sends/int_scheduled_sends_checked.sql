{{ config(materialized='table') }}

with received as (
    select * from {{ ref('stg_generic__scheduled_sends') }}
),

-- raw rows of somebody erased come without their content
scheduled_sends as (
    {{ without_erased('received', 'scheduled_sends') }}
),

settings as (
    select * from {{ ref('int_settings') }}
)

select
    scheduled_sends.source_system,
    scheduled_sends.send_id,
    scheduled_sends.customer_id,
    {{ normalised_email('scheduled_sends.email') }} as email,
    scheduled_sends.channel,
    scheduled_sends.campaign_id,
    scheduled_sends.segment_id,
    scheduled_sends.scheduled_at,
    -- a plan without its recording says nothing about when it was known: it counts as always known
    coalesce(scheduled_sends.recorded_at, cast('1900-01-01 00:00:00' as {{ dbt.type_timestamp() }})) as recorded_at,
    scheduled_sends.unreadable_value,
    case
        when scheduled_sends.is_erased then {{ erased_reason() }}
        when scheduled_sends.send_id is null then 'missing send_id'
        when scheduled_sends.unreadable_column is not null then 'unreadable ' || scheduled_sends.unreadable_column
        when scheduled_sends.channel is null then 'missing channel'
        when scheduled_sends.scheduled_at is null then 'missing scheduled_at'
        -- a send is planned ahead: only its recording can lie in the future
        when scheduled_sends.recorded_at > settings.ingested_at then 'recorded_at lies after the data was ingested'
    end as rejected_reason
from scheduled_sends
cross join settings
