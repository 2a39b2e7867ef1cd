"""Why people enter and leave: a small shop evaluated twice, with everything in between that can move somebody.

FIRST is evaluated under version 1 of cart_abandoner, SECOND under version 2. Every person's id says what happens to them.
Numbers C.. are the adversarial cases of the privacy research; the answer tested is the one given there.
"""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from conftest import Built, build, command, copy_home, write_tables

FIRST, SECOND = "2026-03-01 00:00:00", "2026-03-05 00:00:00"
INGESTED_AT = "2026-03-10 00:00:00"
PROFILING, EMAIL, OBJECTABLE = (
    "personalize.content.profiling", "marketing.communications.email", "marketing.advertising.profiling",
)
BETWEEN, LATE = "2026-03-02 10:00:00", "2026-02-20 10:00:00"  # LATE happened before FIRST and is recorded BETWEEN


@dataclass
class Rows:
    """The raw tables of the shop, filled one fact at a time; what has no recording time was known when it happened."""

    name: str = ""  # of the file, where several share a shop: events and choices are numbered
    tables: dict[str, list[dict]] = field(default_factory=lambda: dict(orders=[], refunds=[], events=[], consents=[], exchange_rates=[], notices=[]))

    def order(self, who: str, when: str, amount: str, known: str = "", number: str = "1", **more: str) -> None:
        """One version of an order."""
        self.tables["orders"].append(dict(
            order_id=f"{who} #{number}", customer_id=who, ordered_at=when, gross_amount=amount, currency=more.pop("currency", "EUR"),
            status=more.pop("status", "paid"), recorded_at=known or when))

    def refund(self, who: str, when: str, amount: str, known: str = "") -> None:
        """A refund of the person's first order."""
        self.tables["refunds"].append(dict(
            refund_id=f"{who} r", order_id=f"{who} #1", refunded_at=when, amount=amount, recorded_at=known or when))

    def event(self, who: str, event_type: str, when: str, amount: str = "", known: str = "") -> None:
        """Something the person did in the shop."""
        self.tables["events"].append(dict(
            event_id=f"{self.name}e{len(self.tables['events'])}", occurred_at=when, event_type=event_type, customer_id=who, amount=amount,
            recorded_at=known or when))

    def say(self, who: str, purpose: str, status: str, when: str = "2025-06-01 10:00:00", known: str = "", notice: str = "v1", act: str = "") -> None:
        """A choice."""
        self.tables["consents"].append(dict(
            consent_event_id=f"{self.name}k{len(self.tables['consents'])}", purpose=purpose, status=status, effective_at=when,
            customer_id=who, consent_version=notice, event_type=act, recorded_at=known or when))

    def notice(self, version: str, published_at: str, purposes: str, material_change: str = "false") -> None:
        """A text that people agree to."""
        self.tables["notices"].append(dict(
            consent_version=version, text_sha256="00", published_at=published_at, purposes=purposes, material_change=material_change))

    def rate(self, currency: str, rate: str, known: str) -> None:
        """The exchange rate of 1 January 2026, as known from then on."""
        self.tables["exchange_rates"].append(dict(currency=currency, rate_date="2026-01-01", rate=rate, recorded_at=known))


