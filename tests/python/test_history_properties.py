"""Properties of history over random small shops: late rows, revisions, refunds, withdrawals, rule changes, any order of arrival."""

import random
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from compiled import CompiledModels
from conftest import Built
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# cart_abandoner's second version takes effect between the second and the third date
DATES = [datetime(2026, 2, 9), datetime(2026, 2, 16), datetime(2026, 3, 2), datetime(2026, 3, 9)]
START = datetime(2025, 7, 1)
# the segments that need consent accept v1 and newer notices; v2 names what v1 holds within a wider purpose, "sms" nothing of it
NOTICES = [
    {"consent_version": "v0", "text_sha256": "00", "published_at": "2025-01-01"},
    {"consent_version": "v1", "text_sha256": "00", "published_at": "2025-10-01", "purposes": "marketing;personalize"},
    {"consent_version": "sms", "text_sha256": "00", "published_at": "2025-11-01", "purposes": "marketing.communications.sms"},
    {"consent_version": "v2", "text_sha256": "00", "published_at": "2026-02-20", "material_change": "true",
     "purposes": "marketing.communications.email;personalize.content.profiling"},
]
VALID_DAYS = 60
STABILITY = 3
# in the test of the stability rule every segment asks for it
EVALUATIONS = [datetime(2026, 1, 5) + timedelta(days=7 * week) for week in range(9)]
CUSTOMERS = ["anna", "Bob ", "ç'élin"]
COMPARED = ("segment_members", "segment_partitions", "customer_features", "consent_state", "customers", "rfm_thresholds")
EXAMPLES = settings(max_examples=5, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))

# days after START, mostly near the dates; and how many days later a row was recorded
days = st.one_of(st.integers(0, 260), st.integers(190, 255))
delays = st.one_of(st.just(0), st.just(0), st.integers(1, 40))
hours = st.integers(0, 23)


@st.composite
def instants(draw) -> dict:
    """When something happened and when it was recorded."""
    happened = START + timedelta(days=draw(days), hours=draw(hours))
    return {"happened": str(happened), "recorded_at": str(happened + timedelta(days=draw(delays)))}


def known_notices(notices: list[dict], date: datetime) -> list[dict]:
    """What stood in the table of notices at a date: those published by then, with the ends known by then."""
    return [
        {column: value for column, value in notice.items() if column != "invalidated_at" or datetime.fromisoformat(value) <= date}
        for notice in notices if datetime.fromisoformat(notice["published_at"]) <= date
    ]


