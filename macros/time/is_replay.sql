{#
    Whether past dates are evaluated beside the recorded history (`segmentation replay`, `segmentation backfill`) and not
    the present into it. The schema prefix says so: what is replayed must never stand where the record stands.
#}
{% macro is_replay() -%}
    {{ return(env_var('SEGMENTS_SCHEMA_PREFIX', '') != '') }}
{%- endmacro %}