def shop(with_late_order: bool = True) -> dict[str, list[dict]]:
    """The raw tables. At SECOND fewer than twenty-one buyers, so only the greatest spender is among the top 5 percent."""
    rows = Rows()
    # own orders, refunds, cancellations, and the same when they are recorded late
    rows.order("orders", "2026-01-10 10:00:00", "150.00")
    rows.order("orders", BETWEEN, "60.00", number="2")
    if with_late_order:
        rows.order("late order", LATE, "5500.00", known=BETWEEN)
    rows.order("refunded", "2026-01-10 10:00:00", "230.00")
    rows.refund("refunded", BETWEEN, "60.00")
    rows.order("late refund", "2026-01-10 10:00:00", "230.00")
    rows.refund("late refund", LATE, "60.00", known=BETWEEN)
    for status, known in (("paid", "2026-01-10 10:00:00"), ("cancelled", BETWEEN)):
        rows.order("cancelled", "2026-01-10 10:00:00", "300.00", known=known, status=status)
    for amount, known in (("260.00", "2026-01-10 10:00:00"), ("160.00", BETWEEN)):
        rows.order("corrected down", "2026-01-10 10:00:00", amount, known=known)
    for amount, known in (("100.00", "2026-01-10 10:00:00"), ("210.00", BETWEEN)):
        rows.order("corrected up", "2026-01-10 10:00:00", amount, known=known)
    for _ in range(2):
        rows.order("duplicate", "2026-01-10 10:00:00", "150.00")
    rows.order("refund above the order", "2026-01-10 10:00:00", "20.00")
    rows.refund("refund above the order", "2026-01-12 10:00:00", "90.00")
    rows.order("refund before the order", "2026-01-10 10:00:00", "20.00")
    rows.refund("refund before the order", "2026-01-09 10:00:00", "90.00")
    # others, and time
    rows.order("overtaken", "2026-01-10 10:00:00", "5000.00")
    rows.order("overtaken", BETWEEN, "10.00", number="2")
    rows.order("overtakes", BETWEEN, "6000.00")
    rows.order("a month ago", "2026-01-30 10:00:00", "50.00")
    rows.order("a month ago, refunded", "2026-01-30 10:00:00", "50.00")
    rows.refund("a month ago, refunded", BETWEEN, "5.00")
    rows.order("objects", "2026-01-10 10:00:00", "50.00")
    rows.say("objects", OBJECTABLE, "objected", BETWEEN)
    # money of other currencies: no decimals, three decimals, a rate restated later, a rate that nobody gave
    rows.rate("JPY", "0.0062", "2026-01-01 00:00:00")
    rows.rate("KWD", "3.0", "2026-01-01 00:00:00")
    rows.rate("USD", "0.9", "2026-01-01 00:00:00")
    rows.rate("USD", "0.8", BETWEEN)
    rows.order("yen", "2026-01-10 10:00:00", "1000", currency="JPY")
    rows.order("dinar", "2026-01-10 10:00:00", "10.000", currency="KWD")
    rows.order("dollars", "2026-01-10 10:00:00", "230.00", currency="USD")
    rows.order("no rate", "2026-01-10 10:00:00", "99.00", currency="CHF")
    for number, amount in enumerate(("200.00", "200.00", "100.00"), start=1):
        rows.order("exactly 500.00", f"2026-01-1{number} 10:00:00", amount, number=str(number))
    # carts
    for who, when, amount in (
        ("cart too small for version 2", "2026-02-28 10:00:00", "30.00"), ("cart too old for version 2", "2026-02-27 10:00:00", "60.00"),
        ("cart too old for both", "2026-02-25 10:00:00", "60.00"), ("cart under both", "2026-03-03 10:00:00", "80.00"),
    ):
        rows.say(who, PROFILING, "granted")
        rows.event(who, "add_to_cart", when, amount)
    # subscribers
    for who in ("late event", "withdraws late", "withdraws", "consent expires", "agrees late", "agrees and subscribes"):
        if who not in ("agrees late", "agrees and subscribes"):
            rows.say(who, EMAIL, "granted")
        happened = BETWEEN if who == "agrees and subscribes" else LATE
        rows.event(who, "subscribed", happened, known=BETWEEN if who == "late event" else "")
    rows.say("withdraws late", EMAIL, "withdrawn", "2026-02-27 10:00:00", known=BETWEEN)
    rows.say("withdraws", EMAIL, "withdrawn", BETWEEN)
    rows.say("consent expires", EMAIL, "expired", BETWEEN)
    rows.say("agrees late", EMAIL, "granted", "2026-02-19 10:00:00", known=BETWEEN)
    rows.say("agrees and subscribes", EMAIL, "granted", "2026-03-02 09:00:00")
    # what a notice covers: the specs accept v1 and newer ones; v2 names e-mail, which "broad" held within marketing
    rows.notice("v0", "2024-01-01 00:00:00", f"{PROFILING};{EMAIL}")
    rows.notice("v1", "2025-01-01 00:00:00", f"{PROFILING};{EMAIL}")
    rows.notice("broad", "2025-02-01 00:00:00", "marketing")
    rows.notice("v2", BETWEEN, f"{PROFILING};{EMAIL}", "true")
    for who, purpose, notice, act in (
        ("asked anew", "marketing", "broad", "accept_all"), ("not asked for e-mail", "*", "profile only", "accept_all"),
        ("older notice", EMAIL, "v0", "accept_all"), ("notice not on record", EMAIL, "v9", "accept_all"),
        ("default", EMAIL, "v1", "default"), ("act", EMAIL, "v1", "accept_selected"),
    ):
        rows.say(who, purpose, "granted", notice=notice, act=act)
        rows.event(who, "subscribed", LATE)
    rows.notice("profile only", "2025-03-01 00:00:00", PROFILING)
    return rows.tables


