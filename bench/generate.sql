-- Synthetic raw data in the `generic` input contract (DESIGN 3), as Parquet files in arrival order.
--
-- Everything is a function of hash(salt, keys): one DuckDB version always writes the same content.
-- `hash()` may change between DuckDB versions, so compare runs of one version only.
--
-- Two parts, split at the marker line. The first runs once and needs the variables
--   customers  number of people,
--   folder     where the Parquet files go (its table folders exist).
-- The second runs once per arrival file and needs file_name, arrival_from and arrival_to.

-- Uniform number in [0, 1) out of a salt and one or two keys. hash() of several values only XORs the last one in, so
-- one key under two salts would give related numbers: the outer hash() breaks that.
create macro u
    (salt, a) as (hash(hash(salt, a)) >> 11) / 9007199254740992.0,
    (salt, a, b) as (hash(hash(salt, a, b)) >> 11) / 9007199254740992.0;

-- A later instant, in whole milliseconds.
create macro later(moment, seconds) as make_timestamp_ms(epoch_ms(moment) + cast(1000 * (seconds) as bigint));
create macro between_instants(x, y, share) as later(x, greatest(epoch(y) - epoch(x), 0) * (share));
create macro days(n) as 86400.0 * (n);

-- When a fact that happened at `moment` reaches us: seconds later, for one in a hundred up to `late_days`.
create macro arrival(moment, f, late_days) as
    later(moment, case when f < 0.99 then 1 + 59 * f else days(late_days) * (f - 0.99) * 100 end);

-- Orders per person: median 1, p75 7, p90 32, p99 85, max 291, mean about 10.
create macro skewed_count(f) as cast(floor(case
    when f < 0.40 then 0
    when f < 0.50 then 1
    when f < 0.75 then 1 + 6 * (f - 0.50) / 0.25
    when f < 0.90 then 7 + 25 * (f - 0.75) / 0.15
    when f < 0.99 then 32 + 53 * (f - 0.90) / 0.09
    else 85 + 207 * pow((f - 0.99) / 0.01, 3)
end) as integer);

create macro history_start() as timestamp '2023-01-01';
create macro history_end() as timestamp '2026-01-01';

create macro country(no) as
    case when u('country', no) < 0.5 then 'DE' when u('country', no) < 0.8 then 'FR' else 'NL' end;
create macro customer_id(no) as 'c' || (10000000 + no);
create macro email(no) as case when u('email', no) < 0.9 then 'person' || no || '@example.com' end;

create table people as
with born as (
    select
        range::integer as no,
        between_instants(history_start(), history_end(), 0.98 * u('created', range)) as created_at,
        -- three in ten never leave, the others stay 400 days on average
        case when u('stays', range) < 0.3 then 1e9 else -400 * ln(1 - u('lifetime', range)) end as lifetime_days,
        u('orders', range) as order_rank,
        least(0.999999, 0.7 * u('orders', range) + 0.3 * u('sessions', range)) as session_rank
    from range(1, getvariable('customers') + 1)
)

select
    no,
    created_at,
    least(history_end(), later(created_at, days(least(lifetime_days, 2000)))) as last_active_at,
    skewed_count(order_rank) as n_orders,
    1 + cast(2.9 * skewed_count(session_rank) as integer) as n_sessions
from born;

-- Sorted by time, so that each arrival file reads only its own stretch.
create table purchases as
select
    no,
    range::integer as seq,
    between_instants(created_at, last_active_at, u('order_at', no, range)) as ordered_at
from people, range(n_orders)
order by ordered_at;

create table visits as
select
    no,
    range::integer as seq,
    between_instants(created_at, last_active_at, u('visit_at', no, range)) as started_at,
    least(40, 1 + cast(floor(-4.7 * ln(1 - u('visit_length', no, range))) as integer)) as n_events
from people, range(n_sessions)
order by started_at;

-- Consent per person and purpose: never asked, denied, or granted and then withdrawn and granted in turns.
create table consent_turns as
with purposes (purpose, granted_share, denied_share) as (
    values
        ('marketing.communications.email', 0.60, 0.15),
        ('personalize.content.profiling', 0.50, 0.20)
),

