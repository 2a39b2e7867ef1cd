{#
    An e-mail address in the form that is keyed: surrounding space cut, lower case in ASCII letters only (engines disagree
    on others, privacy.md 3.4), canonical composition of accents. No provider rule on dots or plus signs: they merge people.
    An address without "@" is no address. Argument: column with the text as given.
#}
{% macro normalised_email(column) -%}
    {{ return(adapter.dispatch('normalised_email')(column)) }}
{%- endmacro %}

{% macro default__normalised_email(column) -%}
    case when {{ column }} like '%_@_%' then {{ ascii_lower(nfc(trimmed(column))) }} end
{%- endmacro %}

{# A text in ASCII is its own normal form, and lower() changes no other letters in it: a fifth of the cost. #}
{% macro duckdb__normalised_email(column) -%}
    case
        when {{ column }} like '%_@_%' then
            case
                when strlen({{ column }}) = length({{ column }}) then trim(lower({{ column }}))
                else {{ ascii_lower(nfc(trimmed(column))) }}
            end
    end
{%- endmacro %}

{#
    A phone number in the form that is keyed: digits only, a leading 00 taken as the international plus. Zeros alone are what is
    typed into a field that must not be empty: nobody's number.
#}
{% macro normalised_phone(column) -%}
    nullif(regexp_replace(regexp_replace({{ regexp_replace_all(column, '[^0-9]', '') }}, '^00', ''), '^0+$', ''), '')
{%- endmacro %}

{#
    An identifier in the form that is keyed: an address normalised, any other text as it is. Null for an address that is none.
    Arguments: type, identifier (SQL columns: customer_id, email, phone or anonymous_id; the text as given).
#}
{% macro normalised_identifier(type, identifier) -%}
    case {{ folded_word(type) }}
            when 'email' then {{ normalised_email(identifier) }}
            when 'phone' then {{ normalised_phone(identifier) }}
            else {{ identifier }}
        end
{%- endmacro %}

{# Lower case in ASCII letters only. #}
{% macro ascii_lower(text) -%}
    translate({{ text }}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')
{%- endmacro %}

{# A text without the spaces around it: Unicode's separators (category Zs), but no tab and no line end. #}
{% macro trimmed(text) -%}
    {{ return(adapter.dispatch('trimmed')(text)) }}
{%- endmacro %}

{% macro default__trimmed(text) -%}
    trim({{ text }})
{%- endmacro %}

{# Postgres' own trim() cuts the plain space only. #}
{% macro postgres__trimmed(text) -%}
    btrim({{ text }}, u&' \00a0\1680\2000\2001\2002\2003\2004\2005\2006\2007\2008\2009\200a\202f\205f\3000')
{%- endmacro %}

{#
    A word to be looked up in a closed list (a status, a purpose): spaces around it cut, lower case in ASCII letters only,
    because engines disagree on others. Argument: text (SQL).
#}
{% macro folded_word(text) -%}
    {{ return(adapter.dispatch('folded_word')(text)) }}
{%- endmacro %}

{% macro default__folded_word(text) -%}
    {{ ascii_lower(trimmed(text)) }}
{%- endmacro %}

{# translate() costs DuckDB two microseconds a row; of a text in ASCII, lower() says the same in a tenth. #}
{% macro duckdb__folded_word(text) -%}
    case when strlen({{ text }}) = length({{ text }}) then lower(trim({{ text }})) else {{ ascii_lower(trimmed(text)) }} end
{%- endmacro %}

{# A code to be looked up or compared (a currency): as folded_word, but in upper case. Argument: text (SQL). #}
{% macro folded_code(text) -%}
    {{ return(adapter.dispatch('folded_code')(text)) }}
{%- endmacro %}

{% macro default__folded_code(text) -%}
    translate({{ trimmed(text) }}, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')
{%- endmacro %}

{% macro duckdb__folded_code(text) -%}
    case when strlen({{ text }}) = length({{ text }}) then upper(trim({{ text }})) else {{ default__folded_code(text) }} end
{%- endmacro %}

{# Whether a text holds anything but spaces; null gives null or false. #}
{% macro is_not_blank(text) -%}
    {{ trimmed(text) }} != ''
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

{#
    A text with the control characters of canonical_fields() escaped: chr(27), chr(30) and chr(31) as chr(27) and a digit.
    Argument: text (SQL column).
#}
{% macro escaped_controls(text) -%}
    {{ return(adapter.dispatch('escaped_controls')(text)) }}
{%- endmacro %}

{% macro default__escaped_controls(text) -%}
    replace(replace(replace({{ text }}, chr(27), chr(27) || '0'), chr(30), chr(27) || '1'), chr(31), chr(27) || '2')
{%- endmacro %}

{# Hardly any text holds one. DuckDB looks for them in a tenth of the time in which it replaces them. #}
{% macro duckdb__escaped_controls(text) -%}
    case
        when contains({{ text }}, chr(27)) or contains({{ text }}, chr(30)) or contains({{ text }}, chr(31))
            then {{ default__escaped_controls(text) }}
        else {{ text }}
    end
{%- endmacro %}
