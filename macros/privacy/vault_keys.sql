{# The relation with the HMAC keys: the committed demo keys, or with a shop's own data the ones in the vault. #}
{% macro vault_keys() -%}
    {%- if env_var('SEGMENTS_RAW', '') == '' -%}
        {{ return(ref('demo_hmac_keys')) }}
    {%- else -%}
        {{ return(source('vault', 'hmac_keys')) }}
    {%- endif -%}
{%- endmacro %}

{# The relation with the seed of the leaf nonces: the demo's committed one, or with a shop's own data the one of this build. #}
{% macro nonce_seeds() -%}
    {%- if env_var('SEGMENTS_RAW', '') == '' -%}
        {{ return(ref('demo_nonce_seeds')) }}
    {%- else -%}
        {{ return(source('vault', 'nonce_seeds')) }}
    {%- endif -%}
{%- endmacro %}