# Expected entries and exits at SECOND: (person, segment) -> (change, exact reason, late). Everything else is no change.
HIGH, CART, NEWS, BEST, ONCE, EXISTING, AOV, REPEAT = (
    "high_lifetime_value", "cart_abandoner", "new_subscriber_no_purchase", "vip_top_5_percent", "one_time_buyer",
    "existing_customer", "high_aov_one_time_buyer", "repeat_buyer",
)
EXPECTED = {
    ("orders", HIGH): ("entered", "own_order", False),
    ("orders", ONCE): ("left", "own_order", False),
    ("orders", REPEAT): ("entered", "own_order", False),
    ("late order", HIGH): ("entered", "late_data", True),
    ("late order", EXISTING): ("entered", "late_data", True),
    ("late order", AOV): ("entered", "late_data", True),
    ("refunded", HIGH): ("left", "refund_or_cancellation", False),
    ("late refund", HIGH): ("left", "late_data", True),
    ("cancelled", HIGH): ("left", "refund_or_cancellation", False),
    ("cancelled", ONCE): ("left", "refund_or_cancellation", False),
    ("cancelled", EXISTING): ("left", "refund_or_cancellation", False),
    ("corrected down", HIGH): ("left", "refund_or_cancellation", False),
    ("corrected up", HIGH): ("entered", "own_order", False),
    ("overtaken", BEST): ("left", "threshold_moved", False),
    ("overtaken", ONCE): ("left", "own_order", False),
    ("overtaken", REPEAT): ("entered", "own_order", False),
    ("overtaken", AOV): ("left", "own_order", False),
    ("overtakes", BEST): ("entered", "own_order", False),
    ("overtakes", HIGH): ("entered", "own_order", False),
    ("overtakes", AOV): ("entered", "own_order", False),
    ("overtakes", EXISTING): ("entered", "own_order", False),
    ("a month ago", ONCE): ("entered", "time_decay", False),
    ("a month ago, refunded", ONCE): ("entered", "time_decay", False),  # a refund ages nobody
    ("objects", EXISTING): ("left", "objection", False),
    ("objects", ONCE): ("left", "objection", False),
    ("dollars", HIGH): ("left", "late_data", True),
    ("cart too small for version 2", CART): ("left", "rule_version", False),
    ("cart too old for version 2", CART): ("left", "rule_version", False),
    ("cart too old for both", CART): ("left", "time_decay", False),
    ("cart under both", CART): ("entered", "own_activity", False),
    ("late event", NEWS): ("entered", "late_data", True),
    ("withdraws late", NEWS): ("left", "consent_withdrawn", True),
    ("withdraws", NEWS): ("left", "consent_withdrawn", False),
    ("consent expires", NEWS): ("left", "consent_expired", False),
    ("asked anew", NEWS): ("left", "consent_expired", False),
    ("agrees late", NEWS): ("entered", "consent_granted", True),
    ("agrees and subscribes", NEWS): ("entered", "consent_granted", False),
    # value groups and states
    ("cancelled", "drifting"): ("left", "refund_or_cancellation", False),
    ("cancelled", "new_customers"): ("left", "refund_or_cancellation", False),
    ("cart under both", "new_visitor"): ("entered", "own_activity", False),
    ("corrected up", "drifting"): ("entered", "own_order", False),
    ("corrected up", "low_value"): ("left", "own_order", False),
    ("corrected up", "new_customers"): ("entered", "own_order", False),
    ("late order", "new_customers"): ("entered", "late_data", True),
    ("objects", "low_value"): ("left", "objection", False),
    ("orders", "low_value"): ("left", "own_order", False),
    ("orders", "loyalists"): ("entered", "own_order", False),
    ("overtaken", "champions"): ("entered", "own_order", False),
    ("overtaken", "drifting"): ("left", "own_order", False),
    ("overtaken", "new_customers"): ("left", "own_order", False),
    ("overtakes", "new_customers"): ("entered", "own_order", False),
}
# the late order is one of the orders that ranks and the median of first orders rest on: without it these stay where they are
BY_THE_LATE_ORDER = {
    ("corrected down", "drifting"): ("left", "refund_or_cancellation", False),
    ("corrected down", "low_value"): ("entered", "refund_or_cancellation", False),
    ("corrected down", "new_customers"): ("left", "refund_or_cancellation", False),
    ("exactly 500.00", "champions"): ("left", "threshold_moved", False),
    ("exactly 500.00", "loyalists"): ("entered", "threshold_moved", False),
}
EXPECTED |= BY_THE_LATE_ORDER
# What a replay of FIRST finds that knows all of this. A grant admits nobody to a date before its recording ("agrees late").
CORRECTED = {
    ("cancelled", EXISTING): ("removed", None, "late_data"),
    ("cancelled", HIGH): ("removed", None, "late_data"),
    ("cancelled", ONCE): ("removed", None, "late_data"),
    ("corrected down", HIGH): ("removed", None, "late_data"),
    ("corrected down", ONCE): ("modified", "is_primary", "late_data"),
    ("corrected up", HIGH): ("added", None, "late_data"),
    ("corrected up", ONCE): ("modified", "is_primary", "late_data"),
    ("dollars", HIGH): ("removed", None, "late_data"),
    ("dollars", ONCE): ("modified", "is_primary", "late_data"),
    ("late event", NEWS): ("added", None, "late_data"),
    ("late order", EXISTING): ("added", None, "late_data"),
    ("late order", HIGH): ("added", None, "late_data"),
    ("late order", AOV): ("added", None, "late_data"),
    ("late order", BEST): ("added", None, "late_data"),
    ("overtaken", BEST): ("removed", None, "threshold_moved"),
    ("overtaken", HIGH): ("modified", "is_primary", "threshold_moved"),
    ("late refund", HIGH): ("removed", None, "late_data"),
    ("late refund", ONCE): ("modified", "is_primary", "late_data"),
    ("withdraws late", NEWS): ("removed", None, "late_consent"),
    ("cancelled", "drifting"): ("removed", None, "late_data"),
    ("cancelled", "new_customers"): ("removed", None, "late_data"),
    ("corrected up", "drifting"): ("added", None, "late_data"),
    ("corrected up", "low_value"): ("removed", None, "late_data"),
    ("corrected up", "new_customers"): ("added", None, "late_data"),
    ("late order", "new_customers"): ("added", None, "late_data"),
}
LATE_ARRIVALS = {
    ("late order", "late_order", "late_data"), ("late refund", "late_refund", "late_data"), ("late event", "late_event", "late_data"),
    ("withdraws late", "late_restriction", "late_consent"), ("agrees late", "late_grant", "late_consent"),
    ("cancelled", "cancelled_order", "late_data"), ("corrected down", "smaller_order", "late_data"),
    ("corrected up", "increased_order", "late_data"), ("dollars", "late_rate", "late_data"),
}
# what is recorded of a date and must not move when later dates are evaluated
RECORDED = {
    "audit.segment_evaluations": "as_of = $1", "audit.segment_runs": "as_of = $1", "segments.segment_changes": "as_of = $1",
    "audit.segment_change_reasons": "as_of = $1", "marts.rfm_thresholds": "as_of = $1", "segments.segment_history": "changed_at = $1",
    "snapshots.segment_membership": "dbt_valid_from <= $1",
}


