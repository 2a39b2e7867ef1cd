{% macro assert_segment_specs() %}{% endmacro %}
