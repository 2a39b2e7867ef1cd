-- Can an analyst find out whom a pseudonym stands for?
-- One row per area and role that could enter it at the last build (expected: nobody but the builder where is_way_back), per
-- epoch of the pid (as long as its salt is in the vault, whoever enters the vault can compute them), and per column that holds
-- pseudonyms. Then the check that every pid which readers see is a hash (n_values counts the others, expected: 0), and what no
-- record answers.
with entries as (
    select * from {{ ref('area_access') }}
),

-- a purge since the last build may have destroyed a salt
epochs as (
    select
        epochs.epoch,
        epochs.valid_from,
        epochs.valid_to,
        coalesce(deletions.acted_at, epochs.destroyed_at) as destroyed_at,
        coalesce(deletions.acted_at, epochs.destroyed_at, epochs.rotated_at) as acted_at,
        coalesce(deletions.executor, epochs.rotated_by) as acted_by
    from {{ ref('pid_epochs') }} as epochs
    left join {{ source('lifecycle', 'deletion_log') }} as deletions
        on epochs.valid_to = deletions.effective_at
        and deletions.reason = 'salt_retention'
),

pseudonyms as (
    select * from {{ ref('pseudonyms') }}
),

visitors as (
    select * from {{ ref('anonymous_visitors') }}
),

bridges as (
    select * from {{ ref('pid_bridge') }}
),

visitors_by_epoch as (
    select
        epochs.epoch,
        count(visitors.pid) as n_pids
    from epochs
    left join visitors
        on epochs.valid_from <= visitors.as_of
        and coalesce(epochs.valid_to, cast('9999-12-31 00:00:00' as {{ dbt.type_timestamp() }})) > visitors.as_of
    group by epochs.epoch
),

shown as (
    select pid from visitors

    union

    select old_pid as pid from bridges

    union

    select new_pid as pid from bridges
),

no_hashes as (
    select count(*) as n_pids from shown
    where length(pid) != 64 or translate(pid, '0123456789abcdef', '') != ''
),

answered as (
    select
        1 as place,
        'may enter' as what,
        area as subject,
        case when is_person_area then 'person data or keys' else 'pseudonyms at most' end as holds,
        is_person_area as is_way_back,
        entered_by as because,
        role_name as who,
        cast(null as {{ dbt.type_timestamp() }}) as valid_from,
        cast(null as {{ dbt.type_timestamp() }}) as valid_to,
        cast(null as {{ dbt.type_timestamp() }}) as acted_at,
        cast(null as bigint) as n_values
    from entries

    union all

    select
        2 as place,
        'epoch' as what,
        cast(epochs.epoch as {{ dbt.type_string() }}) as subject,
        'pids of the visitors of the newest evaluation' as holds,
        epochs.destroyed_at is null as is_way_back,
        case when epochs.destroyed_at is null then 'salt in the vault' else 'salt destroyed' end as because,
        epochs.acted_by as who,
        epochs.valid_from,
        epochs.valid_to,
        epochs.acted_at,
        cast(visitors_by_epoch.n_pids as bigint) as n_values
    from epochs
    inner join visitors_by_epoch on epochs.epoch = visitors_by_epoch.epoch

    union all

    select
        3 as place,
        'pseudonym' as what,
        column_name as subject,
        stands_for || ', the same within ' || is_same_within || '; ended by ' || ended_by as holds,
        true as is_way_back,
        'restricted relation ' || resolved_by as because,
        cast(null as {{ dbt.type_string() }}) as who,
        cast(null as {{ dbt.type_timestamp() }}) as valid_from,
        cast(null as {{ dbt.type_timestamp() }}) as valid_to,
        cast(null as {{ dbt.type_timestamp() }}) as acted_at,
        cast(n_relations as bigint) as n_values
    from pseudonyms

    union all

    select
        4 as place,
        'check' as what,
        'pid' as subject,
        'values that are no hash' as holds,
        n_pids > 0 as is_way_back,
        cast(null as {{ dbt.type_string() }}) as because,
        cast(null as {{ dbt.type_string() }}) as who,
        cast(null as {{ dbt.type_timestamp() }}) as valid_from,
        cast(null as {{ dbt.type_timestamp() }}) as valid_to,
        cast(null as {{ dbt.type_timestamp() }}) as acted_at,
        cast(n_pids as bigint) as n_values
    from no_hashes

    union all

    select
        5 as place,
        'not on record' as what,
        'who did read the restricted area' as subject,
        'log of the server, or of the operating system' as holds,
        cast(null as boolean) as is_way_back,
        'no engine tells it in SQL' as because,
        cast(null as {{ dbt.type_string() }}) as who,
        cast(null as {{ dbt.type_timestamp() }}) as valid_from,
        cast(null as {{ dbt.type_timestamp() }}) as valid_to,
        cast(null as {{ dbt.type_timestamp() }}) as acted_at,
        cast(null as bigint) as n_values
)

select
    what,
    subject,
    holds,
    is_way_back,
    because,
    who,
    valid_from,
    valid_to,
    acted_at,
    n_values
from answered
order by place asc, subject asc, who asc