def recorded_of(built: Built, as_of: str) -> dict[str, list[tuple]]:
    """Everything on record of a date; of a membership that lasted then only its beginning."""
    columns = {"snapshots.segment_membership": "segment_id, customer_key, spec_version, consent_version, dbt_valid_from"}
    return {
        name: built.rows(f"select {columns.get(name, '*')} from {name} where {condition} order by all", [as_of])
        for name, condition in RECORDED.items()
    }


def changes_of(built: Built, as_of: str) -> dict[tuple[str, str], tuple]:
    """(person, segment) -> (change, exact reason, late)."""
    rows = built.rows(
        """
        select identifier, segment_id, change, reason, is_late
        from audit.segment_change_reasons inner join restricted.vault.customer_keys using (customer_key) where as_of = ?
        """,
        [as_of],
    )
    assert len({row[:2] for row in rows}) == len(rows)
    return {row[:2]: row[2:] for row in rows}


def net_spends(built: Built) -> dict[str, Decimal]:
    """Person -> net spend at the newest evaluation."""
    return dict(built.rows(
        "select identifier, net_spend from marts.customer_features inner join restricted.vault.customer_keys using (customer_key)"))


@dataclass
class History:
    """The shop after both evaluations, and what was on record after the first."""

    built: Built
    recorded_first: dict[str, list[tuple]]
    spends_first: dict[str, Decimal]


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("changes_raw")
    (folder / "keys").write_text("\n".join(("5e" * 32, "a1" * 32)))
    return dict(SEGMENTS_RAW=str(write_tables(folder / "raw", shop())), SEGMENTS_KEY_FILE=str(folder / "keys"), INGESTED_AT=INGESTED_AT,
                REPORTING_CURRENCY="EUR")


