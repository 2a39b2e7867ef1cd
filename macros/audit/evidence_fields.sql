{#
    What is hashed of memberships, evaluations and runs: all their recorded columns, as fields of canonical_fields(). A
    column that is added to one of the three relations is added here (and in segmentation/verify.py): a test compares.
#}
{% macro membership_fields() -%}
    {{ return([
        ['segment_id', 'text'], ['customer_key', 'text'], ['spec_version', 'integer'], ['lawful_basis', 'text'],
        ['privacy_impact', 'text'], ['consent_version', 'text'], ['consent_event_key', 'text'], ['data_sources', 'text'],
        ['is_primary', 'boolean']
    ]) }}
{%- endmacro %}

{# The columns of one row of segment_evaluations. #}
{% macro evaluation_fields() -%}
    {{ return([
        ['as_of', 'instant'], ['segment_id', 'text'], ['attempt', 'integer'], ['known_at', 'instant'],
        ['spec_version', 'integer'], ['n_population', 'integer'], ['n_restricted', 'integer'], ['n_objected', 'integer'],
        ['n_age_gate', 'integer'], ['n_consent_withdrawn', 'integer'], ['n_consent_denied', 'integer'],
        ['n_consent_unknown', 'integer'], ['n_not_permitted', 'integer'], ['n_members', 'integer'], ['partition_hash', 'text']
    ]) }}
{%- endmacro %}

{# The columns of one row of segment_runs but its two hashes. #}
{% macro run_fields() -%}
    {{ return([
        ['run_number', 'integer'], ['run_id', 'text'], ['as_of', 'instant'], ['known_at', 'instant'],
        ['permitted_at', 'instant'], ['attempt', 'integer'], ['code_sha', 'text'], ['spec_set_hash', 'text'], ['dbt_version', 'text'], ['n_segments', 'integer'],
        ['n_rows', 'integer'], ['origin', 'text'], ['executor', 'text'], ['executed_at', 'instant'],
        ['evaluations_hash', 'text']
    ]) }}
{%- endmacro %}

{# What the first run's hash follows on: 64 zeros. #}
{% macro chain_start() -%}
    '{{ "0" * 64 }}'
{%- endmacro %}
