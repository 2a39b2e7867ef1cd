"""Golden rows of the first twelve segments: customers just below, exactly at and just above every number (DESIGN 7).

The rules are evaluated on the live specs, twice: at noon on 1 March 2026 (BEFORE) and twelve hours later (AFTER), when
a calendar day has passed and version 2 of cart_abandoner has just taken effect. In between, two people withdraw consent
and two object. A rule's number that changes in a spec without a new golden row here fails.

The shop at BEFORE: 21 profiled buyers with 50 valid orders worth 5,000.00, so the site average is exactly 100.00 and
1.5 times it exactly 150.00. At AFTER one buyer with an average of 100.00 has objected: 20 buyers, the same site average.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import golden_behaviour
import golden_predictions
import pytest
from conftest import PROJECT, build
from test_golden_value_groups import SEGMENTS as VALUE_SEGMENTS

BEFORE, AFTER = "2026-03-01 12:00:00", "2026-03-02 00:00:00"
TODAY = date(2026, 3, 1)  # of BEFORE; "n days ago" counts from here, so at AFTER it is one day more
BETWEEN = "2026-03-01 18:00:00"
PROFILING, EMAIL, OBJECTABLE = (
    "personalize.content.profiling", "marketing.communications.email", "marketing.advertising.profiling",
)
SEGMENTS = (
    "at_risk_loyal", "cart_abandoner", "existing_customer", "former_high_value_at_risk", "frequent_buyer",
    "high_aov_one_time_buyer", "high_lifetime_value", "new_subscriber_no_purchase", "one_time_buyer", "repeat_buyer",
    "vip", "vip_top_5_percent",
)


@dataclass(frozen=True)
class Buyer:
    """Orders as (days ago, net amount), and the expected segments besides existing_customer."""

    orders: tuple[tuple[int, str], ...]
    before: str
    after: str


BUYERS = {
    # vip: 3 orders and more than 500
    "500.00 in three orders": Buyer(
        ((10, "200.00"), (20, "200.00"), (40, "100.00")),
        "frequent_buyer high_lifetime_value repeat_buyer", "frequent_buyer high_lifetime_value repeat_buyer"),
    # also second of all spenders: 1 of 21 spends more, less than 5 percent; at AFTER 1 of 20, which is 5 percent
    "500.01 in three orders": Buyer(
        ((10, "200.00"), (20, "200.00"), (40, "100.01")),
        "frequent_buyer high_lifetime_value repeat_buyer vip vip_top_5_percent",
        "frequent_buyer high_lifetime_value repeat_buyer vip"),
    # two orders are too few for vip and for former_high_value_at_risk, whatever their worth; spends most
    "969.96 in two orders": Buyer(
        ((180, "569.96"), (190, "400.00")), "high_lifetime_value vip_top_5_percent", "high_lifetime_value vip_top_5_percent"),
    # high_lifetime_value: more than 200; repeat_buyer: two orders in the last 180 days, today being the first of them
    "200.00, orders 5 and 179 days ago": Buyer(((5, "100.00"), (179, "100.00")), "repeat_buyer", ""),
    "200.01, orders 5 and 180 days ago": Buyer(
        ((5, "100.01"), (180, "100.00")), "high_lifetime_value", "high_lifetime_value"),
    # one_time_buyer: one order, first more than 30 days ago
    "one order 29 days ago": Buyer(((29, "50.00"),), "", ""),
    "one order 30 days ago": Buyer(((30, "50.00"),), "", "one_time_buyer"),
    "one order 31 days ago": Buyer(((31, "50.00"),), "one_time_buyer", "one_time_buyer"),
    # high_aov_one_time_buyer: one order of at least 1.5 times the site average
    "one order of 150.00": Buyer(((10, "150.00"),), "high_aov_one_time_buyer", "high_aov_one_time_buyer"),
    "one order of 149.99": Buyer(((10, "149.99"),), "", ""),
    # frequent_buyer: 3 orders and more than 200, both in the last 90 days
    "200.00 in 90 days": Buyer(((1, "70.00"), (50, "70.00"), (88, "60.00")), "repeat_buyer", "repeat_buyer"),
    "200.01 in 90 days": Buyer(
        ((1, "70.00"), (50, "70.00"), (88, "60.01")),
        "frequent_buyer high_lifetime_value repeat_buyer", "frequent_buyer high_lifetime_value repeat_buyer"),
    "third order 89 days ago": Buyer(
        ((1, "100.00"), (50, "100.00"), (89, "100.00")),
        "frequent_buyer high_lifetime_value repeat_buyer", "high_lifetime_value repeat_buyer"),
    "third order 90 days ago": Buyer(
        ((1, "100.00"), (50, "110.00"), (90, "90.00")), "high_lifetime_value repeat_buyer", "high_lifetime_value repeat_buyer"),
    # at_risk_loyal: 4 orders, the last at least 120 days ago
    "four orders, last 119 days ago": Buyer(
        ((119, "20.00"), (150, "20.00"), (160, "20.00"), (170, "20.00")), "repeat_buyer", "at_risk_loyal repeat_buyer"),
    "four orders, last 120 days ago": Buyer(
        ((120, "20.00"), (150, "20.00"), (160, "20.00"), (200, "20.00")),
        "at_risk_loyal repeat_buyer", "at_risk_loyal repeat_buyer"),
    "three orders, last 120 days ago": Buyer(
        ((120, "20.00"), (150, "20.00"), (160, "20.00")), "repeat_buyer", "repeat_buyer"),
    # former_high_value_at_risk: 3 orders, worth more than 100 on average, the last at least 180 days ago
    "300.00 in three orders, objects": Buyer(
        ((180, "100.00"), (200, "100.00"), (220, "100.00")), "high_lifetime_value", "(nowhere)"),
    "300.01 in three orders, last 180 days ago": Buyer(
        ((180, "100.00"), (200, "100.00"), (220, "100.01")),
        "former_high_value_at_risk high_lifetime_value", "former_high_value_at_risk high_lifetime_value"),
    "300.01 in three orders, last 179 days ago": Buyer(
        ((179, "100.00"), (200, "100.00"), (220, "100.01")),
        "high_lifetime_value", "former_high_value_at_risk high_lifetime_value"),
    # the order after the cart ends the abandonment
    "cart, then an order": Buyer(((2, "60.00"),), "", ""),
}


@dataclass(frozen=True)
class Cart:
    """Cart events as (instant, amount; negative: taken out), and whether cart_abandoner is expected."""

    events: tuple[tuple[str, str], ...]
    before: bool
    after: bool


CARTS = {
    # version 1: in the last 7 days, any value; version 2: in the last 5 days, worth at least 40
    "cart 7 days ago": Cart((("2026-02-22 23:59:59", "50.00"),), False, False),
    "cart 6 days ago": Cart((("2026-02-23 00:00:00", "50.00"),), True, False),
    "cart 4 days ago, 5 at AFTER": Cart((("2026-02-25 23:59:59", "50.00"),), True, False),
    "cart 3 days ago, 4 at AFTER": Cart((("2026-02-26 00:00:00", "50.00"),), True, True),
    "cart of 40.00": Cart((("2026-02-27 10:00:00", "40.00"),), True, True),
    "cart of 39.99": Cart((("2026-02-27 09:00:00", "-20.01"), ("2026-02-27 08:00:00", "60.00")), True, False),
    "cart of 0.00": Cart((("2026-02-27 09:00:00", "-60.00"), ("2026-02-27 08:00:00", "60.00")), True, False),
    # only a cart at least one hour old is abandoned
    "cart one hour ago": Cart((("2026-03-01 11:00:00", "50.00"),), True, True),
    "cart a second later": Cart((("2026-03-01 11:00:01", "50.00"),), False, True),
    "cart, then an order": Cart((("2026-02-26 09:00:00", "60.00"),), False, False),
    # permission
    "cart, never asked": Cart((("2026-02-27 10:00:00", "50.00"),), False, False),
    "cart, withdraws": Cart((("2026-02-27 10:00:00", "50.00"),), True, False),
    "cart, objects": Cart((("2026-02-27 10:00:00", "50.00"),), True, False),
}


@dataclass(frozen=True)
class Subscriber:
    """When they subscribed, and whether new_subscriber_no_purchase is expected."""

    subscribed_at: str
    before: bool
    after: bool
    unsubscribed_at: str = ""


SUBSCRIBERS = {
    "subscribed 30 days ago": Subscriber("2026-01-30 23:59:59", False, False),
    "subscribed 29 days ago": Subscriber("2026-01-31 13:00:00", True, False),
    "subscribed 28 days ago": Subscriber("2026-02-01 00:00:00", True, True),
    "subscribed, never asked": Subscriber("2026-02-10 10:00:00", False, False),
    "subscribed, then not": Subscriber("2026-02-10 10:00:00", False, False, unsubscribed_at="2026-02-11 10:00:00"),
    "subscribed, withdraws": Subscriber("2026-02-10 10:00:00", True, False),
    "subscribed, cancelled an order": Subscriber("2026-02-10 10:00:00", True, True),  # is no order
    "one order 29 days ago": Subscriber("2026-02-10 10:00:00", False, False),
}
WITHDRAWING = {"cart, withdraws": PROFILING, "subscribed, withdraws": EMAIL}
OBJECTING = ("300.00 in three orders, objects", "cart, objects")


def expected_members(segment: str, column: str) -> set[str]:
    """The members of a segment as listed above; column is `before` or `after`."""
    if segment == "cart_abandoner":
        return {name for name, cart in CARTS.items() if getattr(cart, column)}
    if segment == "new_subscriber_no_purchase":
        return {name for name, subscriber in SUBSCRIBERS.items() if getattr(subscriber, column)}
    listed = {name: getattr(buyer, column) for name, buyer in BUYERS.items()}
    if segment == "existing_customer":
        return {name for name, segments in listed.items() if segments != "(nowhere)"}
    return {name for name, segments in listed.items() if segment in segments.split()}


def shop_tables() -> dict[str, list[dict]]:
    """The raw tables of the golden shop. Every customer's id is the description of their case."""
    orders, refunds, events, consents = [], [], [], []
    for name, buyer in BUYERS.items():
        for number, (days_ago, amount) in enumerate(buyer.orders):
            orders.append(dict(
                order_id=f"{name} #{number}", customer_id=name, ordered_at=f"{TODAY - timedelta(days=days_ago)} 10:00:00",
                gross_amount=amount, discount_amount="0.00", status="paid", currency="EUR"))
    # net is what counts: the 100.01 of this order are 125.01 less a discount and a refund
    order = next(order for order in orders if order["order_id"] == "200.01, orders 5 and 180 days ago #0")
    order.update(gross_amount="125.01", discount_amount="15.00")
    refunds.append(dict(
        refund_id="r", order_id=order["order_id"], refunded_at=f"{TODAY - timedelta(days=1)} 10:00:00", amount="10.00"))
    orders.append(dict(
        order_id="cancelled", customer_id="subscribed, cancelled an order", ordered_at="2026-02-12 10:00:00",
        gross_amount="900.00", status="cancelled", currency="EUR"))

    def happen(name: str, event_type: str, when: str, amount: str = "") -> None:
        events.append(dict(
            event_id=f"e{len(events)}", occurred_at=when, event_type=event_type, customer_id=name, amount=amount))

    def say(name: str, purpose: str, status: str, when: str) -> None:
        consents.append(dict(
            consent_event_id=f"k{len(consents)}", purpose=purpose, status=status, effective_at=when, recorded_at=when,
            customer_id=name, consent_version="v1"))

    for name, cart in CARTS.items():
        for when, amount in cart.events:
            happen(name, "remove_from_cart" if amount.startswith("-") else "add_to_cart", when, amount.lstrip("-"))
        if name != "cart, never asked":
            say(name, PROFILING, "granted", "2025-06-01 10:00:00")
    for name, subscriber in SUBSCRIBERS.items():
        happen(name, "subscribed", subscriber.subscribed_at)
        if subscriber.unsubscribed_at:
            happen(name, "unsubscribed", subscriber.unsubscribed_at)
        if name != "subscribed, never asked":
            say(name, EMAIL, "granted", "2025-06-01 10:00:00")
    for name, purpose in WITHDRAWING.items():
        say(name, purpose, "withdrawn", BETWEEN)
    for name in OBJECTING:
        say(name, OBJECTABLE, "objected", BETWEEN)
    return dict(orders=orders, refunds=refunds, events=events, consents=consents)


