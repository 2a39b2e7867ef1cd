-- an instant lies in exactly one epoch when each begins where the one before ends, and the last one has no end
with epochs as (
    select
        *,
        row_number() over (order by epoch) as place,
        lag(valid_to) over (order by epoch) as former_valid_to,
        lead(epoch) over (order by epoch) as next_epoch
    from {{ pid_salts() }}
)

select
    epoch,
    valid_from,
    valid_to
from epochs
where epoch != place
    or valid_from is distinct from coalesce(former_valid_to, cast('1900-01-01 00:00:00' as {{ dbt.type_timestamp() }}))
    or coalesce(valid_to <= valid_from, false)
    or (valid_to is null) != (next_epoch is null)
    -- a salt is whole, or destroyed once its epoch is over
    or (inner_block is null) != (destroyed_at is not null)
    or (outer_block is null) != (destroyed_at is not null)
    or (destroyed_at is not null and valid_to is null)

union all

select
    0 as epoch,
    cast(null as {{ dbt.type_timestamp() }}) as valid_from,
    cast(null as {{ dbt.type_timestamp() }}) as valid_to
where not exists (select 1 from epochs)