@st.composite
def shops(draw) -> dict[str, list[dict]]:
    """Raw tables of a small shop."""
    raw = {"orders": [], "refunds": [], "events": [], "consents": [], "customers": [], "notices": [], "identity_links": []}
    customer = st.sampled_from(CUSTOMERS)
    for number in range(draw(st.integers(1, 12))):
        when = draw(instants())
        order = {"order_id": f"o{number}", "customer_id": draw(customer), "ordered_at": when["happened"], "currency": "EUR",
                 "gross_amount": draw(st.sampled_from(["30.00", "120.00", "260.00"])), "recorded_at": when["recorded_at"]}
        raw["orders"].append(order)
        if draw(st.integers(0, 3)) == 0:  # a later version of it
            later = datetime.fromisoformat(when["recorded_at"]) + timedelta(days=draw(st.integers(0, 30)))
            change = draw(st.sampled_from([{"status": "cancelled"}, {"gross_amount": "10.00"}, {}]))
            raw["orders"].append(order | change | {"recorded_at": str(later)})
        if draw(st.integers(0, 4)) == 0:
            later = datetime.fromisoformat(when["happened"]) + timedelta(days=draw(st.integers(1, 30)))
            raw["refunds"].append({"refund_id": f"r{number}", "order_id": f"o{number}", "amount": "25.00", "refunded_at": str(later),
                                   "recorded_at": str(later + timedelta(days=draw(delays)))})
    for number in range(draw(st.integers(0, 10))):
        when = draw(instants())
        kind = draw(st.sampled_from(["add_to_cart", "remove_from_cart", "product_view", "subscribed", "unsubscribed", "email_sent"]))
        raw["events"].append({"event_id": f"e{number}", "event_type": kind, "customer_id": draw(customer), "amount": "45.00",
                              "occurred_at": when["happened"], "recorded_at": when["recorded_at"], "session_id": f"s{number % 3}"})
    for number in range(draw(st.integers(0, 8))):
        when = draw(instants())
        status = draw(st.sampled_from(["granted", "granted", "withdrawn", "objected", "objection_lifted", "restricted"]))
        raw["consents"].append({"consent_event_id": f"c{number}", "customer_id": draw(customer), "status": status,
                                "purpose": draw(st.sampled_from(["*", "marketing", "personalize.content.profiling"])),
                                "consent_version": draw(st.sampled_from(["v0", "v1", "v1", "v2", "v2", "sms", None])),
                                "event_type": draw(st.sampled_from([None, "accept_all", "accept_all", "default", "gpc_signal"])),
                                "jurisdiction": draw(st.sampled_from([None, None, "US-CA", "DE"])),
                                "effective_at": when["happened"], "recorded_at": when["recorded_at"]})
    for name in draw(st.sets(customer)):
        record = {"customer_id": name, "email": "shared@example.com", "created_at": str(START), "recorded_at": str(START),
                  "country": draw(st.sampled_from([None, "US", "US", "DE"]))}
        raw["customers"].append(record)
        if draw(st.booleans()):  # moved
            raw["customers"].append(record | {"country": draw(st.sampled_from(["US", "DE"])), "recorded_at": str(START + timedelta(days=draw(days)))})
    # a text may be published after somebody agreed to it, and found defective later
    ends = st.sampled_from([{}, {}, {"invalidated_at": "2026-02-12"}, {"invalidated_at": "2026-02-27"}])
    raw["notices"] = [notice | draw(ends) for notice in NOTICES if draw(st.integers(0, 3))]
    for number in range(draw(st.integers(0, 3))):
        when, end = draw(instants()), draw(instants())
        link = {"link_id": f"l{number}", "left_type": "customer_id", "left_id": draw(customer), "right_type": "customer_id", "right_id": draw(customer),
                "match_class": "deterministic", "effective_at": when["happened"], "recorded_at": when["recorded_at"]}
        raw["identity_links"].append(link)
        if draw(st.booleans()):  # taken back, by clocks of its own
            raw["identity_links"].append(link | {"valid_to": end["happened"], "recorded_at": max(end["recorded_at"], when["recorded_at"])})
    return raw


@pytest.fixture(scope="module")
def models(demo: Built, tmp_path_factory) -> CompiledModels:
    models = CompiledModels(demo, tmp_path_factory, (*COMPARED, "replayed_membership"))
    for schema in ("reference", "replay_reference"):
        models.connection.execute(f"update warehouse.{schema}.purposes set consent_valid_days = {VALID_DAYS} where channel = 'email'")
    return models


def evaluated(models: CompiledModels, raw: dict, dates: list[datetime]) -> dict[str, list[tuple]]:
    """What the dates give, as recorded: each date knows what it could know."""
    models.run(raw, [(str(date), str(date)) for date in dates])
    return {name: models.rows(name) for name in COMPARED}


def of_date(found: dict[str, list[tuple]], date: datetime) -> dict[str, list[tuple]]:
    """The rows of one as_of."""
    return {name: [row for row in rows if date in row[:2]] for name, rows in found.items()}


