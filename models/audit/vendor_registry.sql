{%- set text, rows = dbt.type_string(), [] -%}
{%- if execute -%}
    {%- for vendor in vendor_manifests() -%}
        {%- set contract = (vendor.contracts | sort(attribute='recorded_on'))[-1] -%}
        {%- set list = (vendor.subprocessor_lists | sort(attribute='as_of'))[-1] -%}
        {%- set segments = [] -%}
        {%- for node in segment_nodes() if vendor.vendor_id in vendors_of(segment_spec(node)) -%}
            {%- do segments.append(segment_spec(node).segment_id) -%}
        {%- endfor -%}
        {%- do rows.append([
            vendor.vendor_id, vendor.label, vendor.service, vendor.role, vendor.owner, segments | join(';'),
            vendor.collects | join(';'), vendor.channels | join(';'), tojson(vendor.calls, sort_keys=true),
            contract.dpa_ref, contract.signed_on, contract.expires_on, contract.recorded_on,
            contract.art28_clauses | sort | join(';'), list.as_of, list.list_sha256, list.subprocessors | length,
            vendor.residency | sort | join(';'), vendor_countries(vendor) | join(';'), vendor.transfer_basis,
            vendor.encryption.at_rest, vendor.encryption.in_transit, vendor.access_log_ref, vendor.deletion_sla[1:-1],
            vendor.lawful_basis, vendor.breach_notice_hours, vendor.key_epoch, tojson(vendor, sort_keys=true)
        ]) -%}
    {%- endfor -%}
{%- endif %}

with vendors as (
    {{ literal_rows([
        ['vendor_id', text], ['vendor_name', text], ['service', text], ['role', text], ['owner', text], ['segments', text],
        ['source_kinds', text], ['channels', text], ['calls', text],
        ['dpa_ref', text], ['dpa_signed_on', 'date'], ['dpa_expires_on', 'date'], ['dpa_recorded_on', 'date'],
        ['art28_clauses', text], ['list_as_of', 'date'], ['list_sha256', text], ['n_subprocessors', 'integer'],
        ['residency', text], ['countries', text], ['transfer_basis', text],
        ['is_encrypted_at_rest', 'boolean'], ['is_encrypted_in_transit', 'boolean'], ['access_log_ref', text],
        ['deletion_days', 'integer'], ['lawful_basis', text], ['breach_notice_hours', 'integer'], ['key_epoch', 'integer'],
        ['manifest', text]
    ], rows) }}
)

select
    vendor_id,
    vendor_name,
    service,
    role,
    owner,
    segments,
    source_kinds,
    channels,
    calls,
    dpa_ref,
    dpa_signed_on,
    dpa_expires_on,
    dpa_recorded_on,
    art28_clauses,
    list_as_of,
    list_sha256,
    n_subprocessors,
    residency,
    countries,
    transfer_basis,
    is_encrypted_at_rest,
    is_encrypted_in_transit,
    access_log_ref,
    deletion_days,
    lawful_basis,
    breach_notice_hours,
    key_epoch,
    manifest
from vendors
