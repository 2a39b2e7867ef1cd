{#
    The lines of the gate about locks: a released version keeps its parameters, its date and its rule for ever.
    Arguments: nodes, all segments; sound_nodes, those whose specs are well-formed (others cannot be hashed).

    The locks stand in seeds/reference/segment_locks.csv. Jinja cannot read a file and the seed is not loaded yet, so
    `segmentation release` writes a copy into segment_locks.sql; dbt's checksum of the seed file proves the copy true.
#}
{% macro lock_lines(nodes, sound_nodes) -%}
    {%- set copy = segment_locks_csv() -%}
    {%- set hashes, lines = {}, [] -%}
    {%- for row in version_hashes(sound_nodes, [['segment_locks.csv', copy]]) -%}
        {%- do hashes.update({row[0] ~ ', version ' ~ row[1]: row[2]}) -%}
    {%- endfor -%}
    {%- set seed = graph.nodes.get('seed.' ~ project_name ~ '.segment_locks') -%}
    {%- if not seed -%}
        {%- do lines.append(
            'seeds/reference/segment_locks.csv: is missing; restore it, it holds the hashes of all released versions'
        ) -%}
    {%- elif seed.checksum.checksum != hashes['segment_locks.csv, version 0'] -%}
        {%- do lines.append(
            'seeds/reference/segment_locks.csv: differs from its copy in macros/segments/segment_locks.sql; '
            ~ 'run `segmentation release` for the segment you changed, never edit either by hand'
        ) -%}
    {%- endif -%}
    {%- set broken = nodes | map(attribute='name') | reject('in', sound_nodes | map(attribute='name') | list) | list -%}
    {%- for lock in copy.split('\n')[1:] -%}
        {%- set segment_id, number, rule_hash = (lock ~ ',,').split(',')[:3] -%}
        {%- set version = segment_id ~ ', version ' ~ number -%}
        {%- if version in hashes and hashes[version] != rule_hash -%}
            {%- do lines.append(
                'segment ' ~ version ~ ': rule or parameters changed since release; add a version instead'
            ) -%}
        {%- elif version not in hashes and 'seg_' ~ segment_id not in broken -%}
            {%- do lines.append(
                'segment ' ~ version ~ ': is released, but no spec declares it; put it back, a segment ends with status retired'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(lines) }}
{%- endmacro %}
