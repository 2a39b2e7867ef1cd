{#
    dbt's "now" in snapshots, replaced by the evaluation clock: what a snapshot stamps on rows that left is then an
    evaluation instant, equal on every engine and on every day the build runs.
#}
{% macro snapshot_get_time() -%}
    (select as_of from {{ ref('evaluation_clock') }})
{%- endmacro %}

{#
    Takes back what a snapshot holds of the current as_of and of evaluations that were started after the previous one on
    record and never completed. So a repeated as_of, or a build after a killed one, gives the history of single builds.
    Pre-hook of a snapshot that names run_started in a depends_on hint.
    Argument: step, `rows` or `ends`: one statement each, both in the transaction of the snapshot.
#}
{% macro rewind_as_of(step) -%}
    {%- if execute and load_relation(this) is not none -%}
        {%- set started -%}
            (
                select started.as_of
                from {{ ref('run_started') }} as started
                where started.as_of > (
                    select coalesce(max(clock.previous_as_of), cast('0001-01-01 00:00:00' as {{ dbt.type_timestamp() }}))
                    from {{ ref('evaluation_clock') }} as clock
                )
            )
        {%- endset -%}
        {%- if step == 'rows' -%}
            delete from {{ this }} where dbt_valid_from in {{ started }}
        {%- else -%}
            update {{ this }} set dbt_valid_to = null where dbt_valid_to in {{ started }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#
    Takes back what a table kept per as_of holds of the as_ofs that are evaluated now, so that a repeated as_of replaces
    its rows. Pre-hook of an appending model, in its transaction.
    Arguments: is_history. False: the table holds what the next evaluation is compared with, so everything goes but the
    rows of the previous evaluation. column: where the table has its as_of.
#}
{% macro rewind_rows(is_history=true, column='as_of') -%}
    {%- if execute and is_incremental() -%}
        delete from {{ this }}
        where {{ column }} in (select clock.as_of from {{ ref('evaluation_clock') }} as clock)
        {%- if not is_history %}
            or {{ column }} not in (
                select clock.previous_as_of from {{ ref('evaluation_clock') }} as clock
                where clock.previous_as_of is not null
            )
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#
    The table in which something is on record, whatever schemas this build writes to (a replay has schemas of its own).
    Looked up at run time, like the guard does: a reference would be a circle.
    Argument: name of a model or snapshot. Returns the relation, or none while there is none.
#}
{% macro recorded_relation(name) -%}
    {%- set found = [] -%}
    {%- if execute -%}
        {%- set prefix = env_var('SEGMENTS_SCHEMA_PREFIX', '') -%}
        {%- for node in project_nodes([name]) -%}
            {%- do found.append(adapter.get_relation(node.database, node.schema[prefix | length:], node.alias)) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found[0] if found else none) }}
{%- endmacro %}

{#
    The evaluations on record as a query: as_of, and known_at of the newest attempt. An evaluation is on record once
    audit.segment_evaluations has its rows: members, what they are compared with, and the snapshot were written before.
#}
{% macro completed_evaluations() -%}
    {%- set recorded = recorded_relation('segment_evaluations') -%}
    {%- if recorded is not none -%}
        select
            as_of,
            max(known_at) as known_at
        from (
            select
                as_of,
                known_at,
                rank() over (partition by as_of order by attempt desc) as newness
            from {{ recorded }}
        ) as attempts
        where newness = 1
        group by as_of
    {%- else -%}
        select
            cast(null as {{ dbt.type_timestamp() }}) as as_of,
            cast(null as {{ dbt.type_timestamp() }}) as known_at
        where 1 = 0
    {%- endif -%}
{%- endmacro %}

{#
    How many persons each evaluation on record measured, as a query: as_of and n_everybody, what segment_metrics says of (all).
    segment_metrics rests on it, so it is looked up like the evaluations.
#}
{% macro recorded_populations() -%}
    {%- set recorded = recorded_relation('segment_metrics') -%}
    {%- if recorded is not none -%}
        select
            as_of,
            n_members as n_everybody
        from {{ recorded }}
        where segment_id = '(all)' and breakdown = 'total'
    {%- else -%}
        select
            cast(null as {{ dbt.type_timestamp() }}) as as_of,
            cast(null as bigint) as n_everybody
        where 1 = 0
    {%- endif -%}
{%- endmacro %}

{#
    The intervals of membership on record: the snapshot. A replay, in which snapshots are not run, reads those of the
    record, or an empty shape while there are none.
#}
{% macro recorded_intervals() -%}
    {%- if not is_replay() -%}{{ return(ref('segment_membership')) }}{%- endif -%}
    {%- set recorded = recorded_relation('segment_membership') -%}
    {{ return(recorded or '(select *, as_of as dbt_valid_from, as_of as dbt_valid_to from ' ~ ref('segment_members') ~ ' where false) as empty_shape') }}
{%- endmacro %}

{#
    Refuses an as_of older than the newest one on record: dbt would accept it and corrupt the history silently.
    A replay writes no history and may go back. Pre-hook of evaluation_clock, on which every mart depends, so a refused date changes no mart, snapshot or audit row.
    Compares with the runs, with the runs that were started, and with the bounds of the snapshot itself.
#}
{% macro refuse_older_as_of() -%}
    {%- if execute and not is_replay() -%}
        {%- set recorded = [] -%}
        {%- for name, column in [
            ('segment_runs', 'as_of'), ('run_started', 'as_of'),
            ('segment_membership', 'dbt_valid_from'), ('segment_membership', 'dbt_valid_to')
        ] -%}
            {%- for node in project_nodes([name]) -%}
                {%- set relation = adapter.get_relation(node.database, node.schema, node.alias) -%}
                {%- if relation is not none -%}
                    {%- do recorded.append('select max(' ~ column ~ ') as as_of from ' ~ relation) -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- if recorded -%}
            {%- set found = run_query(
                'select cast(asked.as_of as ' ~ dbt.type_string() ~ ') as asked, cast(max(recorded.as_of) as ' ~ dbt.type_string()
                ~ ') as newest from (' ~ model.compiled_code ~ ') as asked cross join (' ~ recorded | join(' union all ')
                ~ ') as recorded group by asked.as_of having asked.as_of < max(recorded.as_of)'
            ) -%}
            {%- if found.rows -%}
                {{ exceptions.raise_compiler_error(
                    'AS_OF ' ~ found.rows[0][0] ~ ' is older than the newest recorded evaluation ' ~ found.rows[0][1]
                    ~ ': history only grows. Ask the recorded history for past dates, or build elsewhere with another SEGMENTS_HOME.'
                ) }}
            {%- endif -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
