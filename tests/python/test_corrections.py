"""Rows whose later version names another person, another day or less: what was known of the former one is taken back, late.

Every person's id says what happens to them between SECOND and THIRD, of a shop that other files share (dated_shop.py).
"""

import pytest
from conftest import Built
from dated_shop import SECOND, THIRD, dated_shop, people_of, replayed_shop
from test_changes import EMAIL, LATE, PROFILING, Rows

NEWS, HIGH, EXISTING = "new_subscriber_no_purchase", "high_lifetime_value", "existing_customer"
EARLY, DAY_BEFORE, BETWEEN = "2025-06-01 10:00:00", "2026-02-25 10:00:00", "2026-03-06 10:00:00"


def corrected(rows: Rows, table: str, **changes: str) -> None:
    """A later version of the newest row."""
    rows.tables[table].append(rows.tables[table][-1] | dict(recorded_at=BETWEEN) | changes)


def shop() -> dict[str, list[dict]]:
    """The raw tables."""
    rows = Rows("corrections ")
    for who in ("consent of another", "consent of another, agreed since", "agreed on another day", "withdrawal of another"):
        rows.event(who, "subscribed", LATE)
        rows.say(who, EMAIL, "granted", when=EARLY)
        if who == "agreed on another day":
            corrected(rows, "consents", effective_at=DAY_BEFORE)
        elif who.startswith("consent of another"):
            corrected(rows, "consents", customer_id=f"gave the {who}")
    rows.say("consent of another, agreed since", EMAIL, "granted", when=DAY_BEFORE)
    rows.say("withdrawal of another", EMAIL, "withdrawn", when=DAY_BEFORE)
    corrected(rows, "consents", customer_id="gave the withdrawal")
    # orders that a person gets or loses without another one
    rows.order("order was nobody's", "2026-01-10 10:00:00", "250.00")
    rows.tables["orders"][-1]["customer_id"] = ""
    corrected(rows, "orders", customer_id="order was nobody's")
    rows.order("order is nobody's", "2026-01-10 10:00:00", "250.00")
    corrected(rows, "orders", customer_id="")
    # refunds
    for who in ("refund of another", "refund was smaller", "was refunded"):
        rows.order(who, "2026-01-10 10:00:00", "230.00")
    for who, change in (("refund of another", dict(order_id="was refunded #1")), ("refund was smaller", dict(amount="10.00"))):
        rows.refund(who, LATE, "60.00")
        corrected(rows, "refunds", **change)
    # events
    for who in ("cart of another", "filled the cart of another"):
        rows.say(who, PROFILING, "granted", when=EARLY)
    rows.event("cart of another", "add_to_cart", "2026-03-04 10:00:00", "80.00")
    corrected(rows, "events", customer_id="filled the cart of another")
    # links: the person goes by whom we knew first
    for day, who in enumerate(("linked", "was linked", "is linked"), start=1):
        rows.order(who, f"2026-01-0{day} 10:00:00", "150.00")
    rows.tables["identity_links"] = [dict(
        link_id="corrected", left_type="customer_id", left_id="linked", right_type="customer_id", right_id="was linked", match_class="deterministic",
        effective_at="2026-01-11 10:00:00", recorded_at="2026-01-11 10:00:00")]
    corrected(rows, "identity_links", right_id="is linked")
    # of whom nothing else is known
    rows.say("only chose", EMAIL, "granted", when=EARLY)
    corrected(rows, "consents", customer_id="chose it")
    # records without a date of their own: of the first nobody can say since when it holds
    rows.tables["customers"] = [dict(customer_id="moved", country="DE", created_at="", recorded_at=EARLY)]
    corrected(rows, "customers", country="FR")
    rows.tables["customers"].append(dict(customer_id="registered since", country="DE", created_at="", recorded_at=BETWEEN))
    return {name: table for name, table in rows.tables.items() if table}


