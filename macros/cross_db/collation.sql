{#
    Texts are compared and sorted by their bytes on every engine. A Postgres database has a collation of its own, often a
    language's, which sorts "a-b" behind "aa" and "a9" before "a10"; a tie between two orders would then be decided
    otherwise than on DuckDB. So every text column of a built table is declared `collate "C"`, here, once; the macros that
    make texts (as_text, sha256_hex, month_and_day) say it as well, for views and for sorts within one statement.

    Overrides dbt's macro of this name. No argument; returns the column definitions of the contracted model being built.
#}
{% macro postgres__get_table_columns_and_constraints() -%}
    {{ return(modules.re.sub('(?im)^(\\s*"?\\w+"? text(?:\\[\\])?)(?![\\w\\[])', '\\1 collate "C"', table_columns_and_constraints())) }}
{%- endmacro %}

{# A text expression, ordered by its bytes where that is not the rule. For texts made within a statement and sorted there. #}
{% macro byte_ordered(text) -%}
    {{ return(adapter.dispatch('byte_ordered')(text)) }}
{%- endmacro %}

{% macro default__byte_ordered(text) -%}
    {{ text }}
{%- endmacro %}

{% macro postgres__byte_ordered(text) -%}
    {{ text }} collate "C"
{%- endmacro %}

{# The type of a text column in a table that no contract declares: compared by its bytes, as above. #}
{% macro text_column_type() -%}
    {{ return(adapter.dispatch('text_column_type')()) }}
{%- endmacro %}

{% macro default__text_column_type() -%}
    {{ return(dbt.type_string()) }}
{%- endmacro %}

{% macro postgres__text_column_type() -%}
    {{ return('text collate "C"') }}
{%- endmacro %}
