{#
    Who was erased stays erased: raw rows of the time before the erasure are recognised at the waist and their content goes
    no further. The raw input is the shop's own and may bring them again at any time (privacy.md C42).

    `vault.erased_identifiers` names nobody: per identifier it holds HMAC-SHA256 under the record key, in a domain of its
    own, so the value is neither a customer_key nor any other key of the person (privacy.md 3.2). An HMAC per raw row would
    cost more than the build. So each identifier has a bucket as well, a cheap number (identifier_bucket), and only rows in the
    bucket of somebody erased are hashed; while nobody is erased the joins below have nothing on their right side. An engine
    that counts buckets otherwise than the one that erased is met by hashing every row.
#}

{# Why a row of somebody erased is not used, as in `rejected_reason`. No argument; returns a quoted literal. #}
{% macro erased_reason() -%}
    'erased person'
{%- endmacro %}

{# The text whose bucket stands beside each of the list: equal, if buckets are counted as they were then. #}
{% macro bucket_check_text() -%}
    'bucket check'
{%- endmacro %}

{#
    What the suppression list holds of an identifier. Arguments: identifier_type, identifier: SQL texts, normalised as in the
    key map; keys, an alias with inner_block and outer_block of the record key.
#}
{% macro erased_hash(identifier_type, identifier, keys) -%}
    {{ hmac_sha256_hex(
        "'erased|' || " ~ identifier_type ~ " || '|' || " ~ identifier, keys ~ '.inner_block', keys ~ '.outer_block'
    ) }}
{%- endmacro %}

{#
    LEFT JOINs that find out whether an identifier is of somebody erased. Arguments: identifier_type, identifier: SQL texts;
    instants, a list of the row's times (SQL): the first of them decides, without any the row is of before; number, to join
    for several identifiers of a row. Gives the alias erased<number> with identifier_hash (null: not erased), erased_until
    (the newest erasure) and generation (how many there were).
#}
{% macro join_erased(identifier_type, identifier, instants=[], number='') -%}
    left join (
        select
            listed.bucket,
            record_keys.secret,
            record_keys.inner_block,
            record_keys.outer_block
        from (
            select bucket from {{ source('vault', 'erased_identifiers') }}
            where bucket_check = {{ identifier_bucket(bucket_check_text()) }}

            union

            select numbers.bucket from generate_series(0, 65535) as numbers (bucket)
            where exists (
                select 1 from {{ source('vault', 'erased_identifiers') }}
                where bucket_check != {{ identifier_bucket(bucket_check_text()) }}
            )
        ) as listed
        cross join {{ vault_keys() }} as record_keys
        where record_keys.key_name = 'record_key'
    ) as buckets{{ number }}
        on {{ identifier_bucket(identifier) }} = buckets{{ number }}.bucket
    left join (
        select
            identifier_hash,
            max(erased_at) as erased_until,
            max(generation) as generation
        from {{ source('vault', 'erased_identifiers') }}
        group by identifier_hash
    ) as erased{{ number }}
        on case
            when buckets{{ number }}.bucket is not null then {{ erased_hash(identifier_type, identifier, 'buckets' ~ number) }}
        end = erased{{ number }}.identifier_hash
        {%- if instants %}
        and coalesce({{ least_of(instants) }}, cast('1000-01-01 00:00:00' as {{ dbt.type_timestamp() }})) <= erased{{ number }}.erased_until
        {%- endif %}
{%- endmacro %}

{#
    The rows of a raw table as staged, without the content of those that belong to somebody erased: of these only
    source_system and recorded_at are left (not after the erasure, so that they move no clock), the key of an order as a hash
    that its lines and refunds can be recognised by, and is_erased. Whose a row is: the first identifier that it names.
    What a choice says of an address or a device that is not erased is left too, without the person (is_person_erased): others may
    hold it, and what it restricts must not come back to life. Its key is a hash, so that it still replaces its older versions.
    An erased device goes by a hash too: what names it alone is gone, except signals, which bind the persons who used it; what
    persons chose on it and the links that say who used it stay, as theirs.
    Arguments: relation (a CTE with the columns of staging), table of the input contract.
#}
{% macro without_erased(relation, table) -%}
    {%- set person = fact_persons(table) -%}
    {%- set hits, shared, all_joins = [], [], person.sides + person.shared + person.devices -%}
    {%- for side in person.sides -%}
        {%- set is_person = " and coalesce(" ~ side.type ~ ", '') != 'anonymous_id'" if 'column' in side else '' -%}
        {%- do hits.append('erased' ~ loop.index ~ '.identifier_hash is not null' ~ is_person) -%}
    {%- endfor -%}
    {%- set first, device = person.devices | first, 'erased' ~ (all_joins | length) -%}
    {%- set device_hash = record_key('erased_device', 'received.anonymous_id', 'buckets' ~ (all_joins | length) ~ '.secret') -%}
    {%- if first -%}{%- do hits.append(device ~ '.identifier_hash is not null and ' ~ person.sides[0].id ~ ' is null') -%}{%- endif -%}
    {%- set is_hit = hits | join(' or ') -%}
    {#- an address or a device outlives its holder unless it is erased itself -#}
    {%- for one in person.shared -%}
        {%- do shared.append('(' ~ one.id ~ ' is not null and erased' ~ (loop.index + person.sides | length) ~ '.identifier_hash is null)') -%}
    {%- endfor -%}
    {%- if first -%}
        {%- do shared.append('(received.anonymous_id is not null and (' ~ device ~ '.identifier_hash is null or signals.event_type is not null))') -%}
    {%- endif -%}
    {%- set is_shared = 'received.unreadable_column is null and (' ~ shared | join(' or ') ~ ')' if shared else 'false' -%}
    {%- set secret = 'coalesce(buckets1.secret, buckets' ~ (all_joins | length) ~ '.secret)' -%}
    {%- set derived = ['recorded_at', 'is_recorded_at_known', 'is_person_erased'] -%}
    {%- set content = fact_columns(table).columns | reject('in', derived) | list -%}
    {%- set recorded = ['coalesce(received.recorded_at, received.' ~ person.occurred_at ~ ')'] -%}
    select
        received.source_system,
        {%- for column in content + ['unreadable_column', 'unreadable_value'] %}
        case
            {%- if first and column == first.column %}
            when (not ({{ is_hit }}) or {{ is_shared }}) and {{ device }}.identifier_hash is not null then {{ device_hash }}
            {%- endif %}
            {%- for side in person.sides if side.column == column %}
            {%- set number = person.sides.index(side) + 1 %}
            when not ({{ is_hit }}) and erased{{ number }}.identifier_hash is not null
                then {{ record_key('erased_device', 'received.' ~ column, 'buckets' ~ number ~ '.secret') }}
            {%- endfor %}
            when not ({{ is_hit }}) then received.{{ column }}
            {%- if column == 'order_id' and table == 'orders' %}
            else {{ record_key('erased_order', 'received.order_id', 'buckets1.secret') }}
            {%- elif shared and column in fact_columns(table).key %}
            when {{ is_shared }} then {{ record_key('erased_choice', 'received.' ~ column, secret) }}
            {%- elif column in person.shared | map(attribute='column') %}
            {%- set number = person.sides | length + (person.shared | map(attribute='column') | list).index(column) + 1 %}
            when {{ is_shared }} and erased{{ number }}.identifier_hash is null then received.{{ column }}
            {%- elif shared and column in [first.column] + person.left %}
            when {{ is_shared }} then received.{{ column }}
            {%- endif %}
        end as {{ column }},
        {%- endfor %}
        case
            when {{ is_hit }} then {{ least_of(recorded + (person.sides + person.devices) | map(attribute='until') | list) }}
            else received.recorded_at
        end as recorded_at,
        {%- if shared %}
        ({{ is_hit }}) and {{ is_shared }} as is_person_erased,
        {%- endif %}
        ({{ is_hit }}) and not ({{ is_shared }}) as is_erased
    from {{ relation }} as received
    {%- for side in all_joins %}
    {{ join_erased(side.type, side.id, ['received.' ~ person.occurred_at, 'received.recorded_at'], loop.index) }}
    {%- endfor %}
    {%- if first %}
    left join (select event_type from {{ ref('consent_event_types') }} where is_signal) as signals
        on {{ folded_word('received.event_type') }} = signals.event_type
    {%- endif %}
{%- endmacro %}

{#
    The orders of persons erased, by the hash that without_erased() left of their keys: order_key; erased_until, the newest
    erasure. Only a line or refund without a usable order need be looked up there. No argument; returns a query.
#}
{% macro erased_orders() -%}
    select
        order_key,
        erased_until
    from (
        select distinct order_id as order_key from {{ ref('int_orders_checked') }}
        where rejected_reason = {{ erased_reason() }}
    ) as keys
    cross join (select max(erased_at) as erased_until from {{ source('vault', 'erased_identifiers') }}) as erasures
{%- endmacro %}
