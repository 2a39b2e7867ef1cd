{#
    WHEN branches that reject a fact dated in the future (DESIGN 3): more than five minutes after it was recorded, or
    recorded after the newest raw file was written (INGESTED_AT, if known).
    Arguments: occurred_at, recorded_at: column names; recorded_at may be null in the raw row;
    ingested_at: SQL expression, null when unknown.
#}
{% macro time_rejections(occurred_at, recorded_at='recorded_at', ingested_at='settings.ingested_at') -%}
    when {{ occurred_at }} > {{ plus_seconds(recorded_at, 300) }} then '{{ occurred_at.split('.')[-1] }} lies after recorded_at'
            when coalesce({{ recorded_at }}, {{ occurred_at }}) > {{ ingested_at }}
                then 'recorded_at lies after the data was ingested'
{%- endmacro %}
