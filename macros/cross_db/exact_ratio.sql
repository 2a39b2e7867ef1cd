{#
    Quotient of two exact numbers as decimal(18,4), rounded half away from zero; null when the denominator is zero.
    Computed in whole numbers of ten-thousandths, because engines divide decimals differently (DuckDB: in double).
    Arguments: numerator, denominator: integers or money, not negative.
#}
{% macro exact_ratio(numerator, denominator) -%}
    {{ return(adapter.dispatch('exact_ratio')(numerator, denominator)) }}
{%- endmacro %}

{% macro default__exact_ratio(numerator, denominator) -%}
    cast(round(cast({{ numerator }} as decimal(30, 4)) / nullif(cast({{ denominator }} as decimal(30, 4)), 0), 4) as {{ ratio() }})
{%- endmacro %}

{# Twice the numerator in millionths of a unit over the denominator in hundredths, plus one, halved: half rounds up. #}
{% macro duckdb__exact_ratio(numerator, denominator) -%}
    cast(
        cast(
            (2 * cast(cast({{ numerator }} as decimal(38, 6)) * 1000000 as hugeint) // nullif(cast(cast({{ denominator }} as decimal(38, 2)) * 100 as hugeint), 0) + 1) // 2
            as decimal(38, 0)
        ) * 0.0001 as {{ ratio() }}
    )
{%- endmacro %}
