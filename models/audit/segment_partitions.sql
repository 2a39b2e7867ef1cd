{%- set recorded_runs = recorded_relation('segment_runs') if is_replay() else none -%}

with clock as (
    select * from {{ ref('evaluation_clock') }}
),

registry as (
    select
        clock.as_of,
        clock.known_at,
        registry.segment_id,
        registry.spec_version
    from {{ ref('segment_registry') }} as registry
    inner join clock on {{ is_in_interval('clock.as_of', 'registry.effective_from', 'registry.effective_to') }}
    where registry.status = 'active'
),

segment_purposes as (
    select * from {{ ref('segment_purposes') }}
),

customers as (
    select * from {{ ref('customers') }}
),

consent_state as (
    select * from {{ ref('consent_state') }}
),

members as (
    select * from {{ ref('segment_members') }}
),

nonces as (
    select * from {{ ref('leaf_nonces') }}
),

-- segments that need the same permissions share one count of the population
needs as (
    select
        segment_id,
        spec_version,
        {{ dbt.listagg(
            "purpose || case when is_consent_needed then '+' else '-' end"
            ~ " || coalesce(cast(min_notice_published_at as " ~ dbt.type_string() ~ "), '')", "','", 'order by purpose'
        ) }} as permission_set
    from segment_purposes
    group by segment_id, spec_version
),

need_purposes as (
    select distinct
        needs.permission_set,
        segment_purposes.purpose,
        segment_purposes.is_consent_needed,
        segment_purposes.min_notice_published_at
    from needs
    inner join segment_purposes
        on needs.segment_id = segment_purposes.segment_id
        and needs.spec_version = segment_purposes.spec_version
),

-- why a person may not be considered, before any rule is applied: one reason each, first match
reasons as (
    select
        customers.as_of,
        need_purposes.permission_set,
        customers.customer_key,
        case
            when customers.not_profiled_reason is not null then customers.not_profiled_reason
            when max(case when coalesce(consent_state.is_restricted, false) then 1 else 0 end) = 1 then 'restriction'
            when max(case when coalesce(consent_state.is_objected, false) then 1 else 0 end) = 1 then 'objection'
            when min(
                case when {{ is_permitted(
                    'need_purposes.is_consent_needed', 'consent_state', 'need_purposes.min_notice_published_at'
                ) }} then 1 else 0 end
            ) = 1 then null
            when max(case when consent_state.consent_status = 'withdrawn' then 1 else 0 end) = 1 then 'consent_withdrawn'
            when max(case when consent_state.consent_status in ('denied', 'expired', 'invalidated', 'revoked_by_controller')
                then 1 else 0 end) = 1 then 'consent_denied'
            else 'consent_unknown'
        end as reason
    from customers
    cross join need_purposes
    left join consent_state
        on customers.as_of = consent_state.as_of
        and customers.customer_key = consent_state.customer_key
        and need_purposes.purpose = consent_state.purpose
    group by customers.as_of, need_purposes.permission_set, customers.customer_key, customers.not_profiled_reason
),

populations as (
    select
        as_of,
        permission_set,
        count(*) as n_population,
        count(*) filter (where reason = 'restriction') as n_restricted,
        count(*) filter (where reason = 'objection') as n_objected,
        count(*) filter (where reason = 'age_gate') as n_age_gate,
        count(*) filter (where reason = 'consent_withdrawn') as n_consent_withdrawn,
        count(*) filter (where reason = 'consent_denied') as n_consent_denied,
        count(*) filter (where reason = 'consent_unknown') as n_consent_unknown,
        count(reason) as n_not_permitted
    from reasons
    group by as_of, permission_set
),

-- a leaf says nothing to whoever lacks the nonce, and nothing at all once the nonce is destroyed
member_leaves as (
    select
        members.as_of,
        members.segment_id,
        false as is_pruned,
        {{ sha256_hex("nonces.nonce || chr(31) || " ~ canonical_fields(membership_fields(), 'members')) }} as leaf
    from members
    left join nonces on members.customer_key = nonces.customer_key
    where {{ raise_if(
        'nonces.nonce is null', "'a member of ' || members.segment_id || ' has no leaf nonce: somebody erased is in the data'"
    ) }}
),

leaves as (
    select * from member_leaves
    {%- if recorded_runs is not none %}

    union all

    -- evaluated again, a date still has the leaves of whom an erasure deleted since; whom a purge did is a member anew
    select
        clock.as_of,
        pruned.segment_id,
        true as is_pruned,
        pruned.leaf
    from {{ source('lifecycle', 'pruned_leaves') }} as pruned
    inner join clock on {{ is_in_interval('clock.as_of', 'pruned.valid_from', 'pruned.valid_to') }}
    inner join (
        select
            as_of,
            max(run_number) as run_number
        from {{ recorded_runs }}
        group by as_of
    ) as runs on clock.as_of = runs.as_of and pruned.last_run >= runs.run_number
    left join member_leaves
        on clock.as_of = member_leaves.as_of
        and pruned.segment_id = member_leaves.segment_id
        and pruned.leaf = member_leaves.leaf
    where member_leaves.leaf is null
    {%- endif %}
),

roots as (
    select
        as_of,
        segment_id,
        count(*) filter (where not is_pruned) as n_members,
        {{ sha256_hex(dbt.listagg('leaf', "''", 'order by leaf')) }} as partition_hash
    from leaves
    group by as_of, segment_id
)

select
    registry.as_of,
    registry.known_at,
    registry.segment_id,
    registry.spec_version,
    populations.n_population,
    populations.n_restricted,
    populations.n_objected,
    populations.n_age_gate,
    populations.n_consent_withdrawn,
    populations.n_consent_denied,
    populations.n_consent_unknown,
    populations.n_not_permitted,
    coalesce(roots.n_members, 0) as n_members,
    coalesce(roots.partition_hash, {{ sha256_hex("''") }}) as partition_hash
from registry
inner join needs
    on registry.segment_id = needs.segment_id
    and registry.spec_version = needs.spec_version
inner join populations
    on registry.as_of = populations.as_of
    and needs.permission_set = populations.permission_set
left join roots
    on registry.as_of = roots.as_of
    and registry.segment_id = roots.segment_id