@pytest.fixture(scope="module")
def history(tmp_path_factory, settings) -> History:
    home = tmp_path_factory.mktemp("changes_home")
    first = build(home, "--without-tests", AS_OF=FIRST, **settings)
    assert first.code == 0
    recorded, spends = recorded_of(first, FIRST), net_spends(first)
    second = build(home, "--without-tests", AS_OF=SECOND, **settings)
    assert second.code == 0
    return History(second, recorded, spends)


def test_every_entry_and_exit_has_the_reason_of_what_happened(history):
    found = changes_of(history.built, SECOND)
    assert {key: value for key, value in found.items() if value != EXPECTED.get(key)} == {}
    assert set(EXPECTED) - set(found) == set()


def test_at_the_first_evaluation_everybody_enters_for_that_reason(history):
    changes = changes_of(history.built, FIRST)
    assert len(changes) > 20 and set(changes.values()) == {("entered", "first_evaluation", False)}


def test_published_tables_hide_why_permission_changed(history):
    rows = history.built.rows("select reason, change, count(*) from segments.segment_changes where as_of = ? group by all", [SECOND])
    expected = Counter(
        ("permission_ended" if change == "left" else "permission_given", change)
        if reason.startswith("consent") or reason == "objection" else (reason, change)
        for change, reason, _ in EXPECTED.values())
    assert {(reason, change): n for reason, change, n in rows} == expected


def test_the_history_of_memberships_says_why_each_began_and_ended(history):
    rows = history.built.rows(
        """
        select identifier, segment_id, valid_from::varchar, valid_to::varchar, entered_reason, left_reason
        from segments.segment_membership_history inner join restricted.vault.customer_keys using (customer_key)
        """
    )
    held = {row[:2]: row[2:] for row in sorted(rows, key=str) if row[4]}
    assert held["withdraws late", NEWS] == (FIRST, SECOND, "first_evaluation", "permission_ended")
    assert held["late event", NEWS] == (SECOND, None, "late_data", None)
    assert held["overtaken", BEST] == (FIRST, SECOND, "first_evaluation", "threshold_moved")
    # without a reason is only what goes on: another segment became the person's first, for example
    ends, begins = {(*row[:2], row[3]) for row in rows}, {row[:3] for row in rows}
    assert [row for row in rows if (row[4] is None) != (row[:3] in ends)] == []
    assert [row for row in rows if row[3] and (row[5] is None) != ((*row[:2], row[3]) in begins)] == []
    assert [row for row in rows if not row[3] and row[5]] == [] and any(row[4] is None for row in rows)


