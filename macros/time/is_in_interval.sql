{#
    Whether an instant lies in the half-open interval [valid_from, valid_to); an open end is null.
    The project's one definition of an interval. Arguments: instant, valid_from, valid_to (SQL expressions).
#}
{% macro is_in_interval(instant, valid_from, valid_to) -%}
    ({{ instant }} >= {{ valid_from }} and ({{ valid_to }} is null or {{ instant }} < {{ valid_to }}))
{%- endmacro %}
