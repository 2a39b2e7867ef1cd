{#
    The lines of the gate about locks: a released version keeps its parameters, its date and its rule for ever; and what
    else its owner reviews (the rest of a spec, vendors, lists of tags) changes with a release only.
    Arguments: nodes, all segments; sound_nodes, those whose specs are well-formed (others cannot be hashed); vendors, the
    manifests that are.

    The locks stand in seeds/reference/segment_locks.csv. Jinja cannot read a file and the seed is not loaded yet, so
    `segmentation release` writes a copy into segment_locks.sql; dbt's checksum of the seed file proves the copy true.
#}
{% macro lock_lines(nodes, sound_nodes, vendors=[]) -%}
    {%- set copy = segment_locks_csv() -%}
    {%- set hashes, lines = {}, [] -%}
    {%- set lists = subprocessor_texts(vendors) -%}
    {%- set reviewed = review_texts(sound_nodes, vendors) -%}
    {%- for row in version_hashes(sound_nodes, [['segment_locks.csv', copy]] + reviewed + lists) -%}
        {%- do hashes.update({row[0] ~ ', version ' ~ row[1]: row[2]}) -%}
    {%- endfor -%}
    {%- for name, text, expected in lists if hashes[name ~ ', version 0'] != expected -%}
        {%- do lines.append(
            'vendor ' ~ name ~ ', field list_sha256: is not the hash of its list of subprocessors; it must be '
            ~ hashes[name ~ ', version 0'] ~ ', if the list is the one that was approved'
        ) -%}
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
        {%- if number == '0' and hashes.get(version, rule_hash) != rule_hash -%}
            {%- do lines.append(
                segment_id ~ ': changed since its review; let its owner review it (CODEOWNERS), then run `segmentation release '
                ~ segment_id | replace('spec.', '') ~ '`'
            ) -%}
        {%- elif number == '0' -%}
        {%- elif version in hashes and hashes[version] != rule_hash -%}
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

{#
    What else than rules is locked, as texts to be hashed, each named by its kind: `spec.<segment_id>`, a spec without its
    versions; `vendor.<vendor_id>`, a manifest without its weekly verifications, which only ever grow; `list.<seed>`, the
    lists that decide what may be asked of whom; `list.segment_defaults`. Arguments: nodes, vendors, all well-formed.
    Returns a list of [name, text].
#}
{% macro review_texts(nodes, vendors) -%}
    {%- set texts = [] -%}
    {%- for node in nodes -%}
        {%- do texts.append(['spec.' ~ segment_spec(node).segment_id, text_without(node.config.meta.segment, 'versions')]) -%}
        {%- if loop.first -%}
            {%- do texts.append(['list.segment_defaults', text_without(node.config.meta.get('segment_defaults') or {}, '')]) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for vendor in vendors -%}
        {%- do texts.append(['vendor.' ~ vendor.vendor_id, text_without(vendor, 'verifications')]) -%}
    {%- endfor -%}
    {%- for name in [
        'sensitive_categories', 'purposes', 'event_types', 'consent_statuses', 'consent_event_types', 'jurisdictions'
    ] -%}
        {%- set seed = graph.nodes.get('seed.' ~ project_name ~ '.' ~ name) -%}
        {%- do texts.append(['list.' ~ name, seed.checksum.checksum]) if seed -%}
    {%- endfor -%}
    {{ return(texts) }}
{%- endmacro %}

{# A mapping without one of its keys as canonical JSON. Arguments: mapping; key. #}
{% macro text_without(mapping, key) -%}
    {%- set kept = {} -%}
    {%- for name, value in mapping.items() if name != key -%}
        {%- do kept.update({name: value}) -%}
    {%- endfor -%}
    {{ return(tojson(kept, sort_keys=true)) }}
{%- endmacro %}

{#
    The lists of subprocessors as texts to be hashed. Argument: vendors, well-formed manifests. Returns a list of
    [name, text, declared hash].
#}
{% macro subprocessor_texts(vendors) -%}
    {%- set texts = [] -%}
    {%- for vendor in vendors -%}
        {%- for list in vendor.subprocessor_lists -%}
            {%- do texts.append([
                vendor.vendor_id ~ ', list of ' ~ list.as_of, tojson(list.subprocessors, sort_keys=true), list.list_sha256
            ]) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(texts) }}
{%- endmacro %}
