{#
    The fields of a segment spec, one table of name -> description. `spec_values.sql` checks every value against it;
    rules between fields stand in `spec_rules.sql`. Source: DESIGN 8, privacy.md A (fields) and 1.1 (enumerations).

    A description holds `type` (text, integer, number, boolean, list, mapping, parameters) and what the type allows:
    `allowed` (closed list), `pattern` with `example`, `format` (day, instant, zone), `longest` (characters), `least` and
    `most` (numbers), `entry` (description of a list's entries), `may_be_empty`, `fields` (of a mapping). A field is
    required unless `optional`; a rule between fields may ask for an optional one.
#}
{% macro spec_fields() -%}
    {%- set fields = {} -%}
    {%- do fields.update(spec_identity_fields()) -%}
    {%- do fields.update(spec_data_fields()) -%}
    {%- do fields.update(spec_basis_fields()) -%}
    {%- do fields.update(spec_risk_fields()) -%}
    {%- do fields.update(spec_lifecycle_fields()) -%}
    {%- do fields.update(spec_use_fields()) -%}
    {%- do fields.update({'versions': {'type': 'list', 'entry': {'type': 'mapping', 'fields': spec_version_fields()}}}) -%}
    {{ return(fields) }}
{%- endmacro %}

{# Which segment this is, in words for people. `priority` orders a person's memberships; the lowest is primary. #}
{% macro spec_identity_fields() -%}
    {{ return({
        'spec_schema_version': {'type': 'text', 'pattern': '[0-9]+[.][0-9]+[.][0-9]+', 'example': '1.0.0'},
        'segment_id': {'type': 'text', 'pattern': '[a-z][a-z0-9_]{0,62}', 'example': 'repeat_buyer'},
        'name': {'type': 'text', 'longest': 80},
        'description_plain': {'type': 'text', 'longest': 500},
        'status': {'type': 'text', 'allowed': ['draft', 'active', 'paused', 'retired']},
        'priority': {'type': 'integer', 'least': 1, 'most': 1000000},
        'timezone': {'type': 'text', 'format': 'zone'},
        'trigger': {'type': 'list', 'entry': {'type': 'text', 'allowed': [
            'page_view', 'product_view', 'add_to_cart', 'checkout_started', 'purchase', 'refund', 'signup', 'email_click',
            'schedule'
        ]}},
        'persistence': {'type': 'text', 'allowed': ['session', 'persistent']},
        'rule_kind': {'type': 'text', 'allowed': ['rule', 'rfm', 'model']},
        'model_ref': {'type': 'mapping', 'optional': true, 'fields': {
            'name': {'type': 'text'},
            'version': {'type': 'text'},
            'sha256': {'type': 'text', 'pattern': '[0-9a-f]{64}', 'example': '64 hexadecimal digits'},
            'trained_on_run': {'type': 'text'}
        }},
        'sampling': {'type': 'text', 'allowed': ['none']},
        'tests': {'type': 'list', 'optional': true, 'may_be_empty': true, 'entry': {'type': 'text'}}
    }) }}
{%- endmacro %}

{# What the rule reads and about whom. `source_system: own_shop` is every staged system of the shop itself. #}
{% macro spec_data_fields() -%}
    {{ return({
        'data_inputs': {'type': 'list', 'entry': {'type': 'mapping', 'fields': {
            'dataset': {'type': 'text', 'allowed': [
                'orders', 'order_lines', 'refunds', 'products', 'customers', 'events', 'consents', 'identity_links'
            ]},
            'columns': {'type': 'list', 'entry': {'type': 'text', 'pattern': '[a-z][a-z0-9_]*', 'example': 'order_count'}},
            'data_category': {'type': 'text', 'allowed': known_data_categories()},
            'source_system': {'type': 'text', 'pattern': '[a-z][a-z0-9_]*', 'example': 'own_shop'},
            'source_kind': {'type': 'text', 'allowed': [
                'crm', 'order', 'payment', 'web_event', 'email_event', 'support', 'survey', 'vendor', 'external_append'
            ]}
        }}},
        'exclude': {'type': 'list', 'optional': true, 'entry': {
            'type': 'text', 'pattern': '[a-z][a-z0-9_]{0,62}', 'example': 'existing_customer'
        }},
        'identifiers': {'type': 'list', 'entry': {'type': 'text', 'allowed': [
            'customer_id', 'email_hmac', 'phone_hmac', 'cookie_id', 'device_id', 'device_fingerprint', 'session_id',
            'loyalty_id', 'household_key'
        ]}},
        'identity_policy': {'type': 'mapping', 'optional': true, 'fields': {
            'allow_match_class': {'type': 'list', 'entry': {
                'type': 'text', 'allowed': ['deterministic', 'probabilistic', 'unlinked']
            }},
            'requires_consent_purpose': {
                'type': 'text', 'optional': true, 'allowed': known_purposes() + ['identity.cross_device_linking']
            },
            'min_score': {'type': 'number', 'optional': true, 'least': 0, 'most': 1}
        }},
        'data_subjects': {'type': 'list', 'entry': {
            'type': 'text', 'allowed': ['customer', 'prospect', 'site_visitor', 'employee']
        }},
        'currency': {'type': 'mapping', 'optional': true, 'fields': {
            'reporting': {'type': 'text', 'pattern': '[A-Z]{3}|REPORTING_CURRENCY', 'example': 'EUR or REPORTING_CURRENCY'},
            'fx_source': {'type': 'text', 'allowed': ['exchange_rates']},
            'fx_date_rule': {'type': 'text', 'allowed': ['order_date']}
        }}
    }) }}
{%- endmacro %}

{# Why we may do it, and where which law asks. #}
{% macro spec_basis_fields() -%}
    {%- set regimes = ['gdpr', 'uk_gdpr', 'ccpa', 'us_state_other', 'lgpd', 'other'] -%}
    {%- set postures = {} -%}
    {%- for regime in regimes -%}
        {%- do postures.update({regime: {
            'type': 'text', 'optional': true, 'allowed': ['opt_in', 'opt_out', 'notice_only']
        }}) -%}
    {%- endfor -%}
    {{ return({
        'lawful_basis': {'type': 'text', 'allowed': [
            'consent', 'contract', 'legal_obligation', 'vital_interests', 'public_task', 'legitimate_interests',
            'recognised_legitimate_interests'
        ]},
        'lia_ref': {'type': 'text', 'optional': true},
        'consent_purposes': {
            'type': 'list', 'optional': true, 'entry': {'type': 'text', 'allowed': known_purposes()}
        },
        'eprivacy_basis': {'type': 'text', 'optional': true, 'allowed': [
            'consent', 'strictly_necessary', 'soft_opt_in', 'national_exemption', 'not_applicable'
        ]},
        'purpose': {'type': 'text', 'allowed': known_purposes()},
        'jurisdictions': {'type': 'list', 'entry': {
            'type': 'text', 'pattern': '[A-Z]{2}(-[A-Z0-9]{1,3})?', 'example': 'DE or US-CA'
        }},
        'regime': {'type': 'list', 'entry': {'type': 'text', 'allowed': regimes}},
        'default_posture': {'type': 'mapping', 'fields': postures},
        'privacy_notice_ref': {'type': 'text'}
    }) }}
{%- endmacro %}

{# How far it reaches into a person's life. #}
{% macro spec_risk_fields() -%}
    {{ return({
        'privacy_impact': {'type': 'text', 'allowed': ['low', 'medium', 'high']},
        'dpia_ref': {'type': 'text', 'optional': true},
        'special_category': {'type': 'boolean'},
        'special_category_basis': {'type': 'text', 'optional': true, 'allowed': [
            'explicit_consent', 'employment_social', 'vital_interests', 'nonprofit', 'made_public', 'legal_claims',
            'substantial_public_interest', 'health_care', 'public_health', 'archiving_research'
        ]},
        'minors_policy': {'type': 'text', 'allowed': ['excluded', 'guardian_consent', 'teen_opt_in']},
        'sale_or_share': {'type': 'boolean'},
        'sensitive_pi_use': {'type': 'boolean', 'optional': true},
        'automated_decision': {'type': 'mapping', 'fields': {
            'significant_effect': {'type': 'boolean'},
            'human_review': {'type': 'boolean'},
            'basis': {'type': 'text', 'optional': true, 'allowed': ['explicit_consent', 'contract', 'authorised_by_law']}
        }},
        'cross_border': {'type': 'mapping', 'fields': {
            'transfers': {'type': 'boolean'},
            'countries': {'type': 'list', 'may_be_empty': true, 'entry': {
                'type': 'text', 'pattern': '[A-Z]{2}', 'example': 'US'
            }},
            'transfer_basis': {'type': 'text', 'allowed': [
                'none', 'adequacy_decision', 'sccs', 'bcrs', 'supplementary_measures', 'derogation_art49', 'other'
            ]}
        }},
        'min_publish_size': {'type': 'integer', 'least': 5, 'most': 1000000}
    }) }}
{%- endmacro %}

{# How long, and how a person gets out. #}
{% macro spec_lifecycle_fields() -%}
    {%- set days = {'type': 'text', 'pattern': 'P[0-9]{1,5}D', 'example': 'P30D'} -%}
    {%- set optional_days = {'type': 'text', 'pattern': 'P[0-9]{1,5}D', 'example': 'P30D', 'optional': true} -%}
    {{ return({
        'retention': {'type': 'mapping', 'fields': {
            'trigger': {'type': 'text', 'allowed': [
                'last_activity', 'event_time', 'entered_segment', 'consent_end', 'session_end', 'until_erasure_request'
            ]},
            'duration': optional_days,
            'reset_on_activity': {'type': 'boolean'},
            'plain_text': {'type': 'text', 'longest': 500},
            'review_every': optional_days,
            'next_review_on': {'type': 'text', 'format': 'day', 'optional': true}
        }},
        'backup_retention': days,
        'on_consent_loss': {'type': 'list', 'entry': {
            'type': 'text', 'allowed': ['remove_flag', 'stop_sends', 'delete_features', 'restrict']
        }},
        'opt_out_path': {'type': 'mapping', 'fields': {
            'url': {'type': 'text', 'pattern': '(https://|/)[^\\s<>"]+', 'example': '/privacy/choices'},
            'channels': {'type': 'list', 'entry': {
                'type': 'text', 'allowed': ['web', 'app', 'email', 'phone', 'mail', 'store']
            }},
            'as_easy_as_opt_in': {'type': 'boolean', 'allowed': [true]}
        }},
        'owner': {'type': 'text', 'longest': 100},
        'data_steward': {'type': 'text', 'longest': 100}
    }) }}
{%- endmacro %}

{# Where it goes, how it is measured, what marketing does with it. #}
{% macro spec_use_fields() -%}
    {%- set text = {'type': 'text'} -%}
    {%- set texts = {'type': 'list', 'entry': text} -%}
    {%- set channel = {'type': 'text', 'allowed': known_channels()} -%}
    {{ return({
        'vendors': {'type': 'list', 'may_be_empty': true, 'entry': {'type': 'mapping', 'fields': {
            'vendor_id': text, 'call_id': text, 'client_side': {'type': 'boolean', 'allowed': [false]}
        }}},
        'downstream_uses': {'type': 'list', 'may_be_empty': true, 'entry': {'type': 'mapping', 'fields': {
            'use': text,
            'channel': channel,
            'destination': {'type': 'text', 'pattern': '[a-z][a-z0-9_]{0,62}', 'example': 'newsletter_tool'},
            'vendor_id': {'type': 'text', 'optional': true},
            'purpose': {'type': 'text', 'allowed': known_purposes()}
        }}},
        'export_controls': {'type': 'mapping', 'fields': {
            'columns': {'type': 'list', 'entry': {'type': 'text', 'allowed': ['member_key']}},
            'regions': {'type': 'list', 'entry': {'type': 'text', 'allowed': ['eea', 'adequate', 'other']}}
        }},
        'consent_text_review': {'type': 'mapping', 'fields': {
            'notice': text, 'reviewed_by': text, 'reviewed_on': {'type': 'text', 'format': 'day'}
        }},
        'holdback': {'type': 'mapping', 'fields': {
            'percent': {'type': 'number', 'least': 0, 'most': 50}, 'reason': {'type': 'text', 'longest': 300}
        }},
        'metrics': {'type': 'list', 'entry': {'type': 'text', 'allowed': [
            'size', 'exposure', 'pdp_conversion', 'checkout_lift', 'aov', 'return_rate', 'churn', 'reactivation',
            'opt_out_rate'
        ]}},
        'playbook': {'type': 'mapping', 'optional': true, 'fields': {
            'strategy': text, 'channels': {'type': 'list', 'entry': channel}, 'campaign_ideas': texts, 'source': text
        }},
        'experiment': {'type': 'mapping', 'optional': true, 'fields': {
            'id': text, 'unit': text, 'salt_ref': text,
            'holdout_pct': {'type': 'number', 'least': 0, 'most': 100},
            'arms': texts, 'primary_metric': text, 'ci_method': text,
            'alpha': {'type': 'number', 'least': 0, 'most': 1},
            'planned_start': {'type': 'text', 'format': 'day'},
            'planned_end': {'type': 'text', 'format': 'day'},
            'min_n_per_arm': {'type': 'integer', 'least': 1},
            'pooled_with': {'type': 'list', 'optional': true, 'may_be_empty': true, 'entry': text}
        }}
    }) }}
{%- endmacro %}

{# One version of the rule: when it takes effect, its numbers, the oldest notice it accepts, and who answers for it. #}
{% macro spec_version_fields() -%}
    {%- set responsible = {
        'type': 'text', 'longest': 100, 'pattern': '[!-~]+( [!-~]+)*', 'example': 'Jane Doe or privacy-office, in plain letters'
    } -%}
    {{ return({
        'number': {'type': 'integer', 'least': 1, 'most': 100000},
        'effective_from': {'type': 'text', 'format': 'instant'},
        'parameters': {'type': 'parameters'},
        'min_notice_version': {'type': 'text', 'optional': true},
        'stability': {'type': 'integer', 'least': 2, 'most': 12, 'optional': true},
        'author': responsible,
        'requested_by': {'type': 'text', 'longest': 100},
        'approver': responsible,
        'reason': {'type': 'text', 'longest': 500},
        'change_ref': {'type': 'text', 'longest': 100}
    }) }}
{%- endmacro %}
