{%- set text, rows = dbt.type_string(), [] -%}
{%- for node in (segment_nodes() if execute else []) if segment_spec(node).status == 'active' -%}
    {%- set spec = segment_spec(node) -%}
    {%- for use in spec.downstream_uses -%}
        {%- set vendor = vendor_manifest(use.get('vendor_id')) -%}
        {%- do rows.append([
            [spec.segment_id, use.channel, use.destination] | join('.'), spec.name ~ ': ' ~ use.use, spec.segment_id, use.use,
            use.channel, use.destination, use.get('vendor_id'), use.purpose,
            channel_purposes()[use.channel] is not none or spec.lawful_basis == 'consent',
            use.channel == 'email' and spec.get('eprivacy_basis') == 'soft_opt_in', use.get('vendor_id') or use.destination,
            vendor.get('key_epoch', 1)
        ]) -%}
    {%- endfor -%}
{%- endfor %}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

vendor_states as (
    select * from {{ ref('vendor_states') }}
),

uses as (
    {{ literal_rows([
        ['audience_id', text], ['audience_name', text], ['segment_id', text], ['use', text], ['channel', text],
        ['destination', text], ['vendor_id', text], ['purpose', text], ['is_consent_needed', 'boolean'],
        ['is_soft_opt_in_enough', 'boolean'], ['key_domain', text], ['key_epoch', 'integer']
    ], rows) }}
)

select
    clock.as_of,
    uses.audience_id,
    uses.audience_name,
    uses.segment_id,
    uses.use,
    uses.channel,
    uses.destination,
    uses.vendor_id,
    uses.purpose,
    uses.is_consent_needed,
    uses.is_soft_opt_in_enough,
    uses.key_domain,
    uses.key_epoch,
    case when vendor_states.is_blocked then 'blocked_vendor' else 'active' end as status,
    vendor_states.blocked_reason,
    vendor_states.blocked_from
from uses
cross join clock
left join vendor_states
    on clock.as_of = vendor_states.as_of
    and uses.vendor_id = vendor_states.vendor_id
