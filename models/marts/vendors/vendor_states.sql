{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='as_of',
    on_schema_change='fail',
    full_refresh=false
) }}
{%- set text, vendors, papers, lists, checks = dbt.type_string(), [], [], [], [] -%}
{%- for vendor in (vendor_manifests() if execute else []) -%}
    {%- do vendors.append([vendor.vendor_id, vendor.collects | join(';'), tojson(vendor, sort_keys=true)]) -%}
    {%- for contract in vendor.contracts -%}
        {%- do papers.append([
            vendor.vendor_id, contract.dpa_ref, contract.signed_on, contract.expires_on, contract.recorded_on
        ]) -%}
    {%- endfor -%}
    {%- for list in vendor.subprocessor_lists -%}
        {%- do lists.append([vendor.vendor_id, list.as_of, list.recorded_on, list.get('approved_on')]) -%}
    {%- endfor -%}
    {%- for check in vendor.verifications -%}
        {%- do checks.append([vendor.vendor_id, check.checked_on, check.recorded_on, check.result]) -%}
    {%- endfor -%}
{%- endfor %}

with clock as (
    select
        as_of,
        {{ local_date('as_of') }} as today,
        {{ local_date('known_at') }} as known_day
    from {{ ref('evaluation_clock') }}
),

vendors as ({{ literal_rows([['vendor_id', text], ['source_kinds', text], ['manifest', text]], vendors) }}),

contracts as ({{ literal_rows(
    [['vendor_id', text], ['dpa_ref', text], ['signed_on', 'date'], ['expires_on', 'date'], ['recorded_on', 'date']], papers
) }}),

lists as ({{ literal_rows(
    [['vendor_id', text], ['list_as_of', 'date'], ['recorded_on', 'date'], ['approved_on', 'date']], lists
) }}),

checks as ({{ literal_rows(
    [['vendor_id', text], ['checked_on', 'date'], ['recorded_on', 'date'], ['result', text]], checks
) }}),

-- what expires today is valid today
contract_states as (
    select
        clock.as_of,
        contracts.vendor_id,
        max(contracts.expires_on) as dpa_expires_on,
        {{ latest('contracts.dpa_ref', 'contracts.expires_on', 'contracts.signed_on') }} as dpa_ref
    from contracts
    inner join clock on contracts.recorded_on <= clock.known_day and contracts.signed_on <= clock.today
    group by clock.as_of, contracts.vendor_id
),

-- a list that nobody approved counts from the day after it is known
list_states as (
    select
        clock.as_of,
        lists.vendor_id,
        max(lists.list_as_of) as unapproved_list_as_of
    from lists
    inner join clock on lists.recorded_on < clock.known_day and lists.list_as_of < clock.today
    where lists.approved_on is null or lists.approved_on > clock.known_day
    group by clock.as_of, lists.vendor_id
),

-- a check that failed counts from the next day, one that passed at once
check_states as (
    select
        clock.as_of,
        checks.vendor_id,
        max(case when checks.result = 'passed' then checks.checked_on end) as last_verified_on,
        max(case when checks.result = 'failed' and checks.checked_on < clock.today then checks.checked_on end) as last_failed_on
    from checks
    inner join clock on checks.recorded_on <= clock.known_day and checks.checked_on <= clock.today
    group by clock.as_of, checks.vendor_id
),

judged as (
    select
        clock.as_of,
        vendors.vendor_id,
        vendors.source_kinds,
        vendors.manifest,
        contract_states.dpa_ref,
        contract_states.dpa_expires_on,
        check_states.last_verified_on,
        case
            when contract_states.dpa_expires_on is null then 'no_contract'
            when contract_states.dpa_expires_on < clock.today then 'contract_expired'
            when list_states.unapproved_list_as_of is not null then 'subprocessors_not_approved'
            when check_states.last_failed_on >= coalesce(check_states.last_verified_on, check_states.last_failed_on)
                then 'verification_failed'
            when check_states.last_verified_on is null then 'verification_missing'
            when {{ days_between('check_states.last_verified_on', 'clock.today') }} > 7 then 'verification_overdue'
        end as blocked_reason,
        check_states.last_failed_on
    from vendors
    cross join clock
    left join contract_states
        on clock.as_of = contract_states.as_of
        and vendors.vendor_id = contract_states.vendor_id
    left join list_states
        on clock.as_of = list_states.as_of
        and vendors.vendor_id = list_states.vendor_id
    left join check_states
        on clock.as_of = check_states.as_of
        and vendors.vendor_id = check_states.vendor_id
)

select
    as_of,
    vendor_id,
    blocked_reason is not null as is_blocked,
    blocked_reason,
    case blocked_reason
        when 'contract_expired' then {{ date_plus_days('dpa_expires_on', 1) }}
        when 'verification_failed' then {{ date_plus_days('last_failed_on', 1) }}
        when 'verification_overdue' then {{ date_plus_days('last_verified_on', 8) }}
    end as blocked_from,
    source_kinds,
    dpa_ref,
    dpa_expires_on,
    last_verified_on,
    {{ sha256_hex('manifest') }} as manifest_hash
from judged
