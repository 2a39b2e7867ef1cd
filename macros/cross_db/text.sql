{#
    An e-mail address in the form that is keyed: surrounding space cut, lower case in ASCII letters only (engines disagree
    on others, privacy.md 3.4), canonical composition of accents. No provider rule on dots or plus signs: they merge people.
    An address without "@" is no address. Argument: column with the text as given.
#}
{% macro normalised_email(column) -%}
    {{ return(adapter.dispatch('normalised_email')(column)) }}
{%- endmacro %}

{% macro default__normalised_email(column) -%}
    case when {{ column }} like '%_@_%' then {{ ascii_lower(nfc('trim(' ~ column ~ ')')) }} end
{%- endmacro %}

{# A text in ASCII is its own normal form, and lower() changes no other letters in it: a fifth of the cost. #}
{% macro duckdb__normalised_email(column) -%}
    case
        when {{ column }} like '%_@_%' then
            case
                when strlen({{ column }}) = length({{ column }}) then trim(lower({{ column }}))
                else {{ ascii_lower(nfc('trim(' ~ column ~ ')')) }}
            end
    end
{%- endmacro %}

{# A phone number in the form that is keyed: digits only, a leading 00 taken as the international plus. #}
{% macro normalised_phone(column) -%}
    nullif(regexp_replace({{ regexp_replace_all(column, '[^0-9]', '') }}, '^00', ''), '')
{%- endmacro %}

{# Lower case in ASCII letters only. #}
{% macro ascii_lower(text) -%}
    translate({{ text }}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')
{%- endmacro %}

{# Whether a text holds anything but spaces; null gives null or false. #}
{% macro is_not_blank(text) -%}
    {{ return(adapter.dispatch('is_not_blank')(text)) }}
{%- endmacro %}

{% macro default__is_not_blank(text) -%}
    trim({{ text }}) != ''
{%- endmacro %}

{# Compared byte by byte, what begins after the space character is not blank: spares nearly every row the trim. #}
{% macro duckdb__is_not_blank(text) -%}
    ({{ text }} >= '!' or trim({{ text }}) != '')
{%- endmacro %}

{# Unicode normal form C. #}
{% macro nfc(text) -%}
    {{ return(adapter.dispatch('nfc')(text)) }}
{%- endmacro %}

{% macro default__nfc(text) -%}
    normalize({{ text }})
{%- endmacro %}

{% macro duckdb__nfc(text) -%}
    nfc_normalize({{ text }})
{%- endmacro %}

{# Every match of a pattern replaced. #}
{% macro regexp_replace_all(text, pattern, replacement) -%}
    {{ return(adapter.dispatch('regexp_replace_all')(text, pattern, replacement)) }}
{%- endmacro %}

{% macro default__regexp_replace_all(text, pattern, replacement) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '{{ replacement }}', 'g')
{%- endmacro %}

{% macro spark__regexp_replace_all(text, pattern, replacement) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '{{ replacement }}')
{%- endmacro %}