def test_the_random_shops_have_members_and_changes(models: CompiledModels):
    raw = {
        "orders": [{"order_id": f"o{n}", "customer_id": "anna", "ordered_at": f"2026-02-{n + 1:02}", "gross_amount": "260.00",
                    "recorded_at": f"2026-02-{n + 1:02}"} for n in range(1, 12)],
        "consents": [{"consent_event_id": "c", "customer_id": "anna", "purpose": "*", "status": "objected",
                      "effective_at": "2026-03-05", "recorded_at": "2026-03-05"}],
    }
    found = evaluated(models, raw, DATES)
    sizes = [len(of_date(found, date)["segment_members"]) for date in DATES]
    assert sizes[0] > 3 and sizes[2] > 3 and sizes[3] == 0


@settings(EXAMPLES, max_examples=2)
@given(raw=shops(), other=shops())
def test_models_made_anew_only_where_something_changed_hold_what_all_made_anew_hold(models: CompiledModels, raw: dict, other: dict):
    """What the properties below rest on: between two runs only what reads other rows or dates is made anew."""
    evaluated(models, raw, DATES)
    evaluated(models, other, DATES[:2])
    found = evaluated(models, other, DATES[1:])
    models.forget()
    assert evaluated(models, other, DATES[1:]) == found


def test_c08_a_consent_ends_when_its_days_are_over(models: CompiledModels):
    """365 days from 29 February 2028, 10:00, end on 28 February 2029 at 10:00; what was read until then still counts after a renewal."""
    purposes = "update warehouse.{schema}.purposes set consent_valid_days = {days} where purpose in ('{email}', 'personalize.content.profiling')"
    raw = {
        "orders": [{"order_id": "o", "customer_id": "bea", "ordered_at": "2028-01-01", "gross_amount": "9.00"}],
        "consents": [{"consent_event_id": number, "customer_id": "anna", "purpose": "*", "status": status, "effective_at": when, "recorded_at": when}
                     for number, status, when in (("1", "granted", "2028-02-29 10:00:00"), ("2", "renewed", "2029-03-02 10:00:00"))],
        "events": [{"event_id": "e", "event_type": "add_to_cart", "customer_id": "anna", "amount": "45.00", "session_id": "s",
                    "occurred_at": "2029-02-27 10:00:00", "recorded_at": "2029-02-27 10:00:00"},
                   {"event_id": "f", "event_type": "add_to_cart", "customer_id": "anna", "amount": "55.00", "session_id": "t",
                    "occurred_at": "2029-03-01 10:00:00", "recorded_at": "2029-03-01 10:00:00"}],
    }
    dates = [datetime(2029, 2, 28, 9, 59, 59), datetime(2029, 2, 28, 10), datetime(2029, 3, 3)]
    try:
        for schema in ("reference", "replay_reference"):
            models.connection.execute(purposes.format(schema=schema, days=365, email="marketing.communications.email"))
        models.run(raw, [(str(date), str(date)) for date in dates])
        states = models.connection.execute(
            "select as_of, consent_status, is_granted from warehouse.replay_marts.consent_state where purpose = 'personalize.content.profiling'"
            " order by as_of").fetchall()
        carts = models.connection.execute(
            "select as_of, abandoned_cart_value from warehouse.replay_marts.customer_features where abandoned_cart_at is not null order by as_of"
        ).fetchall()
    finally:
        for schema in ("reference", "replay_reference"):
            models.connection.execute(purposes.format(schema=schema, days="null", email="none"))
            models.connection.execute(purposes.format(schema=schema, days=VALID_DAYS, email="marketing.communications.email"))
    assert states == [(dates[0], "granted", True), (dates[1], "expired", False), (dates[2], "renewed", True)]
    assert carts == [(dates[0], 45), (dates[2], 45)]


@EXAMPLES
@given(raw=shops())
def test_many_dates_at_once_are_many_dates_one_by_one(models: CompiledModels, raw: dict):
    """A rule that counts evaluations needs those since its version began (vip_top_5_percent, from the third date on)."""
    together = evaluated(models, raw, DATES)
    for date in DATES:
        counted = [one for one in DATES[2:] if one < date]
        assert of_date(together, date) == of_date(evaluated(models, raw, [*counted, date]), date)