asked as (
    select
        no,
        purpose,
        u('answer_' || purpose, no) < granted_share as is_granted,
        later(created_at, case
            when u('when_' || purpose, no) < 0.7 then 20 + 120 * u('delay_' || purpose, no)
            else days(60) * u('delay_' || purpose, no)
        end) as asked_at
    from people, purposes
    where u('answer_' || purpose, no) < granted_share + denied_share
),

withdrawn as (
    select
        *,
        case when is_granted and u('w_' || purpose, no) < 0.15
            then between_instants(asked_at, history_end(), u('w_at_' || purpose, no)) end as withdrawn_at
    from asked
),

regranted as (
    select
        *,
        case when u('r_' || purpose, no) < 0.35
            then between_instants(withdrawn_at, history_end(), 0.02 + 0.9 * u('r_at_' || purpose, no)) end as regranted_at
    from withdrawn
),

again as (
    select
        *,
        case when u('w2_' || purpose, no) < 0.25
            then between_instants(regranted_at, history_end(), 0.1 + 0.9 * u('w2_at_' || purpose, no)) end as again_at
    from regranted
)

select no, purpose, 1 as turn, if(is_granted, 'granted', 'denied') as status, asked_at as effective_at from again
union all
select no, purpose, 2, 'withdrawn', withdrawn_at from again where withdrawn_at is not null
union all
select no, purpose, 3, if(u('renewed', no) < 0.5, 'granted', 'renewed'), regranted_at from again where regranted_at is not null
union all
select no, purpose, 4, 'withdrawn', again_at from again where again_at is not null;

create table objections as
with raised as (
    select
        no,
        between_instants(created_at, history_end(), u('objected_at', no)) as objected_at,
        between_instants(created_at, history_end(), u('restricted_at', no)) as restricted_at
    from people
)

select no, 'marketing.advertising.profiling' as purpose, 11 as turn, 'objected' as status, objected_at as effective_at
from raised
where u('objects', no) < 0.01
union all
select no, 'marketing.advertising.profiling', 12, 'objection_lifted', between_instants(objected_at, history_end(), 0.5)
from raised
where u('objects', no) < 0.002
union all
select no, '*', 21, 'restricted', restricted_at
from raised
where u('restricts', no) < 0.002
union all
select no, '*', 22, 'restriction_lifted', between_instants(restricted_at, history_end(), 0.5)
from raised
where u('restricts', no) < 0.001;

copy (
    select
        customer_id(no) as customer_id,
        email(no) as email,
        created_at,
        country(no) as country,
        cast('1940-01-01' as date) + cast(floor(22000 * u('birth', no)) as integer) as birth_date,
        later(created_at, 1) as recorded_at
    from people
    where recorded_at < history_end()
    order by recorded_at, customer_id
) to (getvariable('folder') || '/customers/customers.parquet') (format parquet, compression zstd);

copy (
    with events as (
        from consent_turns
        union all by name
        from objections
    )

    select
        format('k{:d}-{:d}', no, if(purpose like 'personalize%', 50, 0) + turn) as consent_event_id,
        customer_id(no) as customer_id,
        purpose,
        status,
        effective_at,
        if(effective_at < '2025-01-01', 'notice_1', 'notice_2') as consent_version,
        country(no) as jurisdiction,
        if(u('source', no) < 0.7, 'signup_form', 'preference_centre') as source,
        arrival(effective_at, u('consent_late' || purpose, no, turn), 5) as recorded_at
    from events
    where recorded_at < history_end()
    order by recorded_at, consent_event_id
) to (getvariable('folder') || '/consents/consents.parquet') (format parquet, compression zstd);

-- Every revision of every order as it arrives; one in a hundred is revised a few days later.
create view order_revisions as
with facts as (
    select
        no,
        seq,
        ordered_at,
        greatest(3.0, 20 * exp(1.6 * u('spender', no) + 1.6 * (u('amount', no, seq) - 0.4)))::decimal(18, 2) as gross,
        u('discount', no, seq) as discount,
        u('status', no, seq) as status,
        u('revised', no, seq) < 0.01 as is_revised,
        arrival(ordered_at, u('order_late', no, seq), 3) as first_recorded_at
    from purchases
),

