{{ config(materialized='table') }}
{#- who else is named later takes no refusal from whom it named; devices of one instant have no key that tells them apart -#}
{%- set whose -%}
coalesce('customer_id|' || customer_id, 'email|' || email, 'phone|' || phone, 'anonymous_id|' || anonymous_id)
{%- endset %}
{%- set told_by -%}
case when not is_person_erased then coalesce('customer_id|' || customer_id, 'email|' || email, 'phone|' || phone) end
{%- endset %}
{%- set lasting = {'column': 'is_restriction', 'whose': whose, 'told_by': told_by} %}
{{ repeated_rows(ref('int_consents_checked'), lasting=lasting, **fact_columns('consents')) }}