def test_late_facts_change_nothing_on_record_and_show_as_late(history):
    assert recorded_of(history.built, FIRST) == history.recorded_first
    assert all(history.recorded_first.values())
    rows = history.built.rows(
        """
        select identifier, fact, lateness
        from audit.late_arrivals inner join restricted.vault.customer_keys using (customer_key) where as_of = ?
        """,
        [SECOND],
    )
    assert set(rows) == LATE_ARRIVALS and len(rows) == len(LATE_ARRIVALS)


def test_the_history_of_a_segment_tells_definition_and_memberships(history):
    rows = history.built.rows(
        "select changed_at::varchar, change_kind, delta, n_joined, n_left, author, requested_by, approver, reason, consent_version"
        " from segments.segment_history where segment_id = 'cart_abandoner' order by all")
    kinds = {(row[0], row[1]): row[2:] for row in rows}
    assert set(kinds) == {(FIRST, "defined"), (FIRST, "membership"), (SECOND, "rule_changed"), (SECOND, "membership")}
    delta, *_, author, requested_by, approver, reason, consent_version = kinds[SECOND, "rule_changed"]
    assert delta.startswith('spec_version: 1 -> 2; parameters: {"abandoned_within_days": 7, "min_cart_value": 0.0} -> '
                            '{"abandoned_within_days": 5, "min_cart_value": 40.0}; rule_hash: ')
    assert (author, requested_by, approver, consent_version) == ("data-engineering", "crm", "privacy-office", "v1")
    assert reason == "Reminders for small or older carts brought few orders and many opt-outs."
    assert kinds[SECOND, "membership"][:3] == ("joined: 1; left: 3", 1, 3)
    assert kinds[SECOND, "membership"][6] == "entered, own_activity: 1; left, rule_version: 2; left, time_decay: 1"
    assert kinds[SECOND, "membership"][7] == "v1"


def test_c01_and_c02_a_late_withdrawal_and_a_late_grant_act_from_the_next_evaluation_on(history):
    first = {(row[1], row[2]) for row in history.recorded_first["segments.segment_changes"]}
    keys = dict(history.built.rows("select identifier, customer_key from restricted.vault.customer_keys"))
    assert (NEWS, keys["withdraws late"]) in first and (NEWS, keys["agrees late"]) not in first
    members = set(history.built.rows("select segment_id, customer_key from segments.segment_members"))
    assert (NEWS, keys["withdraws late"]) not in members and (NEWS, keys["agrees late"]) in members


def test_c06_and_c12_a_grant_covers_what_its_notice_asked_and_is_an_act_of_the_person(history):
    keys = dict(history.built.rows("select customer_key, identifier from restricted.vault.customer_keys"))
    first = {keys[row[2]] for row in history.recorded_first["segments.segment_changes"] if row[1] == NEWS}
    second = {keys[key] for (key,) in history.built.rows("select customer_key from segments.segment_members where segment_id = ?", [NEWS])}
    asked = {"asked anew", "not asked for e-mail", "older notice", "notice not on record", "default", "act"}
    assert (first & asked, second & asked) == ({"asked anew", "act"}, {"act"})
    # counted before the rule: nothing else is known of the others of the six, who lost or never gave this consent
    status = dict(history.built.rows(
        "select identifier, consent_status from marts.consent_state inner join restricted.vault.customer_keys using (customer_key)"
        " where purpose = ?", [EMAIL]))
    assert {who: status.get(who) for who in sorted(asked)} == {
        "act": "granted", "asked anew": "unknown", "default": "unknown", "not asked for e-mail": None,
        "notice not on record": "granted", "older notice": "granted"}


def test_c31_a_duplicate_counts_once_and_the_latest_known_version_of_an_order_counts(history):
    spends = net_spends(history.built)
    assert (history.spends_first["duplicate"], spends["duplicate"]) == (150, 150)
    assert (history.spends_first["corrected up"], spends["corrected up"]) == (100, 210)
    # cancelled, corrected down and corrected up
    assert history.built.rows("select n_revisions, n_duplicates from audit.control_totals where table_name = 'orders'") == [(3, 1)]


