"""How every parameter of every segment bounds its rule: the table behind test_segment_rules.py.

One entry per segment: each parameter with the kind of bound it sets, and the other features that the rule needs. The
numbers come from the live specs, so a new version needs no new entry; a new parameter does.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

CENT = Decimal("0.01")
SITE = {"site_order_count": 100, "site_net_spend": Decimal("10000.00")}  # the average order is 100.00
NOON = timedelta(hours=12)

Row = dict[str, object]
Point = tuple[str, Row, bool]  # what it is called, the features it sets, whether the rule matches there


@dataclass(frozen=True)
class Bound:
    """The points just below, at and just above a parameter's value; `inside` is a row that satisfies it."""

    points: Callable[[object, datetime], list[Point]]

    def inside(self, value: object, as_of: datetime) -> Row:
        """The first point that matches."""
        return next(row for _, row, is_matched in self.points(value, as_of) if is_matched)


def _numbers(feature: str, step, below: bool, at: bool, above: bool) -> Bound:
    return Bound(lambda value, _: [
        ("just below", {feature: value - step}, below), ("exactly at", {feature: value}, at), ("just above", {feature: value + step}, above)])


def at_least(feature: str, step=1) -> Bound:
    """feature >= parameter."""
    return _numbers(feature, step, False, True, True)


def more_than(feature: str, step=1) -> Bound:
    """feature > parameter."""
    return _numbers(feature, step, False, False, True)


def at_most(feature: str, step=1) -> Bound:
    """feature <= parameter."""
    return _numbers(feature, step, True, True, False)


def less_than(feature: str, step=1) -> Bound:
    """feature < parameter."""
    return _numbers(feature, step, True, False, False)


def exactly(feature: str) -> Bound:
    """feature = parameter, a whole number."""
    return _numbers(feature, 1, False, True, False)


def in_last_days(feature: str) -> Bound:
    """The feature is an instant in the last N local days, N being the parameter (the tests' zone is UTC)."""

    def points(days: int, as_of: datetime) -> list[Point]:
        first = datetime(as_of.year, as_of.month, as_of.day) - timedelta(days=days - 1)
        second = timedelta(seconds=1)
        return [("second before the first day", {feature: first - second}, False), ("first instant of it", {feature: first}, True),
                ("second after", {feature: first + second}, True)]

    return Bound(points)


def share(part: str, whole: str, total: int, bound: Callable[[str], Bound] = at_least) -> Bound:
    """part / whole against a parameter from 0 to 1; total is a whole at which the parameter is a whole number of parts."""

    def points(value: Decimal, as_of: datetime) -> list[Point]:
        limit = value * total
        assert limit == int(limit), f"choose another total: {value} of {total} is no whole number"
        return [(name, {whole: total} | row, is_matched) for name, row, is_matched in bound(part).points(int(limit), as_of)]

    return Bound(points)


def average(bound: Callable[..., Bound], unit: int = 1) -> Bound:
    """net_spend / order_count against the parameter times unit (100: the parameter is a factor of the site average)."""

    def points(value: Decimal, as_of: datetime) -> list[Point]:
        return [(name, {"net_spend": lambda row, step=row["net_spend"] - value: value * unit * row["order_count"] + step}, is_matched)
                for name, row, is_matched in bound("net_spend", CENT).points(value, as_of)]

    return Bound(points)


def equals(feature: str, *others: object) -> Bound:
    """feature = parameter, a text; others are values that must not match (null never does)."""
    return Bound(lambda value, _: [
        ("the value", {feature: value}, True), ("null", {feature: None}, False),
        *((f"{other}", {feature: other}, False) for other in others)])


def differs_from(feature: str, other: object) -> Bound:
    """feature != parameter, a text; null never does."""
    return Bound(lambda value, _: [("the value", {feature: value}, False), ("null", {feature: None}, False), ("another", {feature: other}, True)])


def value_class(*, is_kept: bool = True) -> "Rule":
    """A segment of one value class; is_kept: only while active or drifting."""
    states = {"kept while": (None, Bound(lambda _, __: [
        (f"{state}", {"retention_state": state}, state in ("active", "drifting"))
        for state in ("active", "drifting", "churn_risk", "lost", None)]))} if is_kept else {}
    return Rule({"value_class": equals("value_class", "another")}, conditions=states)


def state(others: str) -> "Rule":
    """A segment of one retention state, without one value class."""
    return Rule({"retention_state": equals("retention_state", others), "excluded_value_class": differs_from("value_class", "champions")})


@dataclass(frozen=True)
class Rule:
    """One segment: its parameters, conditions without a parameter, and what else a member's features must be."""

    parameters: dict[str, Bound] = field(default_factory=dict)
    given: Row = field(default_factory=dict)  # a value, or a function of the row made so far
    conditions: dict[str, tuple[object, Bound]] = field(default_factory=dict)  # name: (value that stands in the SQL, bound)


def times(feature: str, factor=1) -> Callable[[Row], object]:
    """As much as another feature of the row, times factor."""
    return lambda row: row[feature] * factor


