{#
    dbt's "now" in snapshots, replaced by the evaluation clock: what a snapshot stamps on rows that left is then an
    evaluation instant, equal on every engine and on every day the build runs.
#}
{% macro snapshot_get_time() -%}
    (select as_of from {{ ref('evaluation_clock') }})
{%- endmacro %}

{#
    Takes back what the snapshot holds of the current as_of, so that a repeated as_of, or one whose build was killed,
    gives the history of a single build. Pre-hook of a snapshot on the evaluation clock.
#}
{% macro rewind_as_of() -%}
    {%- if execute and load_relation(this) is not none -%}
        {%- set now = '(select as_of from ' ~ ref('evaluation_clock') ~ ')' -%}
        {%- do run_query('delete from ' ~ this ~ ' where dbt_valid_from = ' ~ now) -%}
        {%- do run_query('update ' ~ this ~ ' set dbt_valid_to = null where dbt_valid_to = ' ~ now) -%}
    {%- endif -%}
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
            {%- for node in graph.nodes.values() if node.name == name and node.resource_type in ('model', 'snapshot') -%}
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