def test_c32_a_refund_counts_when_it_is_known_and_as_corrected_only_if_it_had_happened(history, settings, tmp_path):
    assert (history.spends_first["late refund"], history.spends_first["refunded"]) == (230, 230)
    assert (net_spends(history.built)["late refund"], net_spends(history.built)["refunded"]) == (170, 170)
    corrected = build(tmp_path / "home", "--without-tests", AS_OF=FIRST, KNOWN_AT="latest", **settings)
    assert corrected.code == 0
    spends = net_spends(corrected)
    assert (spends["late refund"], spends["refunded"]) == (170, 230)
    # C35, the same for a rate
    assert spends["dollars"] == 184


def test_c33_a_refund_above_its_order_leaves_nothing_and_one_before_its_order_is_rejected(history):
    """Spend is never negative; a refund may include tax and shipping, so one above the order is no error (DECISIONS 12)."""
    assert (history.spends_first["refund above the order"], history.spends_first["refund before the order"]) == (0, 20)
    assert min(net_spends(history.built).values()) == 0
    assert history.built.rows("select reason, n_rows from audit.rejected_rows where table_name = 'refunds'") == [
        ("refunded_at lies before the order", 1)]


def test_c34_amounts_of_other_currencies_are_exact_and_without_a_rate_an_order_is_rejected(history):
    assert (history.spends_first["yen"], history.spends_first["dinar"]) == (Decimal("6.20"), Decimal("30.00"))
    assert "no rate" not in history.spends_first
    assert history.built.rows("select reason, n_rows from audit.rejected_rows where table_name = 'orders'") == [
        ("no exchange rate for currency CHF", 1)]


def test_c35_a_rate_restated_later_counts_from_when_it_was_known(history):
    assert (history.spends_first["dollars"], net_spends(history.built)["dollars"]) == (207, 184)


def test_c36_exactly_the_limit_is_not_above_it(history):
    assert history.spends_first["exactly 500.00"] == 500
    members = history.built.rows(
        "select segment_id from segments.segment_members inner join restricted.vault.customer_keys using (customer_key)"
        " where identifier = 'exactly 500.00' order by all")
    assert ("vip",) not in members and (HIGH,) in members


def test_c48_one_evaluation_has_one_version_of_each_rule(history):
    rows = history.built.rows(
        "select as_of::varchar, spec_version from audit.segment_evaluations where segment_id = 'cart_abandoner' order by all")
    assert rows == [(FIRST, 1), (SECOND, 2)]
    assert history.built.rows(
        "select distinct valid_from::varchar, spec_version from segments.segment_membership_history"
        " where segment_id = 'cart_abandoner' order by all") == [(FIRST, 1), (SECOND, 2)]


def test_a_replay_as_corrected_says_why_it_differs_from_the_record(history, settings, tmp_path):
    home = copy_home(history.built.folder, tmp_path / "home")
    corrected = command(home, "replay", "--as-of", FIRST, "--mode", "as_corrected", **settings, AS_OF=SECOND)
    assert corrected.code == 0
    rows = corrected.rows(
        """
        select identifier, segment_id, difference, modified_columns, replay_cause
        from audit.replay_differences inner join restricted.vault.customer_keys using (customer_key)
        """)
    assert {row[:2]: row[2:] for row in rows} == CORRECTED


def test_a_further_attempt_replaces_the_reasons_of_its_date_only(history, settings, tmp_path):
    """Last in this file: it evaluates SECOND again, without the late order."""
    raw = write_tables(tmp_path / "raw", shop(with_late_order=False))
    again = build(history.built.folder, "--without-tests", AS_OF=SECOND, **settings | {"SEGMENTS_RAW": str(raw)})
    assert again.code == 0
    assert again.rows("select distinct attempt from audit.segment_evaluations where as_of = ? order by 1", [SECOND]) == [(1,), (2,)]
    expected = {key: value for key, value in EXPECTED.items() if key[0] != "late order" and key not in BY_THE_LATE_ORDER}
    assert changes_of(again, SECOND) == expected
    assert len(again.rows("select * from segments.segment_changes where as_of = ?", [SECOND])) == len(expected)
    assert again.rows("select * from audit.late_arrivals where fact = 'late_order'") == []
    assert recorded_of(again, FIRST) == history.recorded_first
