{# Whether an order counts (DESIGN 3): any status but these, null included. Argument: column with the status as given. #}
{% macro is_valid_order_status(status) -%}
    coalesce({{ folded_word(status) }} not in ('cancelled', 'voided', 'test', 'pending', 'failed'), true)
{%- endmacro %}
