{#
    How one feature changed between two rows: up, down, appeared (it was null), vanished (it is null), else null.
    Arguments: feature (column name); after, before (aliases of the newer and the older row).
#}
{% macro feature_direction(feature, after, before) -%}
    case
        when {{ after }}.{{ feature }} is null and {{ before }}.{{ feature }} is null then null
        when {{ before }}.{{ feature }} is null then 'appeared'
        when {{ after }}.{{ feature }} is null then 'vanished'
        when {{ after }}.{{ feature }} > {{ before }}.{{ feature }} then 'up'
        when {{ after }}.{{ feature }} < {{ before }}.{{ feature }} then 'down'
    end
{%- endmacro %}

{#
    Whether a cause moves a feature in the direction in which it changed. Arguments: cell (column of the seed
    feature_causes: up, down, any, late or null); words (further directions that any cell allows); direction (column).
#}
{% macro is_moved_by(cell, words=[], direction='moved.direction') -%}
    coalesce(
        {{ cell }} in ('any', {{ direction }})
        {%- if words %} or ({{ cell }} is not null and {{ direction }} in ('{{ words | join("', '") }}')){% endif %}, false
    )
{%- endmacro %}

{#
    The rule of a segment as a query on other rows than customer_features: which of them would match?
    Arguments: node, the segment model; relation, a table expression with the columns of customer_features; versions, the
    query that stands for spec_versions(); instant, SQL for the date whose versions of excluded segments apply. The rule's own
    SQL is rendered, so the answer is the rule's.
#}
{% macro rule_on(node, relation, versions, instant='features.as_of') -%}
    {%- set sql = modules.re.sub(
        '[{][{]\\s*ref\\(\\s*\\x27customer_features\\x27\\s*\\)\\s*[}][}]', relation,
        with_exclusions(node.raw_code, node, instant)
    ) -%}
    {{ return(render(modules.re.sub('[{][{]\\s*spec_versions\\(\\)\\s*[}][}]', versions, sql))) }}
{%- endmacro %}

{#
    The versions of a segment's spec with the one of the previous evaluation in force at each as_of of the clock, as in
    spec_versions(). Arguments: node, the segment model; clock, a relation with as_of and previous_as_of.
#}
{% macro previous_versions(node, clock) -%}
    select
        versions.spec_version,
        clock.as_of as effective_from,
        {{ plus_seconds('clock.as_of', 1) }} as effective_to
        {%- for name in segment_spec(node).versions[0].parameters %},
        versions.{{ name }}
        {%- endfor %}
    from {{ clock }} as clock
    inner join ({{ versions_of(node) }}) as versions
        on {{ is_in_interval('clock.previous_as_of', 'versions.effective_from', 'versions.effective_to') }}
{%- endmacro %}

{#
    The causes that a change of membership is traced to feature by feature, in the order of DESIGN 8. model_version, other fitted
    parameters, is shown as `rule_version`: the same rule asks something else.
#}
{% macro feature_causes() -%}
    {{ return(['model_version', 'late_data', 'refund_or_cancellation', 'own_order', 'own_activity', 'threshold_moved', 'time_decay']) }}
{%- endmacro %}
