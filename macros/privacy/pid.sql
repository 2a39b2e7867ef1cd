{#
    Pseudonyms of devices and e-mail addresses: HMAC-SHA256 under the salt of an epoch, so that a new epoch gives everybody a
    new one and nobody can join the two. The type stands in the text: the same text as e-mail and as device is two (privacy.md
    3.4, C30). customer_key has a key of its own and does not rotate; receivers' keys have epochs in their manifests (export_key).
#}

{# The relation with the epochs and their salts: the demo's committed one, or with a shop's own data the vault's. #}
{% macro pid_salts() -%}
    {%- if env_var('SEGMENTS_RAW', '') == '' -%}
        {{ return(ref('demo_pid_salts')) }}
    {%- else -%}
        {{ return(source('vault', 'pid_salts')) }}
    {%- endif -%}
{%- endmacro %}

{#
    The pseudonym; null once the salt is destroyed. Arguments: identifier_type (anonymous_id or email) and identifier, normalised:
    SQL texts; salts, alias of the epoch's row.
#}
{% macro pid(identifier_type, identifier, salts) -%}
    {{ hmac_sha256_hex(
        identifier_type ~ " || '|' || " ~ identifier, salts ~ '.inner_block', salts ~ '.outer_block'
    ) }}
{%- endmacro %}

{#
    Whether a device id is what trackers write when they have none: it would join everybody without one (privacy.md C29).
    Argument: identifier (SQL text).
#}
{% macro names_nobody(identifier) -%}
    {{ folded_word(identifier) }} in (
        'unknown', 'undefined', 'null', 'none', 'nil', 'nan', 'n/a', 'na', 'anonymous', '(not set)', '-', '0',
        '00000000-0000-0000-0000-000000000000'
    )
{%- endmacro %}
