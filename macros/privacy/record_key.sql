{#
    Pseudonymous key of a source record (order, consent event, rejected row): the first 128 bits of
    SHA-256(secret | kind | id) as 32 hex digits. One hash instead of HMAC's two, because there are as many records as
    orders; the cut hides the inner state, so the text cannot be extended (as in SHA-512/256, FIPS 180-4).
    Arguments: kind (a word that separates the domains), id (SQL text), secret (column with 32 hex digits).
#}
{% macro record_key(kind, id, secret) -%}
    substr({{ sha256_hex(secret ~ " || '|" ~ kind ~ "|' || " ~ id) }}, 1, 32)
{%- endmacro %}
