{#
    The lines of the gate about vendors: what is wrong in the manifest, and whether data could reach a vendor past the
    permission gate. Sources: DESIGN 8, privacy.md 1.3 (GDPR 28), 8.

    vendor_problems_of returns what is wrong with one vendor, a list of problems [field, sentence]. Argument: exposure.
#}
{% macro vendor_problems_of(exposure) -%}
    {%- set vendor = exposure.config.meta.vendor -%}
    {%- set problems = mapping_problems('', vendor, vendor_fields()) -%}
    {%- if problems -%}
        {{ return(problems) }}
    {%- endif -%}
    {%- if vendor.vendor_id != exposure.name -%}
        {%- do problems.append([
            'vendor_id', 'is ' ~ shown(vendor.vendor_id) ~ '; it must be "' ~ exposure.name ~ '", the name of its exposure'
        ]) -%}
    {%- endif -%}
    {%- set places = vendor_countries(vendor) | map('string') | list -%}
    {%- set abroad = [] -%}
    {%- for place in places if transfer_region(place) != 'eea' -%}
        {%- do abroad.append(place) -%}
    {%- endfor -%}
    {%- if (abroad | length > 0) != (vendor.transfer_basis != 'none') -%}
        {%- do problems.append([
            'transfer_basis',
            'is ' ~ vendor.transfer_basis ~ '; it must be none exactly where all data stay in the EEA'
            ~ (', and they go to ' ~ abroad | join(', ') if abroad else '')
        ]) -%}
    {%- endif -%}
    {%- for contract in vendor.contracts -%}
        {%- if contract.expires_on < contract.signed_on -%}
            {%- do problems.append([
                'contracts[' ~ loop.index ~ '].expires_on',
                'is ' ~ contract.expires_on ~ '; it must not lie before signed_on, ' ~ contract.signed_on
            ]) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for entry in vendor.verifications if entry.recorded_on < entry.checked_on -%}
        {%- do problems.append([
            'verifications.recorded_on',
            'is ' ~ entry.recorded_on ~ '; it must not lie before checked_on, ' ~ entry.checked_on
        ]) -%}
    {%- endfor -%}
    {%- for field, key in [['calls', 'call_id'], ['contracts', 'dpa_ref'], ['subprocessor_lists', 'as_of']] -%}
        {%- set values = vendor[field] | map(attribute=key) | list -%}
        {%- if values | unique | list | length != values | length -%}
            {%- do problems.append([field, 'holds one ' ~ key ~ ' twice; each must be its own']) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(problems) }}
{%- endmacro %}

{#
    All lines about vendors. Argument: lines, a list that they are added to. Returns the manifests of the vendors that are
    well-formed.
#}
{% macro vendor_lines(lines) -%}
    {%- set sound = [] -%}
    {%- for exposure in vendor_exposures() -%}
        {%- set problems = vendor_problems_of(exposure) -%}
        {%- for field, sentence in problems -%}
            {%- do lines.append('vendor ' ~ exposure.name ~ ', field ' ~ field ~ ': ' ~ sentence) -%}
        {%- endfor -%}
        {%- do sound.append(exposure.config.meta.vendor) if not problems -%}
    {%- endfor -%}
    {%- for exposure in (graph.exposures or {}).values() | sort(attribute='name') -%}
        {%- if exposure.config.meta.get('vendor') is not mapping -%}
            {%- do lines.append(
                'exposure ' ~ exposure.name ~ ': has no config.meta.vendor; whoever receives data is a vendor and needs its manifest'
            ) -%}
        {%- endif -%}
        {%- for path in ungated_paths(exposure) -%}
            {%- do lines.append(
                'vendor ' ~ exposure.name ~ ': reads ' ~ path ~ ' past the permission gate; let it read the audiences only'
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(sound) }}
{%- endmacro %}

{#
    The ways by which data about people reach an exposure without the permission gate, each as `source <- ... <- model`.
    Walks the graph upwards and stops at the gate (segment_members), at the permissions that it asks (consent_state, channel_permissions) and at
    what holds nobody's data: the clock, lists of words, specs, vendors, keys of the vault. Whatever else holds a person,
    that is any source, demo seed or restricted model, and any mart or segment on the way to one. A vendor that reads permissions or
    keys themselves reads past the gate.
    Argument: exposure, of dbt's graph.
#}
{% macro ungated_paths(exposure) -%}
    {%- set found, waiting, seen = [], [], [] -%}
    {%- for parent in exposure.depends_on.nodes -%}
        {%- do waiting.append([parent, '']) -%}
    {%- endfor -%}
    {%- for _ in range(10000) if waiting -%}
        {%- set id, path = waiting.pop() -%}
        {%- set name = id.split('.')[-1] -%}
        {%- set node = graph.nodes.get(id, {}) -%}
        {%- if id not in seen and (id not in impersonal_relations() or (not path and id not in gated_relations())) -%}
            {%- do seen.append(id) -%}
            {%- set way = name ~ (' <- ' ~ path if path else '') -%}
            {%- set folder = (node.get('fqn') or ['', ''])[1] -%}
            {%- if id.startswith('source.') or folder in ('staging', 'intermediate', 'demo') or id in impersonal_relations() -%}
                {%- do found.append(way) -%}
            {%- else -%}
                {%- for parent in (node.get('depends_on') or {}).get('nodes', []) -%}
                    {%- do waiting.append([parent, way]) -%}
                {%- endfor -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found | sort) }}
{%- endmacro %}

{# Ids of nodes where the walk of ungated_paths() stops: the gate and its permissions, and relations that hold nobody's data. #}
{% macro impersonal_relations() -%}
    {%- set project = '.' ~ project_name ~ '.' -%}
    {{ return(gated_relations() + [
        'model' ~ project ~ 'consent_state', 'model' ~ project ~ 'channel_permissions', 'source' ~ project ~ 'vault.hmac_keys', 'seed' ~ project ~ 'demo_hmac_keys'
    ]) }}
{%- endmacro %}

{# Of these, what a vendor may read itself. #}
{% macro gated_relations() -%}
    {%- set project = 'model.' ~ project_name ~ '.' -%}
    {{ return([project ~ 'segment_members', project ~ 'evaluation_clock', project ~ 'segment_registry']) }}
{%- endmacro %}