SITE_AVERAGE = Decimal("1")
RULES = {
    "at_risk_loyal": Rule({"min_order_count": at_least("order_count"), "min_days_since_last_order": at_least("days_since_last_order")}),
    "bargain_hunter": Rule(
        {"min_order_count": at_least("order_count"), "min_discounted_share": share("discounted_order_count", "order_count", 10)},
        given={"discounted_order_count": times("order_count")}),
    "big_spenders": value_class(),
    "browse_heavy_low_purchase": Rule(
        {"min_product_view_count": at_least("product_view_count_30d")},
        conditions={"no order": (0, exactly("order_count_90d"))}),
    "cart_abandoner": Rule({"abandoned_within_days": in_last_days("abandoned_cart_at"), "min_cart_value": at_least("abandoned_cart_value", CENT)}),
    "category_interest": Rule(
        {"min_count": at_least("interest_category_count_30d"), "min_share": share("interest_category_count_30d", "interest_count_30d", 1000)},
        given={"interest_count_30d": times("interest_category_count_30d")}),
    "champions": value_class(),
    "churn_risk": state("drifting"),
    "drifting": state("churn_risk"),
    "email_engaged": Rule({"min_opened_count": at_least("emails_opened_of_last_6")}),
    "existing_customer": Rule({"min_order_count": at_least("order_count")}),
    "former_high_value_at_risk": Rule({
        "min_order_count": at_least("order_count"), "min_average_order_value": average(more_than),
        "min_days_since_last_order": at_least("days_since_last_order")},
        given={"net_spend": times("order_count", 1000)}),
    "frequent_buyer": Rule({"min_order_count_90d": at_least("order_count_90d"), "min_net_spend_90d": more_than("net_spend_90d", CENT)}),
    "high_aov_one_time_buyer": Rule(
        {"site_average_factor": average(at_least, 100)}, given=SITE | {"order_count": 1},
        conditions={"one order": (1, exactly("order_count"))}),
    "high_intent_visitor": Rule(
        {"checkout_within_days": in_last_days("checkout_started_at")}, given={"last_order_at": None},
        conditions={"no order since": (None, Bound(lambda _, as_of: [
            (f"{seconds} s after the checkout", {"checkout_started_at": as_of - NOON,
                                                 "last_order_at": as_of - NOON + timedelta(seconds=seconds)}, seconds <= 0)
            for seconds in (-1, 0, 1)]))}),
    "high_lifetime_value": Rule({"min_net_spend": more_than("net_spend", CENT)}),
    "high_value_repeat": Rule(
        {"min_order_count": at_least("order_count_365d"), "min_channel_count": at_least("distinct_channel_count")},
        given=SITE | {"order_count": 9, "net_spend": Decimal("900.00")},
        conditions={"site average": (SITE_AVERAGE, average(at_least, 100))}),
    "likely_to_churn": Rule(
        {"min_order_count": at_least("order_count"), "min_churn_risk_90d": at_least("churn_risk_90d", Decimal("0.0001"))},
        conditions=value_class().conditions),
    "lost_customers": state("active"),
    "low_value": value_class(is_kept=False),
    "loyalists": value_class(),
    "mobile_first": Rule(
        {"min_session_count": at_least("session_count_90d"), "min_mobile_share": share("mobile_session_count_90d", "session_count_90d", 1000)},
        given={"mobile_session_count_90d": times("session_count_90d")}),
    "new_customers": value_class(),
    "new_subscriber_no_purchase": Rule(
        {"subscribed_within_days": in_last_days("subscribed_at")}, given={"is_subscribed": True},
        conditions={"no order": (0, exactly("order_count"))}),
    "new_visitor": Rule(
        {"visited_within_days": in_last_days("first_visited_at")},
        conditions={"no existing customer": (1, less_than("order_count"))}),
    "one_time_buyer": Rule(
        {"min_days_since_first_order": more_than("days_since_first_order")}, given={"order_count": 1},
        conditions={"one order": (1, exactly("order_count"))}),
    "predicted_high_ltv": Rule({"max_share": share("newcomers_with_higher_ltv", "newcomer_count", 20, less_than)}),
    "promising": value_class(),
    "repeat_buyer": Rule({"min_order_count_180d": at_least("order_count_180d")}),
    "seasonal_gift_giver": Rule(
        {"min_order_count": at_least("order_count"), "max_order_count": at_most("order_count"),
         "min_seasonal_share": share("seasonal_order_count", "order_count", 5), "site_average_factor": average(at_least, 100)},
        given=SITE | {"seasonal_order_count": times("order_count"), "net_spend": times("order_count", 1000)}),
    "seasonal_shopper": Rule(
        {"min_order_count": at_least("order_count"), "min_seasonal_share": share("seasonal_order_count", "order_count", 1000)},
        given={"seasonal_order_count": times("order_count")}),
    "vip": Rule({"min_order_count": at_least("order_count"), "min_net_spend": more_than("net_spend", CENT)}),
    "vip_top_5_percent": Rule(
        {"max_share": share("buyers_spending_more", "buyer_count", 100, less_than)}, given={"order_count": 1},
        conditions={"a buyer": (1, at_least("order_count"))}),
    "weekly_replenisher": Rule(
        {"min_order_count": at_least("order_count_90d"), "min_median_days": at_least("median_days_between_orders", Decimal("0.5")),
         "max_median_days": at_most("median_days_between_orders", Decimal("0.5"))},
        given=SITE | {"order_count": 12, "net_spend": Decimal("600.00")},
        conditions={"site average": (SITE_AVERAGE, average(less_than, 100))}),
}
