{#
    Prints one JSON line per version of every segment: segment_id, spec_version, rule_hash; and one, with version 0, for
    everything else that is reviewed (review_texts). `segmentation release` reads them (dbt run-operation segment_hashes). Errors: the gate's, for a spec that is wrong; locks are not looked at, since
    this is how they are made.
#}
{% macro segment_hashes() -%}
    {%- if execute -%}
        {%- set nodes, fields, lines = segment_nodes(), spec_fields(), [] -%}
        {%- set vendors = vendor_lines(lines) -%}
        {%- do raise_lines(lines) -%}
        {%- for node in nodes -%}
            {%- for field, sentence in spec_problems(node, fields) -%}
                {%- do lines.append('segment ' ~ node.name[4:] ~ ', field ' ~ field ~ ': ' ~ sentence) -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- do raise_lines(lines) -%}
        {%- for row in version_hashes(nodes, review_texts(nodes, vendors)) -%}
            {%- do log(tojson({'segment_id': row[0], 'spec_version': row[1] | int, 'rule_hash': row[2]}), info=true) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{#
    SHA-256 of the locked text of every version, computed by the warehouse because Jinja has none. Arguments: nodes, whose
    specs are sound; texts, further rows of [name, text, ...]. Returns rows [segment_id, spec_version, hash]; further texts come
    with version 0.
#}
{% macro version_hashes(nodes, texts=[]) -%}
    {%- set selects = [] -%}
    {%- for entry in texts -%}
        {%- do selects.append(hash_select(entry[0], 0, entry[1])) -%}
    {%- endfor -%}
    {%- for node in nodes -%}
        {%- for version in segment_spec(node).versions -%}
            {%- do selects.append(hash_select(segment_spec(node).segment_id, version.number, locked_text(node, version))) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if not selects -%}
        {{ return([]) }}
    {%- endif -%}
    {{ return(run_query(selects | join(' union all ')).rows) }}
{%- endmacro %}

{% macro hash_select(name, number, text) -%}
    select '{{ name }}' as segment_id, {{ number }} as spec_version, {{ sha256_hex(text_literal(text)) }} as rule_hash
{%- endmacro %}
