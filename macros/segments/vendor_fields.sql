{#
    The fields of a vendor in the manifest (privacy.md 8, vendor_manifest), in the language of spec_fields.sql. Dates are
    local days. `recorded_on` is the day on which we first held a document or finding: an evaluation knows nothing that was
    recorded after its known_at, so a paper dated back changes no date on record.
#}
{% macro vendor_fields() -%}
    {%- set text = {'type': 'text', 'longest': 200} -%}
    {%- set day = {'type': 'text', 'format': 'day'} -%}
    {%- set word = {'type': 'text', 'pattern': '[a-z][a-z0-9_]{0,62}', 'example': 'push_audience'} -%}
    {%- set country = {'type': 'text', 'pattern': '[A-Z]{2}', 'example': '"NO", in quotes'} -%}
    {%- set categories = {
        'type': 'list', 'may_be_empty': true, 'entry': {'type': 'text', 'allowed': known_data_categories()}
    } -%}
    {{ return({
        'vendor_id': {'type': 'text', 'pattern': '[a-z][a-z0-9_]{0,62}', 'example': 'nordpost_mail'},
        'service': {'type': 'text', 'allowed': [
            'email_service', 'sms_service', 'ad_platform', 'survey_tool', 'helpdesk', 'enrichment', 'scoring', 'other'
        ]},
        'role': {'type': 'text', 'allowed': ['processor', 'sub_processor', 'controller', 'joint']},
        'collects': {'type': 'list', 'may_be_empty': true, 'entry': {'type': 'text', 'allowed': blockable_source_kinds()}},
        'channels': {'type': 'list', 'may_be_empty': true, 'entry': {'type': 'text', 'allowed': known_channels()}},
        'calls': {'type': 'list', 'entry': {'type': 'mapping', 'fields': {
            'call_id': word,
            'direction': {'type': 'text', 'allowed': ['outbound', 'inbound']},
            'data_sent': categories,
            'data_returned': categories,
            'client_side': {'type': 'boolean', 'allowed': [false]}
        }}},
        'contracts': {'type': 'list', 'entry': {'type': 'mapping', 'fields': {
            'dpa_ref': text, 'signed_on': day, 'expires_on': day, 'recorded_on': day,
            'art28_clauses': {'type': 'mapping', 'fields': art28_clauses()}
        }}},
        'subprocessor_lists': {'type': 'list', 'entry': {'type': 'mapping', 'fields': {
            'as_of': day, 'recorded_on': day,
            'list_sha256': {'type': 'text', 'pattern': '[0-9a-f]{64}', 'example': '64 hexadecimal digits'},
            'approved_by': {'type': 'text', 'longest': 100, 'optional': true},
            'approved_on': {'type': 'text', 'format': 'day', 'optional': true},
            'subprocessors': {'type': 'list', 'may_be_empty': true, 'entry': {'type': 'mapping', 'fields': {
                'name': text, 'country': country, 'service': text
            }}}
        }}},
        'residency': {'type': 'list', 'entry': country},
        'transfer_basis': {'type': 'text', 'allowed': spec_fields().cross_border.fields.transfer_basis.allowed},
        'encryption': {'type': 'mapping', 'fields': {
            'at_rest': {'type': 'boolean', 'allowed': [true]}, 'in_transit': {'type': 'boolean', 'allowed': [true]}
        }},
        'access_log_ref': text,
        'deletion_sla': {'type': 'text', 'pattern': 'P[0-9]{1,5}D', 'example': 'P30D'},
        'deletion_request': {'type': 'mapping', 'optional': true, 'fields': {
            'format': {'type': 'text', 'allowed': ['segment', 'shopify', 'klaviyo']},
            'identity': {'type': 'text', 'allowed': ['member_key', 'customer_id', 'email', 'phone']},
            'shop_domain': {'type': 'text', 'longest': 200, 'optional': true}
        }},
        'lawful_basis': {'type': 'text', 'allowed': spec_fields().lawful_basis.allowed},
        'breach_notice_hours': {'type': 'integer', 'least': 1, 'most': 72},
        'key_epoch': {'type': 'integer', 'least': 1, 'most': 1000000},
        'verifications': {'type': 'list', 'may_be_empty': true, 'entry': {'type': 'mapping', 'fields': {
            'checked_on': day, 'recorded_on': day,
            'result': {'type': 'text', 'allowed': ['passed', 'failed']},
            'reasons': {'type': 'list', 'optional': true, 'entry': {
                'type': 'text', 'pattern': '[a-z][a-z0-9_]{0,62}', 'example': 'contract_expired'
            }},
            'verified_by': {'type': 'text', 'longest': 100},
            'evidence_ref': text
        }}}
    }) }}
{%- endmacro %}

{# What GDPR 28(3) wants of the contract: (a) instructions ... (h) audit; a contract that lacks one is none. #}
{% macro art28_clauses() -%}
    {%- set clauses = {} -%}
    {%- for letter in 'abcdefgh' -%}
        {%- do clauses.update({letter: {'type': 'boolean', 'allowed': [true]}}) -%}
    {%- endfor -%}
    {{ return(clauses) }}
{%- endmacro %}

{# The channels on which a segment may be used, each with the purpose that must be permitted for it; null: the segment's own. #}
{% macro channel_purposes() -%}
    {{ return({
        'email': 'marketing.communications.email', 'sms': 'marketing.communications.sms', 'paid_ads': 'third_party_sharing',
        'push': none, 'on_site': none, 'customer_service': none
    }) }}
{%- endmacro %}

{# The channels on which a segment may be used. #}
{% macro known_channels() -%}
    {{ return(channel_purposes().keys() | list) }}
{%- endmacro %}

{#
    The kinds of data that can be cut off when their vendor is blocked: customer_behaviour leaves the features null that have
    one of these as `meta.source_kind` in customer_features.
#}
{% macro blockable_source_kinds() -%}
    {{ return(['email_event', 'support', 'survey']) }}
{%- endmacro %}
