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
    Refuses to build with a vault that lacks an epoch which the record knows: restored from an older backup, it would give other
    pseudonyms to the same days, and bridge none of them. On-run-start. An epoch whose salt a purge destroyed may be missing; so may
    one that no build has seen yet, of which there is nothing on record. The demo's epochs are a seed.
#}
{% macro refuse_lost_epochs() -%}
    {%- set recorded = recorded_relation('pid_epochs') if env_var('SEGMENTS_RAW', '') != '' else none -%}
    {%- if recorded -%}
    select count(*)
    from (
        select min(recorded.epoch) as lost_epoch
        from {{ recorded }} as recorded
        left join {{ source('vault', 'pid_salts') }} as salts
            on recorded.epoch = salts.epoch
            and recorded.valid_from = salts.valid_from
            and recorded.rotated_at is not distinct from salts.rotated_at
        where recorded.destroyed_at is null
            and (salts.epoch is null or (salts.inner_block is null and salts.destroyed_at is null))
    ) as lost
    where {{ raise_if(
        'lost_epoch is not null',
        "'the vault lacks the salt of epoch ' || lost_epoch || ', which the record knows: it was restored from an older backup; '"
        ~ " || 'restore a vault that holds that epoch'"
    ) }}
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
