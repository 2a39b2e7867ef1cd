{%- set channels = [] -%}
{%- for channel, purpose in channel_purposes().items() if purpose -%}
    {%- do channels.append([channel, purpose]) -%}
{%- endfor -%}

with channels as (
    {{ literal_rows([['channel', dbt.type_string()], ['purpose', dbt.type_string()]], channels) }}
),

consent_state as (
    select * from {{ ref('consent_state') }}
),

soft_opt_ins as (
    select
        soft_opt_ins.*,
        channels.channel,
        channels.purpose
    from {{ ref('int_soft_opt_ins') }} as soft_opt_ins
    inner join channels on channels.channel = 'email'
),

permitted as (
    select
        consent_state.as_of,
        consent_state.customer_key,
        channels.channel,
        consent_state.purpose,
        consent_state.is_granted,
        consent_state.consent_event_key
    from consent_state
    inner join channels on consent_state.purpose = channels.purpose
    where {{ is_permitted('true', 'consent_state') }}
)

select
    as_of,
    customer_key,
    channel,
    purpose,
    case when is_granted then 'consent' else 'law' end as permission_basis,
    case when is_granted then consent_event_key end as consent_event_key,
    cast(null as {{ dbt.type_timestamp() }}) as customer_since
from permitted

union all

select
    soft_opt_ins.as_of,
    soft_opt_ins.customer_key,
    soft_opt_ins.channel,
    soft_opt_ins.purpose,
    'soft_opt_in' as permission_basis,
    cast(null as {{ dbt.type_string() }}) as consent_event_key,
    soft_opt_ins.customer_since
from soft_opt_ins
left join permitted
    on soft_opt_ins.as_of = permitted.as_of
    and soft_opt_ins.customer_key = permitted.customer_key
    and soft_opt_ins.channel = permitted.channel
where permitted.customer_key is null