revisions as (
    select *, 0 as revision, first_recorded_at as recorded_at from facts
    union all by name
    select *, 1 as revision, later(first_recorded_at, days(3) * (0.1 + u('revised_at', no, seq))) as recorded_at
    from facts
    where is_revised
)

select
    no,
    seq,
    gross,
    ordered_at,
    'o' || (1000 * no::bigint + seq) as order_id,
    customer_id(no) as customer_id,
    email(no) as email,
    gross + if(revision = 1 and status >= 0.3, 5, 0)::decimal(18, 2) as gross_amount,
    case when discount < 0.2 then gross * 0.15 else 0 end::decimal(18, 2) as discount_amount,
    case
        when revision = 1 and status < 0.3 then 'cancelled'
        when status < 0.020 then 'cancelled'
        when status < 0.026 then 'pending'
        when status < 0.030 then 'failed'
        when status < 0.040 then null
        when status < 0.300 then 'shipped'
        else 'completed'
    end as status,
    case when discount < 0.1 then 'coupon_' || cast(floor(300 * discount) as integer) end as coupon_code,
    if(u('channel', no, seq) < 0.8, 'web', 'app') as channel,
    if(u('mobile', no) + u('device', no, seq) < 0.9, 'mobile', 'desktop') as device_type,
    country(no) as country,
    'EUR' as currency,
    recorded_at
from revisions;

-- 7 % of the orders that count are refunded, two in seven of them in full.
create table refunds as
with refunded as (
    select
        no,
        seq,
        order_id,
        gross_amount - discount_amount as net,
        later(ordered_at, days(2 + 28 * u('refund_at', no, seq))) as refunded_at,
        u('refund', no, seq) as refund
    from order_revisions
    where
        u('refund', no, seq) < 0.074
        and u('revised', no, seq) >= 0.01
        and coalesce(status in ('completed', 'shipped'), true)
)

select
    'r' || substr(order_id, 2) as refund_id,
    order_id,
    refunded_at,
    if(refund < 0.02, net, net * u('refund_share', no, seq))::decimal(18, 2) as amount,
    arrival(refunded_at, u('refund_late', no, seq), 3) as recorded_at
from refunded;

-- split: what follows runs once per arrival file

copy (
    with received as (
        from order_revisions
        where
            ordered_at >= getvariable('arrival_from') - interval 8 days
            and ordered_at < getvariable('arrival_to')
            and recorded_at >= getvariable('arrival_from')
            and recorded_at < getvariable('arrival_to')
    ),

    arrived as (
        from received
        union all
        from received
        where u('order_twice', no, seq) < 0.0001
    )

    select
        order_id,
        customer_id,
        email,
        ordered_at,
        gross_amount,
        discount_amount,
        currency,
        status,
        coupon_code,
        channel,
        device_type,
        country,
        recorded_at
    from arrived
    order by recorded_at, order_id
) to (getvariable('folder') || '/orders/' || getvariable('file_name')) (format parquet, compression zstd);

copy (
    from refunds
    where
        recorded_at >= getvariable('arrival_from')
        and recorded_at < getvariable('arrival_to')
    order by recorded_at, refund_id
) to (getvariable('folder') || '/refunds/' || getvariable('file_name')) (format parquet, compression zstd);

