{#
    The tables of the lifecycle: what `segmentation erase`, `segmentation purge` and `segmentation export`
    write and models only read. They are sources of dbt, made before a build where they do not exist (on-run-start): empty, they say that nothing was
    deleted. (Keys and salts of a shop the command makes, filled: segmentation/vault.py.)
    What each column means stands with the sources (models/audit/_lifecycle__sources.yml).
#}

{# The columns of each table, in order, as [name, SQL type]; by source and table. `text` is an unbounded text. #}
{% macro lifecycle_columns() -%}
    {%- set instant = dbt.type_timestamp() -%}
    {{ return({
        'vault': {
            'erased_identifiers': [
                ['deletion_id', 'text'], ['identifier_type', 'text'], ['identifier_hash', 'text'], ['bucket', 'integer'],
                ['bucket_check', 'integer'], ['generation', 'integer'], ['erased_at', instant]
            ],
            'open_erasures': [['deletion_id', 'text']],
            'erasure_requests': [
                ['request_id', 'text'], ['request_key', 'text'], ['deletion_id', 'text'], ['regulation', 'text'], ['request_status', 'text'],
                ['requested_at', instant], ['effective_at', instant], ['decided_at', instant], ['decided_by', 'text'],
                ['hold_id', 'text']
            ],
            'legal_holds': [
                ['hold_id', 'text'], ['identifier_type', 'text'], ['identifier_hash', 'text'], ['hold_reason', 'text'],
                ['placed_at', instant], ['placed_by', 'text'], ['lifted_at', instant], ['lifted_by', 'text']
            ],
            'outbox': [
                ['outbox_id', 'text'], ['deletion_id', 'text'], ['recipient', 'text'], ['kind', 'text'], ['payload_format', 'text'],
                ['payload', 'text'], ['payload_sha256', 'text'], ['created_at', instant], ['attempts', 'integer'],
                ['acknowledged_at', instant], ['acknowledgement', 'text'], ['acknowledged_by', 'text']
            ]
        },
        'lifecycle': {
            'deletion_log': [
                ['log_number', 'bigint'], ['deletion_id', 'text'], ['kind', 'text'], ['request_key', 'text'], ['requested_at', instant],
                ['effective_at', instant], ['recorded_at', instant], ['acted_at', instant], ['customer_key', 'text'],
                ['segment_id', 'text'], ['relation', 'text'], ['n_rows', 'bigint'], ['reason', 'text'], ['executor', 'text'],
                ['previous_hash', 'text'], ['log_hash', 'text']
            ],
            'deletion_ledger': [
                ['as_of', instant], ['segment_id', 'text'], ['attempt', 'integer'], ['n_erased', 'bigint'], ['n_purged', 'bigint']
            ],
            'pruned_leaves': [
                ['segment_id', 'text'], ['valid_from', instant], ['valid_to', instant], ['last_run', 'bigint'], ['leaf', 'text']
            ],
            'restore_checks': [
                ['checked_at', instant], ['executor', 'text'], ['n_listed', 'bigint'], ['n_missing', 'bigint'],
                ['n_keys_left', 'bigint']
            ],
            'export_log': [
                ['export_number', 'bigint'], ['exported_at', instant], ['executor', 'text'], ['exported_relation', 'text'],
                ['as_of', instant], ['head_hash', 'text'], ['k', 'integer'], ['n_rows', 'bigint'], ['n_few', 'bigint'],
                ['n_complementary', 'bigint'], ['n_cells_withheld', 'bigint'], ['n_cells_escaped', 'bigint'],
                ['is_formula_safe', 'boolean'], ['n_key_columns', 'bigint'], ['file_sha256', 'text'],
                ['previous_hash', 'text'], ['log_hash', 'text']
            ]
        }
    }) }}
{%- endmacro %}

{#
    Statements that make the tables of one source where they do not exist. On-run-start; one source a call, because no
    transaction of DuckDB writes to two files. Argument: name of the source.
#}
{% macro lifecycle_tables(name) -%}
    {%- for table, columns in lifecycle_columns()[name].items() -%}
        {%- set relation = source(name, table) -%}
        {%- if loop.first %}
        create schema if not exists {{ schema_of(relation) }};
        {%- endif %}
        create table if not exists {{ relation }} (
            {%- for column, type in columns %}
            {{ column }} {{ text_column_type() if type == 'text' else type }}{{ ',' if not loop.last }}
            {%- endfor %}
        );
    {%- endfor -%}
{%- endmacro %}

{#
    Refuses to build while an erasure is half done: some tables know the person, others do not, and a build would write that
    down. On-run-start. The command `segmentation` refuses before it starts dbt; this is for a plain `dbt build`.
#}
{% macro refuse_open_erasure() -%}
    select count(*)
    from {{ source('vault', 'open_erasures') }}
    where {{ raise_if('deletion_id is not null', "'an erasure is not finished: run segmentation erase --resume first'") }}
{%- endmacro %}
