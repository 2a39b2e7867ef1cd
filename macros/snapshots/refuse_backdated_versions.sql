{#
    Stops a build whose specs say that a recorded date was under another version than the one on record, or under a segment
    that was not there: a version takes effect after the newest evaluation, else a replay could not repeat what was recorded
    (privacy.md C49). The first version of a new segment may reach back to a date that this build evaluates again. A replay
    writes no history and finds such a difference itself. Pre-hook of evaluation_clock: nothing is evaluated before.
#}
{% macro refuse_backdated_versions() -%}
    {%- if execute and not is_replay() -%}
        {%- for node in project_nodes(['segment_evaluations']) -%}
            {%- set recorded = adapter.get_relation(node.database, node.schema, node.alias) -%}
            {%- if recorded is not none -%}
                {%- set versions = [] -%}
                {%- for segment in segment_nodes() -%}
                    {%- do versions.append(
                        'select ' ~ text_literal(segment_spec(segment).segment_id) ~ ' as segment_id, spec_version, effective_from,'
                        ~ ' effective_to, ' ~ ('true' if segment_spec(segment).status == 'active' else 'false')
                        ~ ' as is_active from (' ~ versions_of(segment) ~ ') as versions'
                    ) -%}
                {%- endfor -%}
                {%- set found = run_query(
                    'select recorded.segment_id, versions.spec_version, cast(versions.effective_from as ' ~ dbt.type_string() ~ '),'
                    ~ ' cast(recorded.as_of as ' ~ dbt.type_string() ~ '), recorded.spec_version, cast(recorded.newest_as_of as '
                    ~ dbt.type_string() ~ ') from (select *, max(as_of) over () as newest_as_of,'
                    ~ ' rank() over (partition by as_of order by attempt desc) as newness from ' ~ recorded ~ ') as recorded'
                    ~ ' inner join (' ~ versions | join(' union all ') ~ ') as versions on recorded.segment_id = versions.segment_id'
                    ~ ' and ' ~ is_in_interval('recorded.as_of', 'versions.effective_from', 'versions.effective_to')
                    ~ ' where recorded.newness = 1 and recorded.spec_version <> versions.spec_version'
                    ~ ' order by recorded.segment_id, recorded.as_of'
                ) -%}
                {%- for row in found.rows[:1] -%}
                    {{ exceptions.raise_compiler_error(
                        'segment ' ~ row[0] ~ ': version ' ~ row[1] ~ ' takes effect ' ~ row[2] ~ ', but the evaluation of ' ~ row[3]
                        ~ ' is on record under version ' ~ row[4] ~ '; let it take effect after ' ~ row[5] ~ '.'
                    ) }}
                {%- endfor -%}
                {%- set found = run_query(
                    'select versions.segment_id, min(versions.spec_version), cast(min(versions.effective_from) as ' ~ dbt.type_string()
                    ~ '), cast(max(recorded.as_of) as ' ~ dbt.type_string() ~ ') from (select distinct as_of from ' ~ recorded ~ ') as recorded'
                    ~ ' inner join (' ~ model.compiled_code ~ ') as asked on recorded.as_of < asked.as_of'
                    ~ ' inner join (' ~ versions | join(' union all ') ~ ') as versions'
                    ~ ' on ' ~ is_in_interval('recorded.as_of', 'versions.effective_from', 'versions.effective_to')
                    ~ ' left join (select distinct segment_id from ' ~ recorded ~ ') as known on versions.segment_id = known.segment_id'
                    ~ ' where versions.is_active and known.segment_id is null group by versions.segment_id order by versions.segment_id'
                ) -%}
                {%- for row in found.rows[:1] -%}
                    {{ exceptions.raise_compiler_error(
                        'segment ' ~ row[0] ~ ': version ' ~ row[1] ~ ' takes effect ' ~ row[2] ~ ', but the evaluation of ' ~ row[3]
                        ~ ' is on record without this segment; let it take effect after ' ~ row[3] ~ '.'
                    ) }}
                {%- endfor -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