copy (
    with on_site as (
        select
            no,
            hash('visit', no, seq) as session,
            range::integer as step,
            u('step', hash(no, seq), range) as f,
            u('visitor_device', no) + u('visit_device', no, seq) < 0.9 as is_mobile,
            if(u('origin', no, seq) < 0.3, 'paid_search', 'direct') as channel,
            later(started_at, range * (20 + 60 * u('pace', no, seq))) as occurred_at
        from visits, range(n_events)
        where
            started_at >= getvariable('arrival_from') - interval 3 days
            and started_at < getvariable('arrival_to')
    ),

    site_events as (
        select
            no,
            hash('site', session, step) as event_no,
            occurred_at,
            case
                when step = 0 or f < 0.30 then 'page_view'
                when f < 0.70 then 'product_view'
                when f < 0.79 then 'add_to_cart'
                when f < 0.81 then 'remove_from_cart'
                when f < 0.85 then 'checkout_started'
                when f < 0.93 then 'search'
                when f < 0.94 then 'support_ticket'
                when f < 0.95 then 'survey_answered'
                else 'other'
            end as event_type,
            hex(session) as session_id,
            if(is_mobile, 'mobile', 'desktop') as device_type,
            channel,
            null::varchar as campaign_id,
            case when event_type in ('product_view', 'add_to_cart', 'remove_from_cart')
                then cast(floor(5000 * pow(u('product', session, step), 2)) as integer) end as product_no,
            case when event_type in ('add_to_cart', 'remove_from_cart')
                then (5 + 60 * u('price', session, step))::decimal(18, 2) end as amount
        from on_site
    ),

    mailings as (
        select
            range as campaign_no,
            timestamp '2023-01-03 08:00:00' + to_days(14 * range::integer) as planned_at
        from range(78)
        where
            planned_at >= getvariable('arrival_from') - interval 8 days
            and planned_at < getvariable('arrival_to')
    ),

    mailed as (
        select
            no,
            campaign_no,
            u('opens', no, campaign_no) < u('reader', no) as is_opened,
            u('clicks', no, campaign_no) < 0.2 as is_clicked,
            later(planned_at, 7200 * u('sent', no, campaign_no)) as sent_at
        from mailings, people
        where
            people.created_at < planned_at
            and (
                u('mailed', no, campaign_no) < 0.01
                or (
                    u('mailed', no, campaign_no) < 0.8
                    and u('answer_marketing.communications.email', no) < 0.6
                    and not exists (
                        from consent_turns as turns
                        where
                            turns.no = people.no
                            and turns.purpose = 'marketing.communications.email'
                            and turns.status = 'withdrawn'
                            and turns.effective_at <= planned_at
                    )
                )
            )
    ),

    mail_steps as (
        select no, campaign_no, 'email_sent' as event_type, sent_at as occurred_at from mailed
        union all
        select no, campaign_no, 'email_opened', later(sent_at, days(1.5) * u('opened', no, campaign_no))
        from mailed
        where is_opened
        union all
        select no, campaign_no, 'email_clicked', later(sent_at, days(1.5) * u('opened', no, campaign_no) + 9)
        from mailed
        where is_opened and is_clicked
    ),

    subscriptions as (
        -- a person subscribes just after the grant and unsubscribes just before the withdrawal
        select
            no,
            hash('subscription', no, turn) as event_no,
            if(status = 'withdrawn', 'unsubscribed', 'subscribed') as event_type,
            if(status = 'withdrawn', later(effective_at, -2), later(effective_at, 3)) as occurred_at
        from consent_turns
        where
            purpose = 'marketing.communications.email'
            and status != 'denied'
            and u('form', no, turn) < 0.7
            and effective_at >= getvariable('arrival_from') - interval 4 days
            and effective_at <= getvariable('arrival_to') + interval 1 day
    ),

    everything as (
        from site_events
        union all by name
        select *, hash(event_type, no, campaign_no) as event_no, 'mailing_' || campaign_no as campaign_id
        from mail_steps
        union all by name
        from subscriptions
    ),

    received as (
        select *, arrival(occurred_at, u('event_late', event_no), 2) as recorded_at
        from everything
        where
            recorded_at >= getvariable('arrival_from')
            and recorded_at < getvariable('arrival_to')
    ),

    arrived as (
        from received
        union all
        from received
        where u('event_twice', event_no) < 0.0001
    )

    select
        hex(event_no) as event_id,
        customer_id(no) as customer_id,
        occurred_at,
        event_type,
        session_id,
        'p' || product_no as product_id,
        'category_' || (product_no % 20) as product_category,
        device_type,
        channel,
        campaign_id,
        amount,
        recorded_at
    from arrived
    order by recorded_at, event_id
) to (getvariable('folder') || '/events/' || getvariable('file_name')) (format parquet, compression zstd);