# person -> what is late of them at THIRD
GAVE = "gave the consent of another"
LATE_FACTS = {
    "consent of another": {"late_restriction"}, GAVE: {"late_grant"},
    "consent of another, agreed since": {"late_restriction"}, f"{GAVE}, agreed since": {"late_grant"},
    "agreed on another day": {"late_restriction", "late_grant"},
    # nobody else takes a refusal from whom it named
    "gave the withdrawal": {"late_restriction"},
    "order was nobody's": {"increased_order"}, "order is nobody's": {"cancelled_order"},
    "refund of another": {"smaller_refund"}, "was refunded": {"late_refund"}, "refund was smaller": {"smaller_refund", "late_refund"},
    # a second delivery of an event takes it from nobody
    "filled the cart of another": {"late_event"},
    "linked": {"late_link"}, "was linked": {"late_link"},
    "only chose": {"late_restriction"}, "chose it": {"late_grant"}, "moved": {"late_record"},
}
# whom it made no member and no member less
UNMOVED = {GAVE, f"{GAVE}, agreed since", "gave the withdrawal", "only chose", "chose it", "moved"}
# (person, segment) -> (change, exact reason, late)
CHANGES = {
    ("consent of another", NEWS): ("left", "consent_expired", True),
    # permitted at both ends, but no longer when the event happened
    ("consent of another, agreed since", NEWS): ("left", "consent_withdrawn", True),
    ("agreed on another day", NEWS): ("left", "consent_withdrawn", True),
    ("order was nobody's", EXISTING): ("entered", "own_order", False),
    ("order was nobody's", HIGH): ("entered", "own_order", False),
    ("order is nobody's", EXISTING): ("left", "refund_or_cancellation", False),
    ("order is nobody's", HIGH): ("left", "refund_or_cancellation", False),
    ("refund of another", HIGH): ("entered", "late_data", True),
    ("refund was smaller", HIGH): ("entered", "late_data", True),
    ("was refunded", HIGH): ("left", "late_data", True),
    ("was linked", EXISTING): ("entered", "identity_split", False),
    ("is linked", EXISTING): ("left", "identity_merged", False),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Built:
    return dated_shop(tmp_path_factory)


def named(built: Built, columns: str, relation: str, condition: str) -> list[tuple]:
    """Rows of a table about the people of this file, the person first."""
    rows = built.rows(f"select identifier, {columns} from {relation} inner join restricted.vault.customer_keys using (customer_key) where {condition}")
    return [row for row in rows if row[0] in people_of(shop())]


def test_a_correction_is_late_for_whom_it_takes_a_fact_from(built: Built):
    found = {}
    for who, fact in named(built, "fact", "audit.late_arrivals", f"as_of = '{THIRD}'"):
        found.setdefault(who, set()).add(fact)
    assert found == LATE_FACTS


def test_who_enters_or_leaves_by_a_correction_has_its_reason(built: Built):
    rows = named(built, "segment_id, change, reason, is_late", "audit.segment_change_reasons",
                 f"as_of = '{THIRD}' and segment_id in ('{NEWS}', '{HIGH}', '{EXISTING}')")
    assert {row[:2]: row[2:] for row in rows} == CHANGES


def test_of_whose_only_choice_was_somebody_elses_nobody_is_left(built: Built):
    both = "identifier in ('only chose', 'chose it')"
    assert named(built, "as_of::varchar", "restricted.evaluated.int_evaluated_customers", f"{both} and as_of = '{SECOND}'") == [("only chose", SECOND)]
    assert named(built, "as_of::varchar", "marts.customers", both) == [("chose it", THIRD)]


def test_a_replay_as_corrected_knows_what_a_correction_took(tmp_path_factory):
    causes = {}
    for who, cause in named(replayed_shop(tmp_path_factory), "replay_cause", "audit.replay_differences", f"as_of = '{SECOND}'"):
        causes.setdefault(who, set()).add(cause)
    assert causes == {who: {"late_consent" if facts & {"late_grant", "late_restriction"} else "late_data"}
                      for who, facts in LATE_FACTS.items() if who not in UNMOVED}
