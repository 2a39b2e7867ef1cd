{# The type of money: decimal(18,2). Never double: sums must not depend on the order of rows. #}
{% macro money() -%}
    decimal(18, 2)
{%- endmacro %}

{# The type of averages, medians and shares: decimal(18,4). #}
{% macro ratio() -%}
    decimal(18, 4)
{%- endmacro %}
