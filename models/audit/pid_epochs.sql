with salts as (
    select * from {{ pid_salts() }}
)

select
    epoch,
    valid_from,
    valid_to,
    rotated_at,
    rotated_by,
    destroyed_at
from salts
