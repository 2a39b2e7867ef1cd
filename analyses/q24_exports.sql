-- Is anything identifying in what was exported?
-- One row per file that `segmentation export` wrote, the newest first: k, how many numbers of persons and cells were withheld,
-- how many texts were quoted because a spreadsheet would run them, and whether the file holds keys of persons (expected: no).
-- Then one row per audience of the newest evaluation: those hold a row per person, under keys of their receiver's own
-- (key_epoch), never under ours. Last, what no record answers.
with exports as (
    select * from {{ source('lifecycle', 'export_log') }}
),

audiences as (
    select * from {{ ref('audiences') }}
),

members as (
    select
        as_of,
        audience_id,
        count(*) as n_members
    from {{ ref('audience_memberships') }}
    group by as_of, audience_id
),

answered as (
    select
        1 as place,
        'export' as what,
        export_number as number,
        exported_relation as subject,
        as_of,
        exported_at,
        executor,
        n_key_columns > 0 as holds_persons,
        cast(null as {{ dbt.type_string() }}) as keys_of,
        cast(null as integer) as key_epoch,
        k,
        n_rows,
        n_few,
        n_complementary,
        n_cells_withheld,
        n_cells_escaped,
        is_formula_safe,
        file_sha256,
        head_hash
    from exports

    union all

    select
        2 as place,
        'audience' as what,
        cast(null as bigint) as number,
        audiences.audience_id as subject,
        audiences.as_of,
        cast(null as {{ dbt.type_timestamp() }}) as exported_at,
        cast(null as {{ dbt.type_string() }}) as executor,
        true as holds_persons,
        audiences.key_domain as keys_of,
        audiences.key_epoch,
        cast(null as integer) as k,
        cast(coalesce(members.n_members, 0) as bigint) as n_rows,
        cast(null as bigint) as n_few,
        cast(null as bigint) as n_complementary,
        cast(null as bigint) as n_cells_withheld,
        cast(null as bigint) as n_cells_escaped,
        cast(null as boolean) as is_formula_safe,
        cast(null as {{ dbt.type_string() }}) as file_sha256,
        cast(null as {{ dbt.type_string() }}) as head_hash
    from audiences
    left join members
        on audiences.as_of = members.as_of
        and audiences.audience_id = members.audience_id

    union all

    select
        3 as place,
        'not on record' as what,
        cast(null as bigint) as number,
        'exports by a version without this log; answers and queries saved as files; what receivers fetched' as subject,
        cast(null as {{ dbt.type_timestamp() }}) as as_of,
        cast(null as {{ dbt.type_timestamp() }}) as exported_at,
        cast(null as {{ dbt.type_string() }}) as executor,
        cast(null as boolean) as holds_persons,
        cast(null as {{ dbt.type_string() }}) as keys_of,
        cast(null as integer) as key_epoch,
        cast(null as integer) as k,
        cast(null as bigint) as n_rows,
        cast(null as bigint) as n_few,
        cast(null as bigint) as n_complementary,
        cast(null as bigint) as n_cells_withheld,
        cast(null as bigint) as n_cells_escaped,
        cast(null as boolean) as is_formula_safe,
        cast(null as {{ dbt.type_string() }}) as file_sha256,
        cast(null as {{ dbt.type_string() }}) as head_hash
)

select
    what,
    number,
    subject,
    as_of,
    exported_at,
    executor,
    holds_persons,
    keys_of,
    key_epoch,
    k,
    n_rows,
    n_few,
    n_complementary,
    n_cells_withheld,
    n_cells_escaped,
    is_formula_safe,
    file_sha256,
    head_hash
from answered
order by place asc, number desc, subject asc
