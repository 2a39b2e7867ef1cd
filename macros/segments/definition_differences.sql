{#
    The difference of two rows field by field as one text, `field: old -> new; ...`; null where nothing differs.
    Arguments: fields (list of text columns that both rows have); older, newer (their aliases; no older row: all is new).
#}
{% macro field_differences(fields, older, newer) -%}
    nullif(substr(
        {%- for field in fields %}
        case
            when coalesce({{ older }}.{{ field }}, '(none)') = coalesce({{ newer }}.{{ field }}, '(none)') then ''
            else '; {{ field }}: ' || coalesce({{ older }}.{{ field }}, '(none)') || ' -> ' || coalesce({{ newer }}.{{ field }}, '(none)')
        end{{ ' ||' if not loop.last }}
        {%- endfor %},
        3
    ), '')
{%- endmacro %}

{#
    The datasets of one list (text, separated by semicolons) that another list lacks, in the order of the spec's
    vocabulary; null where none. Arguments: words, others (columns; null is the empty list).
#}
{% macro words_missing(words, others) -%}
    nullif(substr(
        {%- for word in spec_data_fields().data_inputs.entry.fields.dataset.allowed %}
        case
            when {{ dbt.position("';" ~ word ~ ";'", "(';' || coalesce(" ~ words ~ ", '') || ';')") }} > 0
                and {{ dbt.position("';" ~ word ~ ";'", "(';' || coalesce(" ~ others ~ ", '') || ';')") }} = 0 then ';{{ word }}'
            else ''
        end{{ ' ||' if not loop.last }}
        {%- endfor %},
        2
    ), '')
{%- endmacro %}
