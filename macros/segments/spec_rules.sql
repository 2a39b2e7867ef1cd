{#
    The rules between the fields of one spec (DESIGN 8, privacy.md A and 1.1). Each macro takes the spec with only its
    well-formed fields, so it may trust types but not presence, and returns a list of problems [field, sentence].
#}
{% macro spec_rule_problems(node, spec) -%}
    {%- set problems = [] -%}
    {%- do problems.extend(name_problems(node, spec)) -%}
    {%- do problems.extend(basis_problems(node, spec)) -%}
    {%- do problems.extend(consent_problems(spec)) -%}
    {%- do problems.extend(eprivacy_problems(spec)) -%}
    {%- do problems.extend(impact_problems(spec)) -%}
    {%- do problems.extend(condition_problems(spec)) -%}
    {%- do problems.extend(retention_problems(spec)) -%}
    {%- do problems.extend(vendor_problems(node, spec)) -%}
    {%- do problems.extend(use_problems(spec)) -%}
    {%- do problems.extend(rollout_problems(node, spec)) -%}
    {%- do problems.extend(export_problems(spec)) -%}
    {%- do problems.extend(version_problems(spec)) -%}
    {%- do problems.extend(parameter_kind_problems(node, spec)) -%}
    {%- do problems.extend(rule_form_problems(node)) -%}
    {%- do problems.extend(rule_reading_problems(node, spec)) -%}
    {%- do problems.extend(feature_purpose_problems(node, spec)) -%}
    {%- do problems.extend(exclusion_problems(node, spec)) -%}
    {{ return(problems) }}
{%- endmacro %}

{# One name everywhere: the folder, the model (seg_<name>) and the id that the record keeps for ever. #}
{% macro name_problems(node, spec) -%}
    {%- set folder = node.fqn[-2] -%}
    {%- set model_id = node.name[4:] -%}
    {%- set problems = [] -%}
    {%- if 'segment_id' in spec and spec.segment_id != model_id -%}
        {%- do problems.append([
            'segment_id',
            'is ' ~ shown(spec.segment_id) ~ '; it must be "' ~ model_id ~ '" as its model is seg_' ~ model_id
        ]) -%}
    {%- endif -%}
    {%- if folder != model_id -%}
        {%- do problems.append([
            'segment_id',
            'lies in the folder ' ~ folder ~ '; it must be models/segments/' ~ model_id
        ]) -%}
    {%- endif -%}
    {{ return(problems) }}
{%- endmacro %}

{# Which lawful basis carries what. A basis is a decision about one segment, so it is never inherited. #}
{% macro basis_problems(node, spec) -%}
    {%- set problems = [] -%}
    {%- set meta = node.config.meta -%}
    {%- set basis = spec.get('lawful_basis') -%}
    {%- if 'lawful_basis' in (meta.get('segment_defaults') or {}) -%}
        {%- do problems.append([
            'lawful_basis',
            'stands in segment_defaults; it must stand in the spec of each segment'
        ]) -%}
    {%- endif -%}
    {%- if basis and is_marketing_purpose(spec.get('purpose', '')) and basis not in ['consent', 'legitimate_interests'] -%}
        {%- do problems.append([
            'lawful_basis',
            'is ' ~ shown(basis) ~ ', which never carries the marketing purpose ' ~ spec.purpose
            ~ '; it must be consent or legitimate_interests'
        ]) -%}
    {%- endif -%}
    {%- if basis == 'legitimate_interests' and not spec.get('lia_ref') -%}
        {%- do problems.append([
            'lia_ref',
            'is missing; legitimate_interests needs the document of its balancing test'
        ]) -%}
    {%- endif -%}
    {{ return(problems) }}
{%- endmacro %}

{# What consent needs: what was asked, by which notice, and what ends with it. #}
{% macro consent_problems(spec) -%}
    {%- set problems = [] -%}
    {%- set purposes = spec.get('consent_purposes', []) -%}
    {%- if spec.get('lawful_basis') != 'consent' -%}
        {%- if purposes -%}
            {%- do problems.append([
                'consent_purposes',
                'is given, but the permission gate asks for consent only where lawful_basis is consent; it must be left out'
            ]) -%}
        {%- endif -%}
        {{ return(problems) }}
    {%- endif -%}
    {%- if not purposes -%}
        {%- do problems.append([
            'consent_purposes',
            'is missing; lawful_basis consent needs the purposes that were asked'
        ]) -%}
    {%- elif 'purpose' in spec and spec.purpose not in purposes -%}
        {%- do problems.append([
            'consent_purposes',
            'leaves out the purpose of the segment; it must name ' ~ spec.purpose
        ]) -%}
    {%- endif -%}
    {%- for version in spec.get('versions', []) if not version.get('min_notice_version') -%}
        {%- do problems.append([
            'versions[' ~ version.number ~ '].min_notice_version',
            'is missing; lawful_basis consent needs the oldest notice that covers it'
        ]) -%}
    {%- endfor -%}
    {%- for action in ['remove_flag', 'stop_sends', 'delete_features'] if action not in spec.get('on_consent_loss', [action]) -%}
        {%- do problems.append([
            'on_consent_loss',
            'leaves out ' ~ action ~ '; lawful_basis consent needs remove_flag, stop_sends, delete_features'
        ]) -%}
    {%- endfor -%}
    {{ return(problems) }}
{%- endmacro %}

{# Reading a device, or writing to a person, asks for a basis of its own (ePrivacy 5(3), 13); Art. 6 never replaces it. #}
{% macro eprivacy_problems(spec) -%}
    {%- set kinds = spec.get('data_inputs', []) | map(attribute='source_kind') | list -%}
    {%- set basis = spec.get('eprivacy_basis', 'missing') -%}
    {%- set channels = spec.get('downstream_uses', []) | map(attribute='channel') | list -%}
    {%- set is_sent = 'email' in channels or 'sms' in channels -%}
    {%- set is_message = spec.get('purpose', '').startswith('marketing.communications') or is_sent -%}
    {%- if 'web_event' in kinds and basis not in ['consent', 'strictly_necessary', 'national_exemption'] -%}
        {{ return([[
            'eprivacy_basis',
            'is ' ~ basis ~ ', but web events are read from a device; '
            ~ 'it must be one of consent, strictly_necessary, national_exemption'
        ]]) }}
    {%- elif (is_message or 'email_event' in kinds) and basis in ['missing', 'not_applicable'] -%}
        {{ return([[
            'eprivacy_basis',
            'is ' ~ basis ~ ', but the segment uses e-mail or SMS; '
            ~ 'it must be one of consent, strictly_necessary, soft_opt_in, national_exemption'
        ]]) }}
    {%- elif basis == 'soft_opt_in' and (spec.get('lawful_basis') == 'consent' or ('downstream_uses' in spec and 'email' not in channels)) -%}
        {{ return([[
            'eprivacy_basis',
            'is soft_opt_in, which carries e-mails to own customers who were not asked; '
            ~ 'it needs a use on the channel email and another lawful_basis than consent'
        ]]) }}
    {#- what is sent needs the consent of its channel, which the audiences ask for whatever the basis of the segment -#}
    {%- elif basis == 'consent' and not is_sent and spec.get('lawful_basis', 'consent') != 'consent' and 'downstream_uses' in spec -%}
        {{ return([[
            'eprivacy_basis',
            'is consent, but the permission gate asks for consent only where lawful_basis is consent; it must not be consent'
        ]]) }}
    {%- endif -%}
    {{ return([]) }}
{%- endmacro %}

{# Declared impact at least the computed one; a high one with its assessment (GDPR Art. 35). #}
{% macro impact_problems(spec) -%}
    {%- set problems = [] -%}
    {%- set levels = ['low', 'medium', 'high'] -%}
    {%- if 'privacy_impact' in spec -%}
        {%- set floor, cause = privacy_impact_floor(spec) -%}
        {%- if levels.index(spec.privacy_impact) < levels.index(floor) -%}
            {%- do problems.append([
                'privacy_impact',
                'is ' ~ spec.privacy_impact ~ '; it must be ' ~ (floor if floor == 'high' else 'medium or high')
                ~ ', because ' ~ cause
            ]) -%}
        {%- endif -%}
        {%- if spec.privacy_impact == 'high' and not spec.get('dpia_ref') -%}
            {%- do problems.append([
                'dpia_ref',
                'is missing; privacy_impact high needs the document of its impact assessment'
            ]) -%}
        {%- endif -%}
    {%- endif -%}
    {{ return(problems) }}
{%- endmacro %}

{#
    The least privacy impact a spec may declare, and the first reason for it. Argument: spec, well-formed fields only.
    Source: privacy.md 1.1, word for word. Returns a pair [level, reason].
#}
{% macro privacy_impact_floor(spec) -%}
    {%- set categories = spec.get('data_inputs', []) | map(attribute='data_category') | list -%}
    {%- set kinds = spec.get('data_inputs', []) | map(attribute='source_kind') | unique | list -%}
    {%- set match_classes = spec.get('identity_policy', {}).get('allow_match_class', []) -%}
    {%- set identifiers = spec.get('identifiers', []) -%}
    {%- set vendors = spec.get('vendors', []) -%}
    {%- set high = [
        [spec.get('special_category'), 'special_category is true'],
        ['user.location.precise' in categories, 'data_inputs hold precise location'],
        ['user.children' in categories or spec.get('minors_policy', 'excluded') != 'excluded', 'minors are included'],
        [spec.get('cross_border', {}).get('transfers'), 'cross_border.transfers is true'],
        ['vendor' in kinds or 'external_append' in kinds, 'data_inputs hold data of third parties'],
        ['crm' in kinds and 'payment' in kinds, 'data_inputs join crm and payment data'],
        ['probabilistic' in match_classes, 'identity_policy allows probabilistic matches'],
        [spec.get('sale_or_share'), 'sale_or_share is true'],
        [spec.get('automated_decision', {}).get('significant_effect'), 'automated_decision.significant_effect is true'],
        [vendors | length > 1, 'more than one vendor is called']
    ] -%}
    {%- for is_met, reason in high if is_met -%}
        {{ return(['high', reason]) }}
    {%- endfor -%}
    {%- if spec.get('persistence', 'session') == 'persistent' -%}
        {{ return(['medium', 'persistence is persistent']) }}
    {%- elif identifiers | reject('equalto', 'session_id') | list -%}
        {{ return(['medium', 'an identifier outlives the session']) }}
    {%- elif vendors or vendors_of(spec) -%}
        {{ return(['medium', 'a vendor is called']) }}
    {%- endif -%}
    {{ return(['low', '']) }}
{%- endmacro %}
