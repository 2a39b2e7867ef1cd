{#
    The rules of a spec about vendors and uses (DESIGN 8 and 10, privacy.md A): no vendor without a line in the manifest, no
    vendor's data without the vendor in the spec, no use without the purpose of its channel, no export where it may not go.

    vendor_problems: arguments node, spec; returns a list of problems [field, sentence], as all macros here do.
#}
{% macro vendor_problems(node, spec) -%}
    {%- set problems = [] -%}
    {%- for field in ['vendors', 'downstream_uses'] -%}
        {%- for use in spec.get(field, []) if use.get('vendor_id') -%}
            {%- set path = field ~ '[' ~ loop.index ~ ']' -%}
            {%- set vendor = vendor_manifest(use.vendor_id) -%}
            {%- if not vendor -%}
                {%- do problems.append([
                    path ~ '.vendor_id',
                    'is ' ~ shown(use.vendor_id) ~ ', which is no known vendor; known: ' ~ (known_vendors() | join(', ') or 'none')
                ]) -%}
            {%- elif field == 'vendors' and use.call_id not in vendor.calls | map(attribute='call_id') | list -%}
                {%- do problems.append([
                    path ~ '.call_id',
                    'is ' ~ shown(use.call_id) ~ '; it must be a call of ' ~ use.vendor_id ~ ' in the manifest: '
                    ~ vendor.calls | map(attribute='call_id') | join(', ')
                ]) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set declared = spec.get('vendors', []) | map(attribute='vendor_id') | list -%}
    {%- set features = columns_of_features() -%}
    {%- for name in names_after('features', applied_rule_text(node)) -%}
        {%- set kind = features.get(name, {}).get('meta', {}).get('source_kind') -%}
        {%- for vendor_id in (vendors_collecting(kind) if kind else []) if vendor_id not in declared -%}
            {%- do problems.append([
                'vendors', 'leaves out ' ~ vendor_id ~ '; the SQL reads ' ~ name ~ ', which that vendor collects'
            ]) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for input in spec.get('data_inputs', []) -%}
        {%- if input.source_kind in ['vendor', 'external_append'] and input.source_system not in declared -%}
            {%- do problems.append([
                'data_inputs[' ~ loop.index ~ '].source_system',
                'is ' ~ shown(input.source_system) ~ '; data of third parties must name one of the vendors of the spec: '
                ~ (declared | join(', ') or 'none')
            ]) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(problems) }}
{%- endmacro %}

{# Each use: its channel's purpose, a vendor that serves the channel, no use twice; and what ads mean in California. #}
{% macro use_problems(spec) -%}
    {%- set problems, seen = [], [] -%}
    {%- for use in spec.get('downstream_uses', []) -%}
        {%- set path = 'downstream_uses[' ~ loop.index ~ ']' -%}
        {%- set purpose = channel_purposes()[use.channel] -%}
        {%- set vendor = vendor_manifest(use.get('vendor_id')) -%}
        {%- if purpose and use.purpose != purpose -%}
            {%- do problems.append([
                path ~ '.purpose', 'is ' ~ use.purpose ~ '; on the channel ' ~ use.channel ~ ' it must be ' ~ purpose
            ]) -%}
        {%- endif -%}
        {%- if vendor and use.channel not in vendor.channels -%}
            {%- do problems.append([
                path ~ '.channel',
                'is ' ~ use.channel ~ ', which ' ~ use.vendor_id ~ ' does not serve; the manifest says: '
                ~ (vendor.channels | join(', ') or 'none')
            ]) -%}
        {%- elif use.channel == 'paid_ads' and not use.get('vendor_id') -%}
            {%- do problems.append([path ~ '.vendor_id', 'is missing; advertising elsewhere is a vendor\'s']) -%}
        {%- endif -%}
        {%- if [use.channel, use.destination] in seen -%}
            {%- do problems.append([path, 'names one channel and destination twice; once is enough']) -%}
        {%- endif -%}
        {%- do seen.append([use.channel, use.destination]) -%}
        {%- if use.channel == 'paid_ads' and 'ccpa' in spec.get('regime', []) and spec.get('sale_or_share') is false -%}
            {%- do problems.append([
                'sale_or_share', 'is false, but advertising elsewhere by what people did here is sharing (CCPA); it must be true'
            ]) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(problems) }}
{%- endmacro %}

{# What was reviewed and planned before a segment may be used: the text that people read, and whom we leave alone to compare. #}
{% macro rollout_problems(node, spec) -%}
    {%- set problems = [] -%}
    {%- set review = spec.get('consent_text_review', {}) -%}
    {%- set authors = spec.get('versions', []) | map(attribute='author') | map('lower') | list -%}
    {%- if review and 'privacy_notice_ref' in spec and review.notice != spec.privacy_notice_ref -%}
        {%- do problems.append([
            'consent_text_review.notice',
            'is ' ~ shown(review.notice) ~ '; it must be the notice of the spec, ' ~ spec.privacy_notice_ref
        ]) -%}
    {%- endif -%}
    {%- if review and review.reviewed_by | lower | trim in authors -%}
        {%- do problems.append([
            'consent_text_review.reviewed_by',
            'is ' ~ shown(review.reviewed_by) ~ ', an author of the rule; it must be somebody else'
        ]) -%}
    {%- endif -%}
    {%- if spec.get('downstream_uses') and 'holdback' not in (node.config.meta.get('segment') or {}) -%}
        {%- do problems.append([
            'holdback', 'stands in segment_defaults only; a segment with downstream_uses must plan its own'
        ]) -%}
    {%- endif -%}
    {{ return(problems) }}
{%- endmacro %}

{# Where members may go: the regions of export_controls, and a transfer outside the EEA declared with its basis. #}
{% macro export_problems(spec) -%}
    {%- set problems = [] -%}
    {%- set regions = spec.get('export_controls', {}).get('regions', []) -%}
    {%- set transfer = spec.get('cross_border', {}) -%}
    {%- for vendor_id in vendors_of(spec) if vendor_manifest(vendor_id) -%}
        {%- set places, undeclared = {}, [] -%}
        {%- for country in vendor_countries(vendor_manifest(vendor_id)) -%}
            {%- set region = transfer_region(country) -%}
            {%- do places.update({region: places.get(region, []) + [country]}) -%}
            {%- do undeclared.append(country) if transfer and region != 'eea' and country not in transfer.countries -%}
        {%- endfor -%}
        {%- for region, countries in places.items() if regions and region not in regions -%}
            {%- do problems.append([
                'export_controls.regions',
                'leaves out ' ~ region ~ '; ' ~ vendor_id ~ ' handles data in ' ~ countries | join(', ')
            ]) -%}
        {%- endfor -%}
        {%- if undeclared -%}
            {%- do problems.append([
                'cross_border.countries', 'leaves out ' ~ undeclared | join(', ') ~ '; ' ~ vendor_id ~ ' handles data there'
            ]) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(problems) }}
{%- endmacro %}
