{# The type of money: decimal(18,2). Never double: sums must not depend on the order of rows. #}
{% macro money() -%}
    decimal(18, 2)
{%- endmacro %}

{# The type of averages, medians and shares: decimal(18,4). #}
{% macro ratio() -%}
    decimal(18, 4)
{%- endmacro %}

{#
    A factor of a product of exact numbers. DuckDB makes of two decimal(18) a decimal(18) whose places behind the point add up: with a
    rate of eight places a product of money overflows from a hundred million on. One wide factor makes the product wide.
    Arguments: number; scale, its places behind the point (default 0).
#}
{% macro wide(number, scale=0) -%}
    cast({{ number }} as decimal(38, {{ scale }}))
{%- endmacro %}

{#
    An amount in the reporting currency, rounded to cents. Arguments: amount; rate (reporting units per unit; null: it
    is the reporting currency already, and nothing is multiplied).
#}
{% macro converted(amount, rate) -%}
    case when {{ rate }} is null then cast({{ amount }} as {{ money() }}) else cast({{ wide(amount, 2) }} * {{ rate }} as {{ money() }}) end
{%- endmacro %}

{# The type of statistics (fitted parameters, probabilities before they are rounded): floating point of 64 bits. #}
{% macro double() -%}
    {{ return(adapter.dispatch('double')()) }}
{%- endmacro %}

{% macro default__double() -%}
    double precision
{%- endmacro %}

{% macro spark__double() -%}
    double
{%- endmacro %}

{#
    The type of statistics that other tables show or compare: decimal(28,10), so that engines agree where the last bits of
    a double differ.
#}
{% macro statistic() -%}
    decimal(28, 10)
{%- endmacro %}

{#
    A double as an exact number, so that a sum does not depend on the order of rows: decimal(38,20), below 1e18.
    Postgres casts a double by its first 15 digits only, its text has them all.
#}
{% macro exact(statistic) -%}
    {{ return(adapter.dispatch('exact')(statistic)) }}
{%- endmacro %}

{% macro default__exact(statistic) -%}
    cast({{ statistic }} as decimal(38, 20))
{%- endmacro %}

{% macro postgres__exact(statistic) -%}
    cast(cast({{ statistic }} as text) as decimal(38, 20))
{%- endmacro %}
