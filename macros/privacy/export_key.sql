{#
    The key by which one receiver knows a person: HMAC-SHA256 of the person's pseudonym, salted by receiver and epoch, so
    that no two receivers can join their lists and none can join them with the warehouse. A new epoch gives everybody new
    keys. The domain `export` keeps it apart from every other use of the vault's key (privacy.md 3.4).
    Arguments: customer_key, domain (the receiver), epoch (integer): SQL expressions; keys, alias of the vault's row.
#}
{% macro export_key(customer_key, domain, epoch, keys='keys') -%}
    {{ hmac_sha256_hex(
        "'export|' || " ~ domain ~ " || '|' || cast(" ~ epoch ~ " as " ~ dbt.type_string() ~ ") || '|' || " ~ customer_key,
        keys ~ '.inner_block', keys ~ '.outer_block'
    ) }}
{%- endmacro %}