@EXAMPLES
@given(raw=shops())
def test_links_lose_no_order_and_count_none_twice(models: CompiledModels, raw: dict):
    """C22: whoever is one person with whom, the orders and the money of a date are what they are without any link."""
    totals = "select as_of, sum(order_count), sum(net_spend) from warehouse.replay_marts.customer_orders group by as_of order by as_of"
    evaluated(models, raw, DATES)
    linked = models.connection.execute(totals).fetchall()
    evaluated(models, raw | {"identity_links": []}, DATES)
    assert linked == models.connection.execute(totals).fetchall()


@EXAMPLES
@given(raw=shops())
def test_what_is_recorded_later_changes_no_date(models: CompiledModels, raw: dict):
    """Prefix stability, and with it: replay as recorded is what was recorded when each date was evaluated."""
    together = evaluated(models, raw, DATES)
    for date in DATES[:-1]:
        then = {name: [row for row in rows if name != "notices" and datetime.fromisoformat(row["recorded_at"]) <= date]
                for name, rows in raw.items()} | {"notices": known_notices(raw["notices"], date)}
        assert of_date(together, date) == of_date(evaluated(models, then, [date]), date)


def test_a_notice_published_after_a_grant_changes_no_date_before_it(models: CompiledModels):
    """Nothing of a notice is known before it is published: until then its grants are as those under a notice not on record."""
    carts = [{"event_id": f"e{date}", "event_type": "add_to_cart", "customer_id": who, "amount": "45.00", "session_id": "s",
              "occurred_at": str(date - timedelta(days=1)), "recorded_at": str(date - timedelta(days=1))}
             for date in DATES for who in ("early", "on time")]
    raw = {
        "orders": [{"order_id": "o", "customer_id": "anna", "ordered_at": "2026-01-01", "gross_amount": "9.00", "recorded_at": "2026-01-01"}],
        "consents": [{"consent_event_id": who, "customer_id": who, "purpose": "*", "status": "granted", "consent_version": version,
                      "effective_at": when, "recorded_at": when}
                     for who, version, when in (("early", "v2", "2026-02-01"), ("on time", "v1", "2026-02-01"))],
        "events": carts,
        "notices": [notice for notice in NOTICES if notice["consent_version"] in ("v1", "v2")],
    }
    together = evaluated(models, raw, DATES)
    for date in DATES[:2]:
        assert of_date(together, date) == of_date(evaluated(models, raw | {"notices": known_notices(raw["notices"], date)}, [date]), date)
    evaluated(models, raw, DATES)
    found = models.connection.execute("""
        select as_of, consent_version, consent_status, notice_published_at is not null from warehouse.replay_marts.consent_state
        where purpose = 'personalize.content.profiling' and consent_version = 'v2' order by as_of
    """).fetchall()
    assert found == [(DATES[0], "v2", "granted", False), (DATES[1], "v2", "granted", False),
                     (DATES[2], "v2", "invalidated", True), (DATES[3], "v2", "invalidated", True)]


