{{ config(materialized='table', tags=['clocked']) }}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

periods as (
    select * from {{ ref('int_device_periods') }}
    where purpose = 'identity.cross_device_linking'
),

salts as (
    select * from {{ pid_salts() }}
),

-- the consent must have held at the rotation itself: one given later says nothing of the epoch before
bridged as (
    select
        periods.as_of,
        periods.anonymous_id,
        fresh.epoch,
        fresh.valid_from as epoch_starts_at,
        {{ pid("'anonymous_id'", 'periods.anonymous_id', 'former') }} as old_pid,
        {{ pid("'anonymous_id'", 'periods.anonymous_id', 'fresh') }} as new_pid,
        periods.consent_event_id,
        greatest(fresh.valid_from, periods.acts_at) as valid_from,
        periods.closed_at as valid_to
    from periods
    inner join clock on periods.as_of = clock.as_of
    inner join salts as fresh
        on clock.as_of >= fresh.valid_from
        and {{ is_in_interval('fresh.valid_from', 'periods.permitted_from', 'periods.permitted_to') }}
    inner join salts as former on fresh.epoch = former.epoch + 1
)

select
    as_of,
    anonymous_id,
    epoch,
    epoch_starts_at,
    old_pid,
    new_pid,
    consent_event_id,
    valid_from,
    valid_to
from bridged
-- without its salt a pseudonym is gone; a consent taken back before it was recorded bridged nothing
where old_pid is not null
    and (valid_to is null or valid_to > valid_from)
