{#
    Casts of raw columns: what cannot be read becomes null, never an error (`unreadable` then names the column).
    Argument: column, a column name of the raw table. No units; text in, typed value out.
#}

{#
    UTC instant as plain timestamp. An offset in text is honoured; text without one is UTC. The name of a zone makes it
    unreadable: a local time does not exist in spring, and in autumn comes twice. Its year has four digits
    (1000 to 9999): infinity is not an instant, two digits are nobody's year, and 9999-12-31 is the project's "never".
#}
{% macro as_timestamp(column) -%}
    {{ return(adapter.dispatch('as_timestamp')(column)) }}
{%- endmacro %}

{% macro default__as_timestamp(column) -%}
    {{ readable_cast(column, api.Column.translate_type('timestamp')) }}
{%- endmacro %}

{# DuckDB's cast of text to timestamp drops an offset silently, the cast to timestamptz does not; typeof() is folded
   when the query is bound, so typed Parquet columns pay nothing for the other branches. #}
{% macro duckdb__as_timestamp(column) -%}
    {%- set text = without_zone_name('cast(' ~ column ~ ' as varchar)') -%}
    case
        when typeof({{ column }}) = 'TIMESTAMP'
            then case when {{ has_four_digit_year('try_cast(' ~ column ~ ' as timestamp)') }} then try_cast({{ column }} as timestamp) end
        when typeof({{ column }}) = 'VARCHAR'
            then case when {{ has_four_digit_year("timezone('UTC', try_cast(" ~ text ~ " as timestamptz))") }}
                then timezone('UTC', try_cast({{ text }} as timestamptz)) end
        when {{ has_four_digit_year("timezone('UTC', try_cast(" ~ column ~ " as timestamptz))") }}
            then timezone('UTC', try_cast({{ column }} as timestamptz))
    end
{%- endmacro %}

{#
    An instant whose year is not checked, for rows that as_timestamp() has already judged. A Parquet column that has the type stays a
    plain column: a condition on it makes DuckDB leave out whole files and row groups, one on an expression does not.
    On other engines as_timestamp().
#}
{% macro as_judged_timestamp(column) -%}
    {{ return(adapter.dispatch('as_judged_timestamp')(column)) }}
{%- endmacro %}

{% macro default__as_judged_timestamp(column) -%}
    {{ as_timestamp(column) }}
{%- endmacro %}

{% macro duckdb__as_judged_timestamp(column) -%}
    case when typeof({{ column }}) = 'TIMESTAMP' then try_cast({{ column }} as timestamp) else {{ as_timestamp(column) }} end
{%- endmacro %}

{# A text to be read as an instant, null when it names a zone other than UTC. It must not reach DuckDB's cast (1.5.6): that
   reads the texts after it, which have no offset, in that zone too. Argument: text. The cheapest test stands first. #}
{% macro without_zone_name(text) -%}
    case
        when lower({{ text }}) = upper({{ text }}) then {{ text }}
        when not regexp_matches({{ text }}, '[A-Za-z]{2}') then {{ text }}
        when regexp_full_match({{ text }}, '(?i)[^a-z]*t?[^a-z]*(utc|gmt)\s*|\s*epoch\s*') then {{ text }}
    end
{%- endmacro %}

{# Whether a DuckDB date or timestamp lies in the years 1000 to 9999. Arguments: value (SQL), type: date or timestamp. #}
{% macro has_four_digit_year(value, type='timestamp') -%}
    {{ value }} between {{ type }} '1000-01-01' and {{ type }} '9999-12-31{{ ' 23:59:59.999999' if type != 'date' }}'
{%- endmacro %}

{# Money, below a trillion: what has more digits is a slip of a machine, and a few of those would overflow every sum that they are in. #}
{% macro as_money(column) -%}
    cast({{ readable_cast(column, 'decimal(14, 2)') }} as {{ money() }})
{%- endmacro %}

{% macro as_rate(column) -%}
    {{ readable_cast(column, 'decimal(18, 8)') }}
{%- endmacro %}

{% macro as_integer(column) -%}
    {{ readable_cast(column, 'integer') }}
{%- endmacro %}

{% macro as_boolean(column) -%}
    {{ readable_cast(column, 'boolean') }}
{%- endmacro %}

{% macro as_date(column) -%}
    {{ return(adapter.dispatch('as_date')(column)) }}
{%- endmacro %}

{% macro default__as_date(column) -%}
    {{ readable_cast(column, 'date') }}
{%- endmacro %}

{% macro duckdb__as_date(column) -%}
    case when {{ has_four_digit_year('try_cast(' ~ column ~ ' as date)', 'date') }} then try_cast({{ column }} as date) end
{%- endmacro %}

{# Text, unchanged, case and spaces kept; what is empty or nothing but spaces is a missing value. #}
{% macro as_text(column) -%}
    {{ return(adapter.dispatch('as_text')(column)) }}
{%- endmacro %}

{% macro default__as_text(column) -%}
    {%- set text = 'cast(' ~ column ~ ' as ' ~ dbt.type_string() ~ ')' -%}
    case when {{ is_not_blank(text) }} then {{ text }} end
{%- endmacro %}

{# An id that has become a floating-point number on its way (pandas makes one of a whole number in a column with gaps) is the number
   that it was: 1001.0 would be somebody else than the 1001 who objected. Compared byte by byte, what begins with a visible ASCII
   character is not blank, which spares nearly every row the trim (beyond ASCII there are more spaces, such as the no-break space);
   branches of one comparison each, because AND and OR cost DuckDB three times as much. #}
{% macro duckdb__as_text(column) -%}
    {%- set text = 'cast(' ~ column ~ ' as varchar)' -%}
    case
        when typeof({{ column }}) in ('DOUBLE', 'FLOAT') then nullif(regexp_replace({{ text }}, '[.]0$', ''), 'nan')
        when {{ text }} >= '!' then case when {{ text }} <= '~' then {{ text }} when {{ is_not_blank(text) }} then {{ text }} end
        when {{ is_not_blank(text) }} then {{ text }}
    end
{%- endmacro %}

{# A cast that gives null where the text cannot be read. dbt.safe_cast stops the build on DuckDB. #}
{% macro readable_cast(column, type) -%}
    {{ return(adapter.dispatch('readable_cast')(column, type)) }}
{%- endmacro %}

{% macro default__readable_cast(column, type) -%}
    {{ dbt.safe_cast(column, type) }}
{%- endmacro %}

{% macro duckdb__readable_cast(column, type) -%}
    try_cast({{ column }} as {{ type }})
{%- endmacro %}

{% macro spark__readable_cast(column, type) -%}
    try_cast({{ column }} as {{ type }})
{%- endmacro %}

{# A raw column read as one of our types: timestamp, money, rate, integer, boolean, date. Errors: any other type. #}
{% macro read_as(column, type) -%}
    {%- set readers = {
        'timestamp': as_timestamp, 'money': as_money, 'rate': as_rate, 'integer': as_integer, 'boolean': as_boolean, 'date': as_date
    } -%}
    {%- if type not in readers -%}
        {{ exceptions.raise_compiler_error("read_as: no type '" ~ type ~ "'; there are " ~ readers | join(', ')) }}
    {%- endif -%}
    {{ return(readers[type](column)) }}
{%- endmacro %}

{# Whether a raw value is present but cannot be read as a type. Arguments: column; type as in read_as(). #}
{% macro is_unreadable(column, type) -%}
    {{ return(adapter.dispatch('is_unreadable')(column, type)) }}
{%- endmacro %}

{# The text form is made only where the cast gave null: on a hundred million rows it would cost more than the reading. #}
{% macro default__is_unreadable(column, type) -%}
    {%- set unread = 'case when (' ~ read_as(column, type) ~ ') is null then cast(' ~ column ~ ' as ' ~ dbt.type_string() ~ ') end' -%}
    coalesce({{ trimmed(unread) }}, '') != ''
{%- endmacro %}

{# typeof() is folded when the query is bound: a Parquet column that has the type already is not tried, but for its limits. #}
{% macro duckdb__is_unreadable(column, type) -%}
    {%- set native = {
        'timestamp': 'TIMESTAMP', 'money': 'DECIMAL(18,2)', 'rate': 'DECIMAL(18,8)', 'integer': 'INTEGER', 'boolean': 'BOOLEAN',
        'date': 'DATE'
    }[type] -%}
    {%- set value = 'try_cast(' ~ column ~ ' as ' ~ native ~ ')' -%}
    case
        when typeof({{ column }}) = '{{ native }}'
            then {% if type in ('timestamp', 'date') %}not ({{ has_four_digit_year(value, type) }})
            {%- elif type == 'money' %}case when {{ value }} > 999999999999.99 then true else coalesce({{ value }} < -999999999999.99, false) end
            {%- else %}false
            {%- endif %}
        else {{ default__is_unreadable(column, type) }}
    end
{%- endmacro %}