def test_a_version_that_accepts_newer_notices_only_changes_no_date_before_it(models: CompiledModels):
    """min_notice_version belongs to the version of a spec: cart_abandoner 1 accepts v1, its version 2 here only newer notices."""
    raw = {
        "orders": [{"order_id": "o", "customer_id": "anna", "ordered_at": "2026-01-01", "gross_amount": "9.00", "recorded_at": "2026-01-01"}],
        "consents": [{"consent_event_id": who, "customer_id": who, "purpose": "*", "status": "granted", "consent_version": version,
                      "effective_at": "2026-01-10", "recorded_at": "2026-01-10"} for who, version in (("old", "v1"), ("new", "v1.1"))],
        "events": [{"event_id": f"{who}{date}", "event_type": "add_to_cart", "customer_id": who, "amount": "45.00", "session_id": "s",
                    "occurred_at": str(date - timedelta(days=1)), "recorded_at": str(date - timedelta(days=1))}
                   for date in DATES for who in ("old", "new")],
        "notices": [{"consent_version": "v1", "text_sha256": "00", "published_at": "2025-10-01"},
                    {"consent_version": "v1.1", "text_sha256": "00", "published_at": "2025-12-01"}],
    }
    [purposes] = [node for node in models.nodes if node["name"] == "segment_purposes"]
    pattern = r"('cart_abandoner' as segment_id,\s+2 as spec_version,(?:(?! as min_notice_version).)*)'v1'( as min_notice_version)"
    before = purposes["compiled_code"]
    after, n_changed = re.subn(pattern, r"\1'v1.1'\2", before, flags=re.DOTALL)
    assert n_changed == 1
    purposes["compiled_code"] = after
    try:
        together = evaluated(models, raw, DATES)
        members = models.connection.execute("""
            select as_of, count(*) from warehouse.replay_segments.segment_members where segment_id = 'cart_abandoner' group by all order by as_of
        """).fetchall()
        alone = {date: of_date(evaluated(models, raw, [date]), date) for date in DATES}
    finally:
        purposes["compiled_code"] = before
    assert members == [(DATES[0], 2), (DATES[1], 2), (DATES[2], 1), (DATES[3], 1)]
    assert {date: of_date(together, date) for date in DATES} == alone


@EXAMPLES
@given(raw=shops(), seed=st.integers(0, 1000), zone=st.sampled_from(["Pacific/Auckland", "America/New_York"]))
def test_neither_the_order_of_rows_nor_the_zone_that_they_are_written_in_counts(
    models: CompiledModels, raw: dict, seed: int, zone: str
):
    before = evaluated(models, raw, DATES)
    shuffled = {
        name: [{column: in_zone(value, zone) if column.endswith("_at") else value for column, value in row.items()}
               for row in random.Random(seed).sample(rows, len(rows))]
        for name, rows in raw.items()
    }
    assert evaluated(models, shuffled, DATES) == before


def in_zone(instant: str, zone: str) -> str:
    """The same instant as a clock of the zone shows it, with its offset."""
    return datetime.fromisoformat(instant).replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).isoformat(sep=" ")


@EXAMPLES
@given(raw=shops())
def test_intervals_are_what_one_snapshot_after_the_other_gives(models: CompiledModels, raw: dict):
    evaluated(models, raw, DATES)
    members = {date: {} for date in DATES}
    names = [column[0] for column in models.connection.execute("describe warehouse.replay_segments.segment_members").fetchall()]
    for row in models.rows("segment_members"):
        record = dict(zip(names, row, strict=True))
        state = tuple(value for name, value in record.items() if name not in ("as_of", "expires_at"))
        members[record["as_of"]][(record["segment_id"], record["customer_key"])] = state
    # the snapshot's rule, written as a loop
    rows, open_rows = [], {}
    for date in DATES:
        for key, (state, since) in list(open_rows.items()):
            if members[date].get(key) != state:
                rows.append((*key, since, date))
                del open_rows[key]
        for key, state in members[date].items():
            open_rows.setdefault(key, (state, date))
    rows += [(*key, since, None) for key, (_, since) in open_rows.items()]
    found = models.connection.execute(
        "select segment_id, customer_key, dbt_valid_from, dbt_valid_to from warehouse.replay_audit.replayed_membership"
    ).fetchall()
    assert sorted(found, key=repr) == sorted(rows, key=repr)


