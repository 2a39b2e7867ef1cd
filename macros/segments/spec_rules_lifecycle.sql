{# Fields that one value of another field makes necessary (the column "C" of privacy.md A). Argument: spec. #}
{% macro condition_problems(spec) -%}
    {%- set problems = [] -%}
    {%- set transfer = spec.get('cross_border', {}) -%}
    {%- set decision = spec.get('automated_decision', {}) -%}
    {%- set guesses = 'probabilistic' in spec.get('identity_policy', {}).get('allow_match_class', []) -%}
    {%- set regimes = spec.get('regime', []) -%}
    {%- set postures = spec.get('default_posture', {}) -%}
    {%- set columns = spec.get('data_inputs', []) | map(attribute='columns') | sum(start=[]) | join(' ') -%}
    {%- set needed = [
        ['identity_policy', spec.get('identifiers', []) | length > 1, 'more than one identifier is used'],
        ['identity_policy.requires_consent_purpose', guesses, 'probabilistic matches are allowed'],
        ['identity_policy.min_score', guesses, 'probabilistic matches are allowed'],
        ['special_category_basis', spec.get('special_category'), 'special_category is true'],
        ['sensitive_pi_use', 'ccpa' in regimes, 'ccpa is among the regimes'],
        ['automated_decision.basis', decision.get('significant_effect'), 'automated_decision.significant_effect is true'],
        ['cross_border.countries', transfer.get('transfers'), 'cross_border.transfers is true'],
        ['model_ref', spec.get('rule_kind') == 'model', 'rule_kind is model'],
        ['currency', modules.re.search('spend|value', columns), 'an input is money']
    ] -%}
    {%- for field, is_needed, reason in needed if is_needed -%}
        {%- set parent, child = (field ~ '.').split('.')[:2] -%}
        {%- set value = spec.get(parent, {}).get(child) if child else spec.get(parent) -%}
        {%- if value is none or value == [] -%}
            {%- do problems.append([field, 'is missing; it is needed because ' ~ reason]) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for regime in regimes if 'default_posture' in spec and not postures.get(regime) -%}
        {%- do problems.append([
            'default_posture.' ~ regime,
            'is missing; every regime needs its posture: opt_in, opt_out or notice_only'
        ]) -%}
    {%- endfor -%}
    {%- if transfer and transfer.transfers == (transfer.transfer_basis == 'none') -%}
        {%- do problems.append([
            'cross_border.transfer_basis',
            'is ' ~ transfer.transfer_basis ~ '; it must be none exactly where cross_border.transfers is false'
        ]) -%}
    {%- endif -%}
    {%- if spec.get('sale_or_share') and 'ccpa' in regimes and postures.get('ccpa') == 'notice_only' -%}
        {%- do problems.append([
            'default_posture.ccpa',
            'is notice_only; with sale_or_share it must be opt_out or opt_in'
        ]) -%}
    {%- endif -%}
    {{ return(problems) }}
{%- endmacro %}

{# Every retention ends by itself or is reviewed on a date (GDPR 5(1)(e)). Argument: spec. #}
{% macro retention_problems(spec) -%}
    {%- set problems = [] -%}
    {%- set retention = spec.get('retention', {}) -%}
    {%- set trigger = retention.get('trigger') -%}
    {%- if trigger == 'until_erasure_request' -%}
        {%- for field in ['review_every', 'next_review_on'] if not retention.get(field) -%}
            {%- do problems.append([
                'retention.' ~ field,
                'is missing; what is kept until an erasure request needs a dated review'
            ]) -%}
        {%- endfor -%}
        {%- if retention.get('duration') -%}
            {%- do problems.append([
                'retention.duration',
                'is ' ~ retention.duration ~ '; it must be null where the trigger is until_erasure_request'
            ]) -%}
        {%- endif -%}
    {%- elif trigger and not retention.get('duration') -%}
        {%- do problems.append([
            'retention.duration',
            'is missing; the trigger ' ~ trigger ~ ' needs a number of days like P30D'
        ]) -%}
    {%- endif -%}
    {{ return(problems) }}
{%- endmacro %}

{# Versions count 1, 2, 3 ... in the order of their dates, share their parameters, and are not approved by their author. #}
{% macro version_problems(spec) -%}
    {%- set problems = [] -%}
    {%- set versions = spec.get('versions', []) -%}
    {%- for version in versions -%}
        {%- set path = 'versions[' ~ loop.index ~ ']' -%}
        {%- set earlier = versions[loop.index0 - 1] if not loop.first else none -%}
        {%- if version.number != loop.index -%}
            {%- do problems.append([
                path ~ '.number',
                'is ' ~ version.number ~ '; it must be ' ~ loop.index ~ ' as versions are numbered in a row'
            ]) -%}
        {%- endif -%}
        {%- if version.author | lower | trim == version.approver | lower | trim -%}
            {%- do problems.append([
                path ~ '.approver',
                'is ' ~ shown(version.approver) ~ ', the author; it must be somebody else'
            ]) -%}
        {%- endif -%}
        {%- if earlier and version.effective_from <= earlier.effective_from -%}
            {%- do problems.append([
                path ~ '.effective_from',
                'is ' ~ version.effective_from ~ '; it must be later than ' ~ earlier.effective_from ~ ' of the version before'
            ]) -%}
        {%- endif -%}
        {%- if earlier and version.parameters | sort != earlier.parameters | sort -%}
            {%- do problems.append([
                path ~ '.parameters',
                'names ' ~ (version.parameters | sort | join(', ') or 'none')
                ~ '; every version must name the same: ' ~ (earlier.parameters | sort | join(', ') or 'none')
            ]) -%}
        {%- endif -%}
        {%- for name, value in version.parameters.items() if earlier and name in earlier.parameters -%}
            {%- set former = earlier.parameters[name] -%}
            {%- if (value is string, value is boolean) != (former is string, former is boolean) -%}
                {%- do problems.append([
                    path ~ '.parameters.' ~ name,
                    'is ' ~ shown(value) ~ '; it must be of one kind in all versions, like ' ~ shown(former)
                ]) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(problems) }}
{%- endmacro %}

{#
    What the SQL does against what the spec says it does: it reads customer_features alone, exactly the columns of
    data_inputs, and every parameter. Arguments: node, spec. Columns are found as `features.<name>`, parameters as
    `versions.<name>`: the aliases that every rule uses (DESIGN 8).
#}
{% macro rule_reading_problems(node, spec) -%}
    {%- set problems = [] -%}
    {%- set sql = rule_text(node) -%}
    {%- for parent in node.depends_on.nodes if parent.split('.')[2] != 'customer_features' -%}
        {%- do problems.append([
            'data_inputs',
            'does not cover ' ~ parent ~ ', which the SQL reads; a rule may read customer_features only'
        ]) -%}
    {%- endfor -%}
    {%- if 'data_inputs' in spec -%}
        {%- set declared = spec.data_inputs | map(attribute='columns') | sum(start=[]) | unique | list -%}
        {%- set read = names_after('features', applied_rule_text(node)) | reject('in', ['as_of', 'customer_key']) | list -%}
        {#- a misspelt column would else be asked to be declared, and then stop the build in the engine's words -#}
        {%- set known = columns_of_features() | list -%}
        {%- for name in read if known and name not in known -%}
            {%- do problems.append(['data_inputs', 'cannot name the column ' ~ name ~ ', which the SQL reads: customer_features has none of this name']) -%}
        {%- endfor -%}
        {%- for name in read if name not in declared and (name in known or not known) -%}
            {%- do problems.append([
                'data_inputs',
                'leaves out the column ' ~ name ~ ', which the SQL reads; it must be declared'
            ]) -%}
        {%- endfor -%}
        {%- for name in declared if name not in read -%}
            {%- do problems.append([
                'data_inputs',
                'names the column ' ~ name ~ ', which the SQL does not read; it must be taken out'
            ]) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if 'versions' in spec -%}
        {%- set declared = spec.versions | map(attribute='parameters') | map('list') | sum(start=[]) | unique | list -%}
        {%- set used = names_after('versions', sql) | reject('in', ['spec_version', 'effective_from', 'effective_to']) | list -%}
        {%- for name in used if name not in declared -%}
            {%- do problems.append(['versions.parameters.' ~ name, 'is missing; the SQL uses versions.' ~ name]) -%}
        {%- endfor -%}
        {%- for name in declared if name not in used -%}
            {%- do problems.append(['versions.parameters.' ~ name, 'is not used in the SQL; use it or take it out']) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(problems) }}
{%- endmacro %}

{#
    Data collected under a consent purpose is used under that purpose only (GDPR 5(1)(b)): a column of customer_features
    with `meta.purpose` needs it among consent_purposes, which only lawful_basis consent has. Arguments: node, spec.
#}
{% macro feature_purpose_problems(node, spec) -%}
    {%- set problems = [] -%}
    {%- set features = columns_of_features() -%}
    {%- for name in names_after('features', applied_rule_text(node)) -%}
        {%- set purpose = features.get(name, {}).get('meta', {}).get('purpose') -%}
        {%- if purpose and purpose not in spec.get('consent_purposes', []) -%}
            {%- do problems.append([
                'consent_purposes',
                'leaves out ' ~ purpose ~ '; the SQL reads ' ~ name
                ~ ', which is collected under it, so the segment needs that consent'
            ]) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(problems) }}
{%- endmacro %}

{# The distinct names that stand behind `alias.` in a rule, sorted. Arguments: alias; sql, the rule's text. #}
{% macro names_after(alias, sql) -%}
    {{ return(modules.re.findall('(?i)\\b' ~ alias ~ '[.]([a-z_][a-z0-9_]*)', sql) | map('lower') | unique | sort) }}
{%- endmacro %}
