{#
    What is recorded of a membership beside its key: a change in any of these closes its interval and opens the next.
    One list for the snapshot, its evidence and the comparison with a replay. Returns a list of column names.
#}
{% macro membership_columns() -%}
    {{ return([
        'spec_version', 'lawful_basis', 'privacy_impact', 'consent_version', 'consent_event_key', 'data_sources', 'is_primary'
    ]) }}
{%- endmacro %}

{#
    The recorded history. A replay reads it from outside its own schemas; a build, in which the snapshot comes later and
    nothing is compared, reads an empty shape from the members themselves.
#}
{% macro recorded_membership() -%}
    {%- if is_replay() -%}{{ return(source('recorded_snapshots', 'segment_membership')) }}{%- endif -%}
    (select *, as_of as dbt_valid_from, as_of as dbt_valid_to from {{ ref('segment_members') }} where false)
{%- endmacro %}

{# The recorded counts and hashes, likewise. #}
{% macro recorded_evaluations() -%}
    {%- if is_replay() -%}{{ return(source('recorded_audit', 'segment_evaluations')) }}{%- endif -%}
    (select *, 1 as attempt from {{ ref('segment_partitions') }} where false)
{%- endmacro %}

{# How a replay knows (as_recorded or as_corrected), as a text literal; null in a build. #}
{% macro replay_mode() -%}
    {{ return(text_setting('SEGMENTS_REPLAY_MODE', 'as_recorded|as_corrected', 'as_recorded or as_corrected')) }}
{%- endmacro %}
