{%- set text, rows = dbt.type_string(), [] -%}
{%- if execute -%}
    {%- for vendor in vendor_manifests() -%}
        {%- for list in vendor.subprocessor_lists | sort(attribute='as_of') -%}
            {%- for name, country, service, change in subprocessor_changes(vendor, loop.index0) -%}
                {%- do rows.append([
                    vendor.vendor_id, list.as_of, name, change, country, service, transfer_region(country), list.recorded_on,
                    list.get('approved_by'), list.get('approved_on'), list.list_sha256
                ]) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endif %}

with subprocessors as (
    {{ literal_rows([
        ['vendor_id', text], ['list_as_of', 'date'], ['subprocessor', text], ['list_change', text], ['country', text],
        ['service', text], ['transfer_region', text], ['recorded_on', 'date'], ['approved_by', text], ['approved_on', 'date'],
        ['list_sha256', text]
    ], rows) }}
)

select
    vendor_id,
    list_as_of,
    subprocessor,
    list_change,
    country,
    service,
    transfer_region,
    recorded_on,
    approved_by,
    approved_on,
    list_sha256
from subprocessors
