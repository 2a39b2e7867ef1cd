{#
    Scores of BG/NBD and Gamma-Gamma (Fader, Hardie & Lee 2005 and 2013) as SQL. Everywhere: x repeat orders, t_x weeks from
    the first to the last order, age weeks from the first order to the instant asked about, all doubles; r, alpha (weeks), a, b
    and p, q, v the fitted parameters. Exponents are kept within what every engine can hold (Postgres refuses what underflows).
#}

{# Probability that a customer has not left for good; 1 without a repeat order, when nothing can be told yet. #}
{% macro bgnbd_p_alive(x, t_x, age, r, alpha, a, b) -%}
    case
        when {{ x }} = 0 then 1
        else 1 / (
            1 + {{ a }} / ({{ b }} + {{ x }} - 1)
            * exp(least(({{ r }} + {{ x }}) * ln(({{ alpha }} + {{ age }}) / ({{ alpha }} + {{ t_x }})), 600))
        )
    end
{%- endmacro %}

{# Probability that a customer who is still there orders within the next `weeks`. #}
{% macro bgnbd_chance_of_order(x, age, weeks, r, alpha) -%}
    (1 - exp(greatest(({{ r }} + {{ x }}) * ln(({{ alpha }} + {{ age }}) / ({{ alpha }} + {{ age }} + {{ weeks }})), -600)))
{%- endmacro %}

{#
    Weeks until an order has become as likely as not: where p_alive times the chance of an order is one half. Null where that
    never comes: p_alive (a column or expression) is one half or less.
#}
{% macro bgnbd_median_wait(p_alive, x, age, r, alpha) -%}
    case
        when {{ p_alive }} > 0.5
            then ({{ alpha }} + {{ age }}) * (exp(least(-ln(1 - 0.5 / {{ p_alive }}) / ({{ r }} + {{ x }}), 600)) - 1)
    end
{%- endmacro %}

{#
    Expected value of an order: the mean of the customer's own repeat orders (mean_value) and of the population, weighted by how
    much the own ones tell. Without a repeat order the population's: p * v / (q - 1).
#}
{% macro gamma_gamma_order_value(x, mean_value, p, q, v) -%}
    {{ p }} * ({{ v }} + {{ x }} * {{ mean_value }}) / ({{ p }} * {{ x }} + {{ q }} - 1)
{%- endmacro %}

{#
    The weights by which a year's expected orders are discounted, as a list of [days, weight]: the discounted count is the sum of
    the weights times the orders expected within so many days. An order is worth 1 / rate ** (days / 364) at the end of its week
    (a year of 52 weeks). Arguments: horizon_days (the last step), rate (1.10 is 10 % a year).
#}
{% macro discount_weights(horizon_days=365, rate=1.10) -%}
    {%- set ends = range(7, horizon_days, 7) | list + [horizon_days] -%}
    {%- set weights = [] -%}
    {%- for end in ends -%}
        {%- set later = rate ** (-ends[loop.index] / 364) if not loop.last else 0 -%}
        {%- do weights.append([end, rate ** (-end / 364) - later]) -%}
    {%- endfor -%}
    {{ return(weights) }}
{%- endmacro %}

{#
    z ** n * (1 - z) ** (a - 1) of int_prediction_cells for an age and a horizon in days, from the columns n, ln_z_<days> and
    ln_rest_<days>; less one where n is zero.
#}
{% macro power_less_one(days) -%}
    exp(greatest(n * ln_z_{{ days }} + ln_rest_{{ days }}, -100)) - case when n = 0 then 1 else 0 end
{%- endmacro %}

{#
    The purchase history of each profiled buyer up to the end of each sample, as a query: as_of, sample, customer_key,
    repeat_order_days (order days after the first), purchase_span_days, age_days, repeat_spend (net, after the first order day),
    later_order_days (order days after the sample's end). Argument: samples, a relation with as_of, sample, ends_on (the last
    local date that counts).
#}
{% macro purchase_histories(samples) -%}
    select
        order_days.as_of,
        samples.sample,
        order_days.customer_key,
        cast(count(*) filter (where order_days.order_date <= samples.ends_on) - 1 as integer) as repeat_order_days,
        {{ days_between(
            'order_days.first_order_date', 'max(order_days.order_date) filter (where order_days.order_date <= samples.ends_on)'
        ) }} as purchase_span_days,
        {{ days_between('order_days.first_order_date', 'samples.ends_on') }} as age_days,
        coalesce(sum(order_days.net_spend) filter (
            where order_days.order_date > order_days.first_order_date and order_days.order_date <= samples.ends_on
        ), 0) as repeat_spend,
        cast(count(*) filter (where order_days.order_date > samples.ends_on) as integer) as later_order_days
    from (
        select
            orders.as_of,
            orders.customer_key,
            orders.order_date,
            {{ local_date('buyers.first_order_at') }} as first_order_date,
            sum(orders.net_amount) as net_spend
        from {{ ref('orders') }} as orders
        inner join {{ ref('customer_orders') }} as buyers
            on orders.as_of = buyers.as_of
            and orders.customer_key = buyers.customer_key
        inner join {{ ref('customers') }} as customers
            on buyers.as_of = customers.as_of
            and buyers.customer_key = customers.customer_key
        where orders.is_valid
            and customers.not_profiled_reason is null
            and orders.as_of in (select {{ samples }}.as_of from {{ samples }})
        group by orders.as_of, orders.customer_key, orders.order_date, buyers.first_order_at
    ) as order_days
    inner join {{ samples }} as samples
        on order_days.as_of = samples.as_of
        and order_days.first_order_date <= samples.ends_on
    group by order_days.as_of, samples.sample, samples.ends_on, order_days.customer_key, order_days.first_order_date
{%- endmacro %}
