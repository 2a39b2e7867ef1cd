{%- set text, starts, papers, checks, lists = dbt.type_string(), [], [], [], [] -%}
{%- for vendor in (vendor_manifests() if execute else []) -%}
    {%- do starts.append([vendor.vendor_id, vendor.contracts | map(attribute='signed_on') | min]) -%}
    {%- for contract in vendor.contracts -%}
        {%- do papers.append([vendor.vendor_id, contract.signed_on, contract.expires_on, contract.recorded_on]) -%}
    {%- endfor -%}
    {%- for check in vendor.verifications -%}
        {%- do checks.append([
            vendor.vendor_id, check.checked_on, check.recorded_on, check.result, check.get('reasons', []) | join(';'),
            check.evidence_ref
        ]) -%}
    {%- endfor -%}
    {%- for list in vendor.subprocessor_lists | sort(attribute='as_of') -%}
        {%- do lists.append([vendor.vendor_id, list.as_of, list.recorded_on, subprocessor_difference(vendor, loop.index0)]) -%}
    {%- endfor -%}
{%- endfor %}

with recursive clock as (
    select
        as_of,
        {{ local_date('as_of') }} as today,
        {{ local_date('known_at') }} as known_day
    from {{ ref('evaluation_clock') }}
),

starts as ({{ literal_rows([['vendor_id', text], ['first_day', 'date']], starts) }}),

contracts as ({{ literal_rows(
    [['vendor_id', text], ['signed_on', 'date'], ['expires_on', 'date'], ['recorded_on', 'date']], papers
) }}),

checks as ({{ literal_rows([
    ['vendor_id', text], ['checked_on', 'date'], ['recorded_on', 'date'], ['result', text], ['reasons', text],
    ['evidence_ref', text]
], checks) }}),

lists as ({{ literal_rows(
    [['vendor_id', text], ['list_as_of', 'date'], ['recorded_on', 'date'], ['subprocessor_diff', text]], lists
) }}),

-- every week from the first contract to the one that is evaluated: a week without a check is a row too
weeks as (
    select
        clock.as_of,
        clock.today,
        clock.known_day,
        starts.vendor_id,
        {{ week_start('starts.first_day') }} as week_starts_on
    from starts
    inner join clock on starts.first_day <= clock.today

    union all

    select
        weeks.as_of,
        weeks.today,
        weeks.known_day,
        weeks.vendor_id,
        {{ date_plus_days('weeks.week_starts_on', 7) }} as week_starts_on
    from weeks
    where {{ date_plus_days('weeks.week_starts_on', 7) }} <= weeks.today
),

-- the last check of a week counts; of two on one day the one that failed
checked as (
    select
        weeks.as_of,
        weeks.vendor_id,
        weeks.week_starts_on,
        checks.checked_on,
        checks.result,
        checks.reasons,
        checks.evidence_ref,
        row_number() over (
            partition by weeks.as_of, weeks.vendor_id, weeks.week_starts_on
            order by checks.checked_on desc, checks.result asc, checks.evidence_ref asc
        ) as newness
    from weeks
    inner join checks
        on weeks.vendor_id = checks.vendor_id
        and weeks.week_starts_on = {{ week_start('checks.checked_on') }}
        and checks.checked_on <= weeks.today
        and checks.recorded_on <= weeks.known_day
),

covered as (
    select distinct
        checked.as_of,
        checked.vendor_id,
        checked.week_starts_on
    from checked
    inner join contracts
        on checked.vendor_id = contracts.vendor_id
        and checked.checked_on between contracts.signed_on and contracts.expires_on
    inner join clock
        on checked.as_of = clock.as_of
        and contracts.recorded_on <= clock.known_day
    where checked.newness = 1
),

differences as (
    select
        weeks.as_of,
        weeks.vendor_id,
        weeks.week_starts_on,
        {{ dbt.listagg('lists.subprocessor_diff', "'; '", 'order by lists.list_as_of') }} as subprocessor_diff
    from weeks
    inner join lists
        on weeks.vendor_id = lists.vendor_id
        and weeks.week_starts_on = {{ week_start('lists.list_as_of') }}
        and lists.recorded_on <= weeks.known_day
    group by weeks.as_of, weeks.vendor_id, weeks.week_starts_on
),

judged as (
    select
        weeks.as_of,
        weeks.vendor_id,
        weeks.week_starts_on,
        checked.checked_on,
        case
            when checked.result = 'failed' or (checked.result = 'passed' and covered.vendor_id is null) then 'failed'
            when checked.result = 'passed' then 'passed'
            -- nobody looked: that is a failure, and never passes by itself
            when {{ date_plus_days('weeks.week_starts_on', 6) }} < weeks.today then 'missed'
            else 'due'
        end as result,
        case
            when checked.result = 'passed' and covered.vendor_id is null then 'no_contract_in_force'
            else checked.reasons
        end as reasons,
        differences.subprocessor_diff,
        checked.evidence_ref
    from weeks
    left join checked
        on weeks.as_of = checked.as_of
        and weeks.vendor_id = checked.vendor_id
        and weeks.week_starts_on = checked.week_starts_on
        and checked.newness = 1
    left join covered
        on weeks.as_of = covered.as_of
        and weeks.vendor_id = covered.vendor_id
        and weeks.week_starts_on = covered.week_starts_on
    left join differences
        on weeks.as_of = differences.as_of
        and weeks.vendor_id = differences.vendor_id
        and weeks.week_starts_on = differences.week_starts_on
)

select
    as_of,
    vendor_id,
    week_starts_on,
    {{ iso_week('week_starts_on') }} as iso_week,
    result,
    result in ('failed', 'missed') as is_failed,
    checked_on,
    reasons,
    subprocessor_diff,
    evidence_ref
from judged
