{#
    The spec gate (DESIGN 8), called on-run-start: checks the vendor manifest, every segment spec and every lock before
    anything is built.
    Errors: one compiler error with a line for each problem of each vendor or segment, what is wrong and what is allowed.
    Specs are checked against the manifest, so while that is wrong it alone is reported.
#}
{% macro assert_segment_specs() -%}
    {%- if execute -%}
        {%- set nodes, fields = segment_nodes(), spec_fields() -%}
        {%- set lines, sound_nodes = [], [] -%}
        {%- set vendors = vendor_lines(lines) -%}
        {%- do raise_lines(lines) -%}
        {%- for node in nodes -%}
            {%- set found = spec_problems(node, fields) -%}
            {%- do sound_nodes.append(node) if not found -%}
            {%- for field, sentence in found -%}
                {%- do lines.append('segment ' ~ node.name[4:] ~ ', field ' ~ field ~ ': ' ~ sentence) -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- do lines.extend(zone_lines(nodes)) -%}
        {%- do lines.extend(shared_value_lines(sound_nodes)) -%}
        {%- do lines.extend(lock_lines(nodes, sound_nodes, vendors)) -%}
        {%- do raise_lines(lines) -%}
    {%- endif -%}
{%- endmacro %}

{#
    What is wrong with the spec of one segment. Rules between fields see only the well-formed fields, so one slip gives one
    line and a hostile value reaches no rule. Arguments: node; fields, from spec_fields(). Returns a list of problems
    [field, sentence].
#}
{% macro spec_problems(node, fields) -%}
    {%- set meta = node.config.meta -%}
    {%- if meta.get('segment') is not mapping -%}
        {{ return([[
            'config.meta.segment',
            'is ' ~ shown(meta.get('segment')) ~ '; it must be the spec, a mapping of fields'
        ]]) }}
    {%- elif meta.get('segment_defaults', {}) is not mapping -%}
        {{ return([[
            'config.meta.segment_defaults',
            'is ' ~ shown(meta.segment_defaults) ~ '; it must be a mapping of fields'
        ]]) }}
    {%- endif -%}
    {%- set spec = segment_spec(node) -%}
    {%- set problems = mapping_problems('', spec, fields) -%}
    {%- set broken = [] -%}
    {%- for field, sentence in problems -%}
        {%- do broken.append(field.split('.')[0].split('[')[0]) -%}
    {%- endfor -%}
    {%- set sound = {} -%}
    {%- for field, value in spec.items() if field not in broken and value is not none -%}
        {%- do sound.update({field: value}) -%}
    {%- endfor -%}
    {%- for field, sentence in spec_rule_problems(node, sound) if field.split('.')[0].split('[')[0] not in broken -%}
        {%- do problems.append([field, sentence]) -%}
    {%- endfor -%}
    {{ return(problems) }}
{%- endmacro %}

{# What no two segments may share: `segment_id` names the record, `priority` decides which membership is primary. #}
{% macro shared_value_lines(nodes) -%}
    {%- set lines, owners = [], {} -%}
    {%- for node in nodes -%}
        {%- for field in ['segment_id', 'priority'] -%}
            {%- set value = segment_spec(node)[field] -%}
            {%- set key = field ~ ' ' ~ value -%}
            {%- if key in owners -%}
                {%- do lines.append(
                    'segment ' ~ node.name[4:] ~ ', field ' ~ field
                    ~ ': is ' ~ value ~ ' as in segment ' ~ owners[key] ~ '; it must be its own'
                ) -%}
            {%- endif -%}
            {%- do owners.update({key: node.name[4:]}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(lines) }}
{%- endmacro %}

{#
    Every spec, whatever its status, states the zone whose local days its features are computed by: the variable `timezone`, as
    this command has it. Specs that take another from segment_defaults share one line, because one change there mends them all.
    Argument: nodes, also those of broken specs; what is no zone is left to spec_problems.
#}
{% macro zone_lines(nodes) -%}
    {%- set lines, inheriting = [], [] -%}
    {%- for node in nodes -%}
        {%- set meta = node.config.meta -%}
        {%- if meta.get('segment') is mapping and meta.get('segment_defaults', {}) is mapping -%}
            {%- set zone = segment_spec(node).get('timezone') -%}
            {%- if zone is string and zone in modules.pytz.all_timezones_set and zone != var('timezone') -%}
                {%- if 'timezone' in meta.segment -%}
                    {%- do lines.append(zone_line(node.name[4:], zone, 'its spec', 'the segment')) -%}
                {%- else -%}
                    {%- do inheriting.append([node.name[4:], zone]) -%}
                {%- endif -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for zone, group in inheriting | groupby(1) -%}
        {%- set others = ' and ' ~ (group | length - 1) ~ ' more' if group | length > 1 else '' -%}
        {%- do lines.append(
            zone_line(group[0][0] ~ others, zone, 'segment_defaults', 'the segments')
            ~ ', or give the variable this value before the first build'
        ) -%}
    {%- endfor -%}
    {{ return(lines) }}
{%- endmacro %}

{#
    The line about a zone that is not the project's. Arguments: names; zone, the stated one; place, where it stands; what, is to
    be released.
#}
{% macro zone_line(names, zone, place, what) -%}
    {{ return(
        'segment ' ~ names ~ ', field timezone: is ' ~ zone ~ ' in ' ~ place ~ ', but local days are those of ' ~ var('timezone')
        ~ ', the variable timezone (dbt_project.yml or --vars); state ' ~ var('timezone') ~ ' in ' ~ place
        ~ ' and release ' ~ what
    ) }}
{%- endmacro %}

{# Stops the command when there are lines. Argument: lines, one sentence each. #}
{% macro raise_lines(lines) -%}
    {%- if lines -%}
        {{ exceptions.raise_compiler_error('The segment specs are refused, nothing is built:\n' ~ lines | join('\n')) }}
    {%- endif -%}
{%- endmacro %}
