{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='append_new_columns',
    full_refresh=false,
    pre_hook="{{ rewind_rows() }}"
) }}
{#- counts of persons: name, and who counts -#}
{%- set counts_now = {
    'n_members': 'is_now',
    'n_marketable': 'is_now and is_marketable',
    'n_consented': 'is_now and is_consented',
    'n_repeat_eligible_90d': 'is_now and is_repeat_eligible_90d',
    'n_repeaters_90d': 'is_now and is_repeater_90d',
} -%}
{%- set counts_of_window = {
    'n_members_at_start': 'not is_now',
    'n_entered': 'is_now and not is_staying',
    'n_left': 'not is_now and not is_staying',
    'n_marketable_at_start': 'not is_now and is_marketable_at_start',
    'n_opted_out': 'not is_now and is_opted_out',
    'n_measured': 'is_base',
    'n_converted': 'is_base and order_count_in_window > 0',
    'n_active_at_start': 'is_base and is_active_at_start',
    'n_churned': 'is_base and is_active_at_start and order_count_in_window = 0',
    'n_inactive_at_start': 'is_base and is_inactive_at_start',
    'n_reactivated': 'is_base and is_inactive_at_start and order_count_in_window > 0',
    'n_product_viewers': 'is_base and is_viewer_in_window',
    'n_product_viewers_converted': 'is_base and is_viewer_in_window and order_count_in_window > 0',
} -%}
{#- how many everybody was is on record, who they were is not: whoever is no longer known has left without a row -#}
{%- set n_before, n_staying = 'windows.n_everybody_at_start', '(breakdowns.n_members_at_start - breakdowns.n_left)' -%}
{%- set n_gone = 'case when ' ~ n_before ~ ' <= ' ~ n_staying ~ ' then 0 else ' ~ n_before ~ ' - ' ~ n_staying ~ ' end' -%}
{%- set of_everybody = {
    'n_members_at_start': n_before,
    'n_entered': 'breakdowns.n_members - ' ~ n_before ~ ' + ' ~ n_gone,
    'n_left': n_gone,
} -%}
{%- set amounts_now = ['net_spend', 'paid_amount', 'refunded_amount'] -%}
{%- set amounts_of_window = ['net_revenue_in_window', 'paid_in_window', 'refunded_in_window'] -%}
{%- set now = counts_now.keys() | list + ['order_count'] + amounts_now -%}
{%- set of_window = counts_of_window.keys() | list + ['order_count_in_window'] + amounts_of_window %}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

windows as (
    select * from {{ ref('int_metric_windows') }}
),

segments as (
    select
        clock.as_of,
        registry.segment_id,
        registry.spec_version,
        registry.lawful_basis
    from {{ ref('segment_registry') }} as registry
    inner join clock on {{ is_in_interval('clock.as_of', 'registry.effective_from', 'registry.effective_to') }}
    where registry.status = 'active'

    union all

    select
        as_of,
        '(all)' as segment_id,
        cast(null as integer) as spec_version,
        cast(null as {{ dbt.type_string() }}) as lawful_basis
    from clock
),

persons as (
    select
        members.as_of,
        members.segment_id,
        members.consent_version,
        members.data_sources,
        members.is_staying,
        members.moment = 'now' as is_now,
        members.moment = 'start' and members.is_measured as is_base,
        {%- for name in ['is_marketable', 'is_consented', 'is_marketable_at_start', 'is_opted_out', 'is_repeat_eligible_90d',
                         'is_repeater_90d', 'is_active_at_start', 'is_inactive_at_start', 'is_viewer_in_window', 'order_count',
                         'order_count_in_window'] + amounts_now + amounts_of_window %}
        customers.{{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('int_metric_members') }} as members
    left join {{ ref('int_metric_customers') }} as customers
        on members.as_of = customers.as_of
        and members.customer_key = customers.customer_key
),

-- a person has one consent version and one list of sources in a segment, so every breakdown sums up to the total
slices as (
    select
        segments.as_of,
        segments.segment_id,
        coalesce(persons.consent_version, '(none)') as consent_version,
        coalesce(persons.data_sources, '(none)') as data_sources,
        {%- for name, condition in (counts_now.items() | list) + (counts_of_window.items() | list) %}
        count(*) filter (where {{ condition }}) as {{ name }},
        {%- endfor %}
        {%- for name in ['order_count'] + amounts_now + ['order_count_in_window'] + amounts_of_window %}
        sum(case when persons.{{ 'is_base' if 'in_window' in name else 'is_now' }} then persons.{{ name }} else 0 end)
            as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from segments
    left join persons
        on segments.as_of = persons.as_of
        and segments.segment_id = persons.segment_id
    group by segments.as_of, segments.segment_id, persons.consent_version, persons.data_sources
),

breakdowns as (
    {%- for breakdown, value in [('total', "'(all)'"), ('consent_version', 'consent_version'), ('data_source', 'data_sources')] %}
    select
        as_of,
        segment_id,
        '{{ breakdown }}' as breakdown,
        {{ value }} as breakdown_value,
        {%- for name in now + of_window %}
        sum({{ name }}) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from slices
    group by as_of, segment_id{{ ', ' ~ value if not loop.first }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- without an evaluation on record that is old enough, nobody knows who was a member when the window began
known as (
    select
        segments.as_of,
        segments.segment_id,
        segments.spec_version,
        segments.lawful_basis,
        breakdowns.breakdown,
        breakdowns.breakdown_value,
        windows.window_from,
        windows.site_net_revenue_in_window,
        {%- for name in now %}
        cast(breakdowns.{{ name }} as {{ money() if name in amounts_now else 'bigint' }}) as {{ name }},
        {%- endfor %}
        {%- for name in of_window %}
        cast(case
            {{ "when segments.segment_id = '(all)' then " ~ of_everybody[name] if name in of_everybody }}
            when windows.start_as_of is not null then breakdowns.{{ name }}
        end as {{ money() if name in amounts_of_window else 'bigint' }}) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from segments
    inner join breakdowns
        on segments.as_of = breakdowns.as_of
        and segments.segment_id = breakdowns.segment_id
    left join windows on segments.as_of = windows.as_of
)

select
    as_of,
    segment_id,
    breakdown,
    breakdown_value,
    spec_version,
    lawful_basis,
    n_members,
    n_marketable,
    n_consented,
    {{ exact_ratio('n_consented', 'n_members') }} as consent_coverage,
    order_count,
    net_spend,
    {{ exact_ratio('net_spend', 'order_count') }} as average_order_value,
    {{ exact_ratio('net_spend', 'n_members') }} as ltv_to_date,
    paid_amount,
    refunded_amount,
    {{ exact_ratio('refunded_amount', 'paid_amount') }} as return_rate,
    n_repeat_eligible_90d,
    n_repeaters_90d,
    {{ exact_ratio('n_repeaters_90d', 'n_repeat_eligible_90d') }} as repeat_rate_90d,
    window_from,
    n_members_at_start,
    n_entered,
    n_left,
    {{ exact_ratio('n_members', 'n_members_at_start') }} as growth_factor,
    n_measured,
    n_converted,
    {{ exact_ratio('n_converted', 'n_measured') }} as conversion_rate,
    order_count_in_window,
    net_revenue_in_window,
    {{ exact_ratio('net_revenue_in_window', 'order_count_in_window') }} as average_order_value_in_window,
    site_net_revenue_in_window,
    {{ exact_ratio('net_revenue_in_window', 'site_net_revenue_in_window') }} as revenue_share_in_window,
    paid_in_window,
    refunded_in_window,
    {{ exact_ratio('refunded_in_window', 'paid_in_window') }} as return_rate_in_window,
    n_active_at_start,
    n_churned,
    {{ exact_ratio('n_churned', 'n_active_at_start') }} as churn_rate,
    n_inactive_at_start,
    n_reactivated,
    {{ exact_ratio('n_reactivated', 'n_inactive_at_start') }} as reactivation_rate,
    n_product_viewers,
    n_product_viewers_converted,
    {{ exact_ratio('n_product_viewers_converted', 'n_product_viewers') }} as product_view_conversion_rate,
    n_marketable_at_start,
    n_opted_out,
    {{ exact_ratio('n_opted_out', 'n_marketable_at_start') }} as opt_out_rate,
    -- an erasure makes the sums of the evaluations that counted the person coarse (segmentation/coarse_sums.py)
    false as is_coarsened,
    cast(null as {{ money() }}) as rounded_to,
    cast(null as {{ money() }}) as rounded_to_in_window
from known