@pytest.fixture(scope="module")
def stable(demo: Built, tmp_path_factory) -> CompiledModels:
    """Every segment asks for stability, and a pass may go on from what the one before knew, as builds do."""
    models = CompiledModels(demo, tmp_path_factory, ("segment_members", "int_stability"))
    models.connection.execute("""
        create table warehouse.carried (as_of timestamp, segment_id text, customer_key text, is_candidate boolean,
                                        is_effective boolean, streak integer, last_activity_at timestamp, settled_at timestamp)
    """)
    changes = [("int_stability_inputs", r'("?\w+"?\."?\w+"?\."?segment_registry"?)', rf"(select * replace ({STABILITY} as stability) from \1)"),
               ("int_effective_candidates", r'("?\w+"?\."?\w+"?\."?segment_registry"?)', rf"(select * replace ({STABILITY} as stability) from \1)"),
               ("int_stability", r"carried as \(.*?\n\)", "carried as (select * from warehouse.carried)")]
    for name, pattern, replacement in changes:
        [node] = [node for node in models.nodes if node["name"] == name]
        node["compiled_code"], n_found = re.subn(pattern, replacement, node["compiled_code"], flags=re.DOTALL)
        assert n_found == 1, name
    models.reads[models.relation("int_stability")].add("warehouse.main.carried")
    return models


def told(models: CompiledModels, dates: list[datetime]) -> dict[datetime, set]:
    """Who counts as matching which rule at each date, told one date after the other from what the rules said."""
    asked = "select as_of, segment_id, customer_key, spec_version from {}"
    candidates = {row[:3] for row in models.connection.execute(asked.format(models.relation("segment_candidates"))).fetchall()}
    customers = {row[:2]: row[2:] for row in models.connection.execute(
        f"select as_of, customer_key, order_count, last_order_at from {models.relation('customer_features')}").fetchall()}
    segments = models.connection.execute(
        f"select segment_id, list(effective_from) from {models.relation('segment_registry')} group by 1").fetchall()
    found = {date: set() for date in dates}
    for segment, versions in segments:
        for person in {key for _, key in customers}:
            history, effective = [], False
            for before, date in zip([None, *dates], dates):
                if (date, person) not in customers:
                    history, effective = [], False
                    continue
                if before is not None and any(before < begin <= date for begin in versions):
                    history = []
                history.append((date, segment, person) in candidates)
                count, last_order_at = customers[date, person]
                purchased = len(history) > 1 and (
                    count > customers[before, person][0] or (last_order_at is not None and last_order_at > before))
                held = len(history) >= STABILITY and len(set(history[-STABILITY:])) == 1
                if len(history) == 1 or held or purchased:
                    effective = history[-1]
                if effective:
                    found[date].add((segment, person))
    return found


def effective(models: CompiledModels) -> dict[datetime, set]:
    found = {}
    for as_of, *row in models.connection.execute(
            f"select as_of, segment_id, customer_key from {models.relation('int_stability')} where is_effective").fetchall():
        found.setdefault(as_of, set()).add(tuple(row))
    return found


@EXAMPLES
@given(raw=shops(), cut=st.integers(1, len(EVALUATIONS) - 1))
def test_the_stability_rule_told_in_python_and_cut_anywhere(stable: CompiledModels, raw: dict, cut: int):
    stable.connection.execute("delete from warehouse.carried")
    stable.run(raw, [(str(date), str(date)) for date in EVALUATIONS])
    together = effective(stable)
    assert {date: together.get(date, set()) for date in EVALUATIONS} == told(stable, EVALUATIONS)
    members = stable.rows("segment_members")
    stable.run(raw, [(str(date), str(date)) for date in EVALUATIONS[:cut]])
    first = [row for row in stable.rows("segment_members")]
    stable.connection.execute(
        f"insert into warehouse.carried by name select * exclude (spec_version, delay_ended_by) from {stable.relation('int_stability')}"
        " where as_of = ?", [EVALUATIONS[cut - 1]])
    stable.run(raw, [(str(date), str(date)) for date in EVALUATIONS[cut - 1:]])
    rest = effective(stable)
    for date in EVALUATIONS[cut:]:
        assert rest.get(date, set()) == together.get(date, set())
    assert first == [row for row in members if row[0] < EVALUATIONS[cut]]
