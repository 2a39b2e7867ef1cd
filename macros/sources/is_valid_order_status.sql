{# Whether an order counts (DESIGN 3): any status but these, null included. Argument: column with the status as given. #}
{% macro is_valid_order_status(status) -%}
    coalesce(
        {%- for invalid in ['cancelled', 'voided', 'test', 'pending', 'failed'] %}
        {{ folded_word(status) }} != '{{ invalid }}'{{ ' and' if not loop.last }}
        {%- endfor %},
        true
    )
{%- endmacro %}
