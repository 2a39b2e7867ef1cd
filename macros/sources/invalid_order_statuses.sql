{# Order statuses, in lower case, that do not count as an order (DESIGN 3); anything else does, null included. #}
{% macro invalid_order_statuses() -%}
    ('cancelled', 'voided', 'test', 'pending', 'failed')
{%- endmacro %}