@dataclass(frozen=True)
class Evaluation:
    """What one evaluation of the golden shop gave."""

    members: list[tuple]  # segment_id, customer, spec_version, is_primary
    site: list[tuple]  # buyers, orders, net spend

    def of(self, segment: str) -> set[str]:
        """The members of one segment."""
        return {customer for segment_id, customer, *_ in self.members if segment_id == segment}


@pytest.fixture(scope="module")
def evaluations(tmp_path_factory) -> dict[str, Evaluation]:
    """The golden shop evaluated at BEFORE, then at AFTER in the same home; with the history of both at the end."""
    raw, home = tmp_path_factory.mktemp("golden"), tmp_path_factory.mktemp("golden_home")
    for table, rows in shop_tables().items():
        columns = list(dict.fromkeys(column for row in rows for column in row))
        lines = [",".join(columns)] + [",".join(f'"{row.get(column, "")}"' for column in columns) for row in rows]
        (raw / f"{table}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = {}
    for column, as_of in (("before", BEFORE), ("after", AFTER)):
        built = build(home, "--without-tests", SEGMENTS_RAW=str(raw), AS_OF=as_of, INGESTED_AT="2026-03-02 00:00:00")
        assert built.code == 0
        done[column] = Evaluation(
            built.rows(
                """
                select segment_id, identifier, spec_version, is_primary
                from segments.segment_members inner join restricted.vault.customer_keys using (customer_key)
                where as_of = ?
                """,
                [as_of],
            ),
            built.rows("select buyer_count, order_count, net_spend from marts.site_averages"),
        )
    done["priorities"] = dict(built.rows("select distinct segment_id, priority from segments.segment_registry"))
    done["recorded"] = built.rows(
        """
        select segment_id, identifier, valid_from::varchar, valid_to::varchar
        from segments.segment_membership_history inner join restricted.vault.customer_keys using (customer_key)
        """
    )
    return done


@pytest.mark.parametrize("segment", SEGMENTS)
@pytest.mark.parametrize("column", ["before", "after"])
def test_members_are_exactly_the_golden_rows(evaluations, segment, column):
    expected = expected_members(segment, column)
    assert expected, "a golden list without members proves nothing"
    assert evaluations[column].of(segment) == expected


def test_the_golden_shop_is_what_its_description_says(evaluations):
    """The boundaries at 1.5 times the site average and at 5 percent mean nothing unless these figures hold."""
    assert evaluations["before"].site == [(21, 50, Decimal("5000.00"))]
    assert evaluations["after"].site == [(20, 47, Decimal("4700.00"))]


def test_no_segment_is_outside_the_golden_rows(evaluations):
    elsewhere = [*VALUE_SEGMENTS, *golden_behaviour.SEGMENTS, *golden_predictions.SEGMENTS]
    scaffolded = [path.stem for path in (PROJECT / "tests/golden").glob("*.csv")]  # by `segmentation new-segment`: test_segment_rules.py
    assert sorted(evaluations["priorities"]) == sorted([*SEGMENTS, *elsewhere, *scaffolded])


def test_the_version_in_force_at_the_date_is_evaluated(evaluations):
    for column, changed in (("before", set()), ("after", {"cart_abandoner", "vip_top_5_percent"})):
        versions = {(segment, version) for segment, _, version, _ in evaluations[column].members}
        assert versions == {(segment, 2 if segment in changed else 1) for segment, _ in versions}
        assert changed <= {segment for segment, _ in versions}


@pytest.mark.parametrize("name", OBJECTING)
def test_an_objection_ends_every_membership(evaluations, name):
    assert any(customer == name for _, customer, *_ in evaluations["before"].members)
    assert not any(customer == name for _, customer, *_ in evaluations["after"].members)


def test_one_membership_of_everybody_is_primary_and_has_the_lowest_priority(evaluations):
    for column in ("before", "after"):
        held: dict[str, list[tuple]] = {}
        for segment, customer, _, is_primary in evaluations[column].members:
            held.setdefault(customer, []).append((evaluations["priorities"][segment], segment, is_primary))
        for customer, memberships in held.items():
            assert [is_primary for *_, is_primary in sorted(memberships)] == [True] + [False] * (len(memberships) - 1), customer


PRIMARY_BEFORE = {
    "500.01 in three orders": "vip",
    "one order 31 days ago": "one_time_buyer",
    "one order 29 days ago": "low_value",
    "cart of 40.00": "cart_abandoner",
}


@pytest.mark.parametrize("name", PRIMARY_BEFORE)
def test_the_primary_segment_is_the_golden_one(evaluations, name):
    primary = {segment for segment, customer, _, is_primary in evaluations["before"].members if is_primary and customer == name}
    assert primary == {PRIMARY_BEFORE[name]}


def test_the_recorded_history_answers_for_both_dates(evaluations):
    for column, as_of in (("before", BEFORE), ("after", AFTER)):
        then = {(s, c) for s, c, start, end in evaluations["recorded"] if start <= as_of and (end is None or as_of < end)}
        assert then == {(segment, customer) for segment, customer, *_ in evaluations[column].members}
