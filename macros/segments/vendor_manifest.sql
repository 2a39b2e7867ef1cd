{#
    The vendor manifest: what the dbt exposures in models/activation/vendors say under `config.meta.vendor`, one file per
    vendor. Everything about vendors is read through these macros.
#}

{# The vendors of the project, sorted by id, each a dict of its manifest with `label`, `description` and `owner`; empty while dbt parses. #}
{% macro vendor_manifests() -%}
    {%- set found = [] -%}
    {%- for exposure in vendor_exposures() -%}
        {%- set vendor = {} -%}
        {%- do vendor.update(exposure.config.meta.vendor) -%}
        {%- do vendor.update({
            'label': exposure.label or exposure.name, 'description': exposure.description | trim, 'owner': exposure.owner.name
        }) -%}
        {%- do found.append(vendor) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# The exposures that are vendors with a manifest, sorted by name. #}
{% macro vendor_exposures() -%}
    {%- set found = [] -%}
    {%- for exposure in (graph.exposures or {}).values() if exposure.config.meta.get('vendor') is mapping -%}
        {%- do found.append(exposure) -%}
    {%- endfor -%}
    {{ return(found | sort(attribute='name')) }}
{%- endmacro %}

{# The ids of the vendors that a spec may name. #}
{% macro known_vendors() -%}
    {%- set found = [] -%}
    {%- for vendor in vendor_manifests() -%}
        {%- do found.append(vendor.vendor_id | string) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# The manifest of one vendor; an empty dict where there is none. Argument: vendor_id. #}
{% macro vendor_manifest(vendor_id) -%}
    {%- for vendor in vendor_manifests() if vendor.vendor_id == vendor_id -%}
        {{ return(vendor) }}
    {%- endfor -%}
    {{ return({}) }}
{%- endmacro %}

{# The ids of the vendors that collect one kind of data for us. Argument: source_kind, as in data_inputs. #}
{% macro vendors_collecting(source_kind) -%}
    {%- set found = [] -%}
    {%- for vendor in vendor_manifests() if source_kind in (vendor.get('collects') or []) -%}
        {%- do found.append(vendor.vendor_id) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# The vendors that a spec names, as sources or as receivers of its members: sorted ids. Argument: spec. #}
{% macro vendors_of(spec) -%}
    {%- set found = [] -%}
    {%- for use in spec.get('vendors', []) + spec.get('downstream_uses', []) if use.get('vendor_id') -%}
        {%- do found.append(use.vendor_id) -%}
    {%- endfor -%}
    {{ return(found | unique | sort) }}
{%- endmacro %}

{#
    The countries in which a vendor handles data: its own and those of its newest list of subprocessors, sorted.
    Argument: vendor, its manifest.
#}
{% macro vendor_countries(vendor) -%}
    {%- set lists = vendor.subprocessor_lists | sort(attribute='as_of') -%}
    {%- set places = lists[-1].subprocessors | map(attribute='country') | list if lists else [] -%}
    {{ return((vendor.residency + places) | unique | sort) }}
{%- endmacro %}

{#
    Which region of the GDPR's chapter V a country is in: eea, adequate (a decision of the Commission, Art. 45), or other.
    The decisions are those in force in November 2026 without the partial ones (US, CA). Argument: country, ISO 3166-1.
#}
{% macro transfer_region(country) -%}
    {%- set eea = 'AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK'.split() -%}
    {%- set adequate = 'AD AR CH FO GB GG IL IM JE JP KR NZ UY'.split() -%}
    {{ return('eea' if country in eea else ('adequate' if country in adequate else 'other')) }}
{%- endmacro %}

{#
    Rows written in YAML as a query. Arguments: columns, a list of [name, SQL type]; rows, a list of lists of values in that
    order. Every value is written as a quoted text that is cast, so nothing in it can end the literal; an empty text is
    null. No rows: a query of the same columns without rows.
#}
{% macro literal_rows(columns, rows) -%}
    {%- for row in rows or [none] %}
    select
        {%- for name, type in columns %}
        cast({{ text_literal(row[loop.index0]) if row and row[loop.index0] != '' else 'null' }} as {{ type }}) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
    {%- if not rows %}
    where 1 = 0
    {%- endif %}
{%- endmacro %}

{#
    What a list of subprocessors changes against the one before. Arguments: vendor, its manifest; number, of the list in the
    order of its dates, from 0. Returns a list of [name, country, service, change]: first, kept, added, changed or removed.
#}
{% macro subprocessor_changes(vendor, number) -%}
    {%- set lists = vendor.subprocessor_lists | sort(attribute='as_of') -%}
    {%- set former, now, changes = {}, [], [] -%}
    {%- for entry in (lists[number - 1].subprocessors if number else []) -%}
        {%- do former.update({entry.name: entry}) -%}
    {%- endfor -%}
    {%- for entry in lists[number].subprocessors -%}
        {%- do now.append(entry.name) -%}
        {%- set known = 'kept' if former.get(entry.name) == entry else ('changed' if entry.name in former else 'added') -%}
        {%- do changes.append([entry.name, entry.country, entry.service, known if number else 'first']) -%}
    {%- endfor -%}
    {%- for name, entry in former.items() if name not in now -%}
        {%- do changes.append([name, entry.country, entry.service, 'removed']) -%}
    {%- endfor -%}
    {{ return(changes) }}
{%- endmacro %}

{# The same in words, without what was kept: `added Zustellwerk (NL)`. Arguments as there. #}
{% macro subprocessor_difference(vendor, number) -%}
    {%- set words = [] -%}
    {%- for name, country, service, change in subprocessor_changes(vendor, number) if change != 'kept' -%}
        {%- do words.append(change ~ ' ' ~ name ~ ' (' ~ country ~ ')') -%}
    {%- endfor -%}
    {{ return(words | join(', ')) }}
{%- endmacro %}
