{#
    The purposes a segment may name: those whose consent state is evaluated. The same list as `is_evaluated` in
    seeds/reference/purposes.csv, written twice because the gate runs before a fresh warehouse holds the seed;
    tests/singular/assert_purposes_match_seed.sql keeps the two equal.
#}
{% macro known_purposes() -%}
    {{ return([
        'marketing.communications.email',
        'marketing.communications.sms',
        'marketing.advertising.profiling',
        'personalize.content.profiling',
        'sale_share',
        'third_party_sharing'
    ]) }}
{%- endmacro %}

{# Whether a purpose is marketing use, for which DESIGN 8 accepts consent and legitimate interests only. Argument: purpose. #}
{% macro is_marketing_purpose(purpose) -%}
    {{ return(purpose.split('.')[0] in ['marketing', 'personalize', 'third_party_sharing', 'sale_share']) }}
{%- endmacro %}

{#
    Categories of personal data: keys of fideslang's taxonomy (3.2 names; privacy.md 1.1). Special categories (health, belief,
    ...) are left out on purpose: no feature carries them.
#}
{% macro known_data_categories() -%}
    {{ return([
        'user.behavior.purchase_history', 'user.behavior.browsing_history', 'user.behavior.search_history',
        'user.settings', 'user.contact.email', 'user.contact.phone_number', 'user.contact.address.country',
        'user.device.cookie_id', 'user.device.device_id', 'user.unique_id.pseudonymous', 'user.demographic.age_range',
        'user.demographic.gender', 'user.location.imprecise', 'user.location.precise', 'user.financial.credit_card',
        'user.content.public', 'user.children'
    ]) }}
{%- endmacro %}
