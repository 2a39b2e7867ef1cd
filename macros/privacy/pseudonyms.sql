{#
    What the report on access (question q18) says of this project itself: in which areas its relations lie, and which columns
    outside the restricted area hold pseudonyms. Areas are read from dbt's graph, so none can be forgotten.
#}

{#
    Every area with relations of the project, by name, as a list of [area, whether it is restricted, and with that person data or
    keys]. An area is a schema; on DuckDB, where the restricted schemas lie in a file of their own, `restricted.<schema>`.
#}
{% macro areas() -%}
    {%- set found = {} -%}
    {%- for node in (graph.nodes.values() | list) + (graph.sources.values() | list) -%}
        {%- if node.resource_type in ('model', 'seed', 'snapshot') or (node.resource_type == 'source' and node.source_name in ('generic', 'vault')) -%}
            {%- set is_file = node.database == 'restricted' -%}
            {%- do found.update({('restricted.' if is_file else '') ~ node.schema: is_file or node.schema.startswith('restricted_')}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found.items() | sort) }}
{%- endmacro %}

{#
    The kinds of pseudonyms: a list of [column, whom or what it stands for, within what it is the same, what ends it, the
    restricted relation that leads back]. A test holds that no other column of readers has keys.
#}
{% macro pseudonyms() -%}
    {%- set record, kept = 'the whole warehouse', 'nothing; it goes with its row' -%}
    {%- set device, epoch, rotation = 'a device', 'one epoch', 'the next epoch; nobody can tell it once the salt is destroyed' -%}
    {{ return([
        ['consent_event_key', 'a consent event', record, kept, 'int_consents'],
        ['customer_key', 'a person', 'the whole warehouse', 'an erasure', 'customer_keys'],
        ['member_key', 'a person', 'one receiver and key_epoch', 'the next key_epoch of the receiver', 'customer_keys'],
        ['new_pid', device, epoch, rotation, 'int_pids'],
        ['old_pid', device, epoch, rotation, 'int_pids'],
        ['order_key', 'an order', record, kept, 'int_orders'],
        ['pid', device, epoch, rotation, 'int_pids'],
        ['refund_key', 'a refund', record, kept, 'int_refunds'],
        ['request_key', 'a request of a person', record, kept, 'erasure_requests'],
        ['row_key', 'a rejected row', record, kept, 'int_rejected_rows']
    ]) }}
{%- endmacro %}
