{#
    The least score at which a probabilistic link may join two persons: all segments read the same persons, so the strictest
    identity_policy of an active segment binds. Returns the number, or none where one of them allows deterministic links only.
    Source: privacy.md C23.
#}
{% macro least_link_score() -%}
    {%- set scores = [] -%}
    {%- for node in (segment_nodes() if execute else []) if segment_spec(node).status == 'active' and segment_spec(node).get('identity_policy') -%}
        {%- set policy = segment_spec(node).identity_policy -%}
        {%- if 'probabilistic' not in policy.allow_match_class -%}
            {{ return(none) }}
        {%- endif -%}
        {%- do scores.append(policy.min_score) -%}
    {%- endfor -%}
    {{ return(scores | max if scores else none) }}
{%- endmacro %}
