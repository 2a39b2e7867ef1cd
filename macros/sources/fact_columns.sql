{#
    The key and the columns of each checked fact, in the order of the canonical row: one list for de-duplication,
    row hashes and the payload of rejected rows. Argument: table of the input contract. Returns {key, columns} and, where
    an older version binds the newer ones in a column, {fixed}.
#}
{% macro fact_columns(table) -%}
    {{ return({
        'orders': {
            'key': ['order_id'],
            'fixed': 'currency',
            'columns': [
                'order_id', 'customer_id', 'email', 'phone', 'currency', 'status', 'coupon_code', 'channel', 'device_type',
                'country', 'region', 'gross_amount', 'discount_amount', 'ordered_at', 'recorded_at'
            ]
        },
        'order_lines': {
            'key': ['order_id', 'line_number'],
            'columns': ['order_id', 'line_number', 'product_id', 'quantity', 'unit_price', 'discount_amount', 'recorded_at']
        },
        'refunds': {
            'key': ['refund_id'],
            'columns': ['refund_id', 'order_id', 'amount', 'refunded_at', 'recorded_at']
        },
        'products': {
            'key': ['product_id'],
            'columns': ['product_id', 'product_category', 'product_name', 'recorded_at']
        },
        'customers': {
            'key': ['customer_id'],
            'columns': [
                'customer_id', 'email', 'phone', 'country', 'region', 'gender', 'birth_date', 'created_at', 'recorded_at'
            ]
        },
        'events': {
            'key': ['event_id'],
            'columns': [
                'event_id', 'event_type', 'customer_id', 'anonymous_id', 'session_id', 'product_id', 'product_category',
                'device_type', 'channel', 'campaign_id', 'segment_id', 'experiment_id', 'variant', 'consent_version',
                'amount', 'occurred_at', 'recorded_at'
            ]
        },
        'consents': {
            'key': ['consent_event_id'],
            'columns': [
                'consent_event_id', 'customer_id', 'anonymous_id', 'email', 'phone', 'purpose', 'status',
                'consent_version', 'jurisdiction', 'event_type', 'source', 'request_id', 'effective_at',
                'is_recorded_at_known', 'is_person_erased', 'recorded_at'
            ]
        },
        'notices': {
            'key': ['consent_version'],
            'columns': [
                'consent_version', 'text_sha256', 'language', 'purposes', 'is_material_change', 'published_at',
                'invalidated_at', 'recorded_at'
            ]
        },
        'identity_links': {
            'key': ['link_id'],
            'columns': [
                'link_id', 'left_type', 'left_id', 'right_type', 'right_id', 'match_class', 'match_rule', 'consent_event_id',
                'score', 'effective_at', 'valid_to', 'recorded_at'
            ]
        },
        'exchange_rates': {
            'key': ['currency', 'rate_date'],
            'columns': ['currency', 'rate', 'rate_date', 'recorded_at']
        },
        'scheduled_sends': {
            'key': ['send_id'],
            'columns': [
                'send_id', 'customer_id', 'email', 'channel', 'campaign_id', 'segment_id', 'scheduled_at', 'recorded_at'
            ]
        }
    }[table]) }}
{%- endmacro %}

{#
    Whose a raw row is and when it happened, for facts about persons: `sides`, each an identifier as SQL on the alias
    `received` (type, id; the first one that the row names; of a link each, with its column), and `occurred_at`, the column with its time.
    Of choices also what they say of others than that person: `shared`, the addresses, `devices` (column, type, id each), and `left`, the
    columns without which that would say nothing. Argument: table of the input contract.
#}
{% macro fact_persons(table) -%}
    {%- set types, ids, sides = [], [], [] -%}
    {%- set columns = {
        'orders': ['customer_id', 'email', 'phone'], 'consents': ['customer_id', 'email', 'phone'], 'customers': ['customer_id'],
        'scheduled_sends': ['customer_id', 'email']
    }.get(table, []) -%}
    {%- set forms = {
        'customer_id': 'received.customer_id', 'email': normalised_email('received.email'), 'phone': normalised_phone('received.phone')
    } -%}
    {%- for column in columns -%}
        {%- do types.append('when ' ~ forms[column] ~ " is not null then '" ~ column ~ "'") -%}
        {%- do ids.append(forms[column]) -%}
    {%- endfor -%}
    {%- if columns | length == 1 -%}
        {%- do sides.append({'type': "'" ~ columns[0] ~ "'", 'id': ids[0]}) -%}
    {%- elif columns -%}
        {%- do sides.append({'type': 'case ' ~ types | join(' ') ~ ' end', 'id': 'coalesce(' ~ ids | join(', ') ~ ')'}) -%}
    {%- elif table == 'identity_links' -%}
        {%- for side in ['left', 'right'] -%}
            {%- set type = 'received.' ~ side ~ '_type' -%}
            {%- set id = 'received.' ~ side ~ '_id' -%}
            {%- do sides.append({'type': folded_word(type), 'id': normalised_identifier(type, id), 'column': side ~ '_id'}) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- set shared = [] -%}
    {%- for column in (['email', 'phone'] if table == 'consents' else []) -%}
        {%- do shared.append({'column': column, 'type': "'" ~ column ~ "'", 'id': forms[column]}) -%}
    {%- endfor -%}
    {%- set devices = [] -%}
    {%- if table == 'consents' -%}
        {%- do devices.append({'column': 'anonymous_id', 'type': "'anonymous_id'", 'id': 'received.anonymous_id'}) -%}
    {%- endif -%}
    {%- for side in sides -%}{%- do side.update({'until': 'erased' ~ loop.index ~ '.erased_until'}) -%}{%- endfor -%}
    {%- for device in devices -%}
        {%- do device.update({'until': 'erased' ~ (sides | length + shared | length + loop.index) ~ '.erased_until'}) -%}
    {%- endfor -%}
    {{ return({
        'sides': sides,
        'shared': shared,
        'devices': devices,
        'left': ['purpose', 'status', 'event_type', 'effective_at'] if table == 'consents' else [],
        'occurred_at': {
            'orders': 'ordered_at', 'consents': 'effective_at', 'customers': 'created_at', 'identity_links': 'effective_at',
            'scheduled_sends': 'recorded_at'
        }.get(table)
    }) }}
{%- endmacro %}
