"""Golden rows of the behavioural segments: people as raw rows, and the segments they must be in.

Evaluated at noon on 1 March 2026 and twelve hours later, when a calendar day has passed; in between two people withdraw.
The site average is exactly 100.00: the last order of the file makes up the difference.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

BEFORE, AFTER = datetime(2026, 3, 1, 12), datetime(2026, 3, 2)
TODAY = date(2026, 3, 1)
BETWEEN = "2026-03-01 18:00:00"
PROFILING, EMAIL = "personalize.content.profiling", "marketing.communications.email"
PRODUCTS = {"spade": "garden", "atlas": "books", "pills": "Health"}

SEGMENTS = (
    "bargain_hunter", "browse_heavy_low_purchase", "category_interest", "email_engaged", "high_intent_visitor", "high_value_repeat",
    "mobile_first", "new_visitor", "seasonal_gift_giver", "seasonal_shopper", "weekly_replenisher",
)


@dataclass(frozen=True)
class Person:
    """What somebody did, and the golden segments of both evaluations."""

    before: str
    after: str
    orders: list[dict] = field(default_factory=list)
    lines: list[dict] = field(default_factory=list)
    events: list[dict] = field(default_factory=list)


def ago(days: int) -> str:
    """An instant in the morning of so many days before TODAY."""
    return f"{TODAY - timedelta(days=days)} 10:00:00"


def orders(days: list, amount: str = "20.00", **facts) -> list[dict]:
    """One order on each day (days ago, or a date)."""
    return [{"ordered_at": ago(day) if isinstance(day, int) else f"{day} 10:00:00", "gross_amount": amount} | facts for day in days]


def views(count: int, when: str = ago(5), **facts) -> list[dict]:
    """So many product views at one instant."""
    return [{"event_type": "product_view", "occurred_at": when} | facts for _ in range(count)]


def looks(*categories: str, when: str = ago(5)) -> list[dict]:
    """One product view of each category."""
    return [view for category in categories for view in views(1, when, product_category=category)]


def sessions(mobile: int, desktop: int, when: str = ago(40)) -> list[dict]:
    """Visits of one page each."""
    devices = ["mobile"] * mobile + ["desktop"] * desktop
    return [{"event_type": "page_view", "occurred_at": when, "session_id": f"s{n}", "device_type": device} for n, device in enumerate(devices)]


def mails(sent: int, opened: list[int]) -> list[dict]:
    """Campaigns 1, 2, ... from the oldest on, and those that were opened."""
    def mail(number: int, event_type: str) -> dict:
        return {"event_type": event_type, "campaign_id": f"m{number}", "occurred_at": ago(100 - 5 * number)}
    return [mail(n, "email_sent") for n in range(1, sent + 1)] + [mail(n, "email_opened") for n in opened]


def checkout(when: str) -> list[dict]:
    """The checkout was begun."""
    return [{"event_type": "checkout_started", "occurred_at": when}]


def page(when: str) -> list[dict]:
    """A page was seen."""
    return [{"event_type": "page_view", "occurred_at": when}]


def each(*amounts_and_channels: tuple[int, str, str]) -> list[dict]:
    """Orders as (days ago, amount, channel)."""
    return [{"ordered_at": ago(days), "gross_amount": amount, "channel": channel} for days, amount, channel in amounts_and_channels]


PEOPLE = {
    # high_value_repeat: four orders in 365 days, at least the site average, on two channels
    "four orders of 100.00, first 364 days ago": Person("high_value_repeat", "", each(
        (10, "100.00", "web"), (40, "100.00", "app"), (70, "100.00", "web"), (364, "100.00", "web"))),
    "four orders of 100.00, one in a store": Person("high_value_repeat", "high_value_repeat", each(
        (10, "110.00", "web"), (40, "90.00", "store"), (70, "100.00", "web"), (300, "100.00", "web"))),
    "four orders of 99.99 on average": Person("", "", each(
        (10, "100.00", "web"), (40, "100.00", "app"), (70, "100.00", "web"), (300, "99.96", "web"))),
    "four orders on one channel": Person("", "", each(
        (10, "100.00", "web"), (40, "100.00", "web"), (70, "100.00", "web"), (300, "100.00", "web"))),
    # weekly_replenisher: six orders in 90 days, five to ten days apart, below the site average
    "orders five days apart": Person("weekly_replenisher", "weekly_replenisher", orders([2, 7, 12, 17, 22, 27])),
    "orders four days apart": Person("", "", orders([2, 6, 10, 14, 18, 22])),
    "orders ten days apart": Person("weekly_replenisher", "weekly_replenisher", orders([2, 12, 22, 32, 42, 52])),
    "orders eleven days apart": Person("", "", orders([2, 13, 24, 35, 46, 57])),
    "orders of 100.00 a week apart": Person("", "", orders([2, 9, 16, 23, 30, 37], "100.00")),
    "sixth order 89 days ago": Person("weekly_replenisher", "", orders([3, 10, 17, 24, 31, 89])),
    "five orders a week apart": Person("", "", orders([2, 9, 16, 23, 30])),
    # seasonal_gift_giver: two to six orders, four fifths in a season, at least 1.25 times the site average;
    # seasonal_shopper: three orders, three quarters in a season
    "four of five in a season, 125.00": Person("seasonal_gift_giver seasonal_shopper", "seasonal_gift_giver seasonal_shopper", orders(
        ["2024-12-24", "2025-02-10", "2025-07-01", "2025-12-05", "2025-12-26"], "125.00")),
    "four of five in a season, 124.99": Person("seasonal_shopper", "seasonal_shopper", orders(
        ["2024-12-24", "2025-02-10", "2025-07-01", "2025-12-05", "2025-12-26"], "124.99")),
    "three of five in a season": Person("", "", orders(["2024-12-24", "2025-02-10", "2025-07-01", "2025-12-05", "2025-12-27"], "125.00")),
    "two in a season": Person("seasonal_gift_giver", "seasonal_gift_giver", orders(["2025-05-01", "2025-11-20"], "125.00")),
    "one in a season": Person("", "", orders(["2025-05-14"], "125.00")),
    "seven in a season": Person("seasonal_shopper", "seasonal_shopper", orders(
        ["2024-11-25", "2024-12-01", "2024-12-24", "2025-02-07", "2025-02-14", "2025-11-30", "2025-12-05"], "125.00")),
    "three of four in a season": Person("seasonal_shopper", "seasonal_shopper", orders(["2024-12-24", "2025-02-10", "2025-07-01", "2025-12-05"])),
    # bargain_hunter: two orders, seven in ten with a discount or a coupon
    "seven of ten with a discount": Person("bargain_hunter", "bargain_hunter", [
        *orders(range(100, 240, 20), discount_amount="2.00"), *orders([250, 270, 290])]),
    "six of ten with a discount": Person("", "", [*orders(range(100, 220, 20), discount_amount="2.00"), *orders([230, 250, 270, 290])]),
    "two coupons": Person("bargain_hunter", "bargain_hunter", orders([100, 250], coupon_code="HELLO")),
    "one coupon": Person("", "", orders([100], coupon_code="HELLO")),
    # browse_heavy_low_purchase: 20 views in 30 days, no order in 90
    "20 views": Person("browse_heavy_low_purchase", "browse_heavy_low_purchase", events=views(20)),
    "19 views": Person("", "", events=views(19)),
    "20 views, one 29 days ago": Person("browse_heavy_low_purchase", "", events=views(19) + views(1, ago(29))),
    "20 views, order 89 days ago": Person("", "browse_heavy_low_purchase", orders([89]), events=views(20)),
    "20 views, never asked": Person("", "", events=views(20)),
    "20 views, withdraws": Person("browse_heavy_low_purchase", "", events=views(20)),
    # mobile_first: five sessions in 90 days, three quarters of them mobile
    "six of eight mobile": Person("mobile_first", "mobile_first", events=sessions(6, 2)),
    "five of seven mobile": Person("", "", events=sessions(5, 2)),
    "four of four mobile": Person("", "", events=sessions(4, 0)),
    "five mobile 89 days ago": Person("mobile_first", "", events=sessions(5, 0, ago(89))),
    # email_engaged: five of the last six campaigns
    "opened five of six": Person("email_engaged", "email_engaged", events=mails(6, [1, 2, 3, 4, 5])),
    "opened four of six": Person("", "", events=mails(6, [1, 2, 3, 4])),
    "opened five of seven, not of the last six": Person("", "", events=mails(7, [1, 2, 3, 4, 5])),
    "opened all of five": Person("", "", events=mails(5, [1, 2, 3, 4, 5])),
    "opened five of six, withdraws": Person("email_engaged", "", events=mails(6, [2, 3, 4, 5, 6])),
    # category_interest: half of what was viewed or bought in 30 days
    "two of four in the garden": Person("category_interest", "category_interest", events=looks("garden", "garden", "books", "toys")),
    "two of five in the garden": Person("", "", events=looks("garden", "garden", "books", "toys", "home")),
    "one book viewed, one spade bought": Person("category_interest", "category_interest", orders([5]), [{"product_id": "spade"}], looks("books")),
    "spade bought, three others viewed": Person("", "", orders([5]), [{"product_id": "spade"}], looks("books", "toys", "home")),
    "category by its product": Person("category_interest", "category_interest", events=views(1, product_id="atlas") + looks("books", "toys", "home")),
    "health only": Person("", "", orders([5]), [{"product_id": "pills"}], views(1, product_id="pills") + looks("health", " HEALTH")),
    "one view delivered twice": Person("", "", events=[*views(2, product_category="garden", event_id="twice"), *looks("books", "toys")]),
    "viewed 29 days ago": Person("category_interest", "", events=looks("garden", when=ago(29))),
    # high_intent_visitor: checkout in the last three days, no valid order since
    "checkout on the first of three days": Person("high_intent_visitor", "", events=checkout("2026-02-27 00:00:00")),
    "checkout the second before": Person("", "", events=checkout("2026-02-26 23:59:59")),
    "checkout, then an order": Person("", "", orders([1]), events=checkout("2026-02-28 09:00:00")),
    "order, then checkout": Person("high_intent_visitor", "high_intent_visitor", orders([1]), events=checkout("2026-02-28 11:00:00")),
    "checkout, then a cancelled order": Person(
        "high_intent_visitor", "high_intent_visitor", orders([1], status="cancelled"), events=checkout("2026-02-28 09:00:00")),
    # new_visitor: first visit in the last 30 days, no order
    "new 29 days ago": Person("new_visitor", "", events=page("2026-01-31 00:00:00")),
    "new 30 days ago": Person("", "", events=page("2026-01-30 23:59:59")),
    "new, and bought": Person("", "", orders([3]), events=page(ago(4))),
    "new, but known by e-mail": Person("new_visitor", "new_visitor", events=mails(6, [1]) + page(ago(10))),
    "new, but only by e-mail": Person("", "", events=mails(16, [16])),
}
WITHDRAWING = {"20 views, withdraws": PROFILING, "opened five of six, withdraws": EMAIL}


def shop() -> dict[str, list[dict]]:
    """The raw tables. Every customer's id is the description of their case."""
    raw: dict[str, list[dict]] = {name: [] for name in ("orders", "order_lines", "events", "consents", "products")}
    for name, person in PEOPLE.items():
        for number, order in enumerate(person.orders):
            raw["orders"].append({"order_id": f"{name} {number}", "customer_id": name, "currency": "EUR", "channel": "web"} | order)
        for number, line in enumerate(person.lines, start=1):
            raw["order_lines"].append({"order_id": f"{name} 0", "line_number": str(number), "quantity": "1", "unit_price": "5.00"} | line)
        old = [] if name.startswith("new") or not person.events else page("2025-10-01 10:00:00")
        for number, event in enumerate(old + person.events):
            raw["events"].append({"event_id": f"{name} {number}", "customer_id": name} | event)
        for purpose in (PROFILING, EMAIL) if "never asked" not in name else ():
            said = {"customer_id": name, "purpose": purpose, "consent_version": "v1"}
            raw["consents"].append(said | dict.fromkeys(("effective_at", "recorded_at"), "2025-06-01 10:00:00") | {"status": "granted"})
            if WITHDRAWING.get(name) == purpose:
                raw["consents"].append(said | dict.fromkeys(("effective_at", "recorded_at"), BETWEEN) | {"status": "withdrawn"})
    for number, row in enumerate(raw["consents"]):
        row["consent_event_id"] = f"k{number}"
    valid = [order for order in raw["orders"] if order.get("status") != "cancelled"]
    net = sum(Decimal(order["gross_amount"]) - Decimal(order.get("discount_amount", "0")) for order in valid)
    raw["orders"].append({"order_id": "rest", "customer_id": "the rest", "ordered_at": "2025-08-01 10:00:00", "currency": "EUR",
                          "gross_amount": str(100 * (len(valid) + 1) - net)})
    raw["products"] = [{"product_id": product, "product_category": category} for product, category in PRODUCTS.items()]
    return raw


def expected(segment: str, column: str) -> set[str]:
    """The members of a segment as listed above; column is `before` or `after`."""
    return {name for name, person in PEOPLE.items() if segment in getattr(person, column).split()}
