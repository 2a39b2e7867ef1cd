{#
    Place on the retention spectrum (DESIGN 5). Arguments: days, days since the last order (null: no state); thresholds,
    the alias of a row of retention_thresholds.
#}
{% macro retention_state(days, thresholds) -%}
    case
        when {{ days }} <= {{ thresholds }}.active_days then 'active'
        when {{ days }} <= {{ thresholds }}.drifting_days then 'drifting'
        when {{ days }} <= {{ thresholds }}.churn_risk_days then 'churn_risk'
        when {{ days }} > {{ thresholds }}.churn_risk_days then 'lost'
    end
{%- endmacro %}
