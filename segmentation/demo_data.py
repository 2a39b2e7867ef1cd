"""Make the demo shop: one CSV per table of the input contract, the same bytes on every machine.

    python -m segmentation.demo_data [--out seeds/demo/generic]

The first rows of each file are written by hand (demo_story.py) and tell the story of README; the bulk is drawn.
Every draw is a hash of its own name, never a random generator with state: a change for one person leaves what all
others do as it was (only serial numbers move), and no Python version can change a value. Money is counted in integer
cents, time in days since OPENING or in UTC datetimes. People, addresses and phone numbers are invented (example.com,
example.org, number ranges reserved for fiction).
"""

import argparse
import csv
import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from segmentation.demo_story import COLUMNS, EMAIL, OBJECTABLE, PROFILING, STORY

OPENING = datetime(2024, 10, 1)
EXPORTED_AT = datetime(2026, 3, 31, 22)  # nothing recorded later is in the files, as in a real export
LAST_DAY = (EXPORTED_AT - OPENING).days
TRACKING_DAY = 365  # the shop began to record visits on 2025-10-01
NOTICE_V2 = datetime(2025, 9, 1)

CATALOGUE = {  # category: (product, price in cents); "health" is there because it may enter no feature without consent
    "kitchen": (("Mug", 990), ("Chopping board", 2450), ("Grater", 1690), ("Tea towels", 1290), ("Pan", 4900),
                ("Knife set", 7900), ("Espresso machine", 34900), ("Stand mixer", 18900)),
    "garden": (("Seeds", 490), ("Gloves", 1190), ("Watering can", 1990), ("Secateurs", 3100), ("Hose", 3990),
               ("Bench", 21900), ("Wheelbarrow", 6400)),
    "books": (("Pocket novel", 990), ("Cook book", 2490), ("Travel guide", 1500), ("Atlas", 4900), ("Box set", 9900)),
    "outdoor": (("Bottle", 1790), ("Head torch", 2990), ("Rucksack", 12000), ("Tent", 28900), ("Sleeping mat", 5900)),
    "toys": (("Puzzle", 1490), ("Card game", 1290), ("Wooden train", 3990), ("Castle", 7500), ("Rocking horse", 14900)),
    "home": (("Candle", 1290), ("Cushion", 2790), ("Throw", 4490), ("Lamp", 5500), ("Mirror", 6000),
             ("Armchair", 39900)),
    "health": (("Plasters", 590), ("Blood pressure monitor", 5900)),
}
PRODUCTS = [(f"P-{n:03}", category, name, cents) for n, (category, name, cents) in enumerate(
    ((category, name, cents) for category, goods in CATALOGUE.items() for name, cents in goods), start=1)]
TIERS = {  # cents; what a kind of customer looks at
    "cheap": [p for p in PRODUCTS if p[3] < 2500],
    "normal": [p for p in PRODUCTS if 1200 <= p[3] < 8000],
    "dear": [p for p in PRODUCTS if p[3] >= 9000],
}


@dataclass(frozen=True)
class Kind:
    """A way of being a customer: how many people, how many orders each, and the days of the first and last order."""

    name: str
    people: int
    orders: tuple[int, int]
    first: tuple[int, int]
    last: tuple[int, int]
    tier: str = "normal"
    comeback: int = 0  # percent who return once in the weeks that the demo evaluates: the exits of the at-risk segments
    sessions: int = 3  # browsing sessions without an order, at most twice this


KINDS = (
    Kind("once", 125, (1, 1), (0, 545), (0, 545)),
    Kind("treat", 30, (1, 1), (0, 545), (0, 545), "dear"),
    Kind("guest", 40, (1, 1), (0, 545), (0, 545), comeback=15, sessions=0),
    Kind("few", 85, (2, 4), (0, 420), (380, 545)),
    Kind("regular", 50, (5, 11), (0, 300), (500, 545), sessions=5),
    Kind("lapsed", 30, (5, 9), (0, 150), (300, 425), comeback=30, sessions=2),
    Kind("premium", 18, (3, 6), (0, 120), (230, 355), "dear", comeback=30, sessions=2),
    Kind("champion", 24, (18, 34), (0, 100), (530, 545), sessions=6),
    Kind("weekly", 4, (12, 16), (440, 446), (537, 545), "cheap"),
    Kind("gift", 12, (2, 5), (61, 81), (426, 446), "dear", comeback=40),
    Kind("bargain", 14, (3, 6), (60, 300), (420, 545)),
    Kind("subscriber", 42, (0, 0), (440, 543), (545, 545), comeback=40, sessions=2),
    Kind("visitor", 18, (0, 0), (400, 530), (545, 545), sessions=8),
)
COUPONS = {"HELLO5": 5, "SPRING10": 10, "FRIENDS20": 20, "SALE15": 15}  # percent off
# Ids are data: a quote, a comma, other alphabets, a formula, and two persons who differ only in case.
HOSTILE_IDS = ("O'Brien; drop table orders;--", 'Zoë "Zed", Müller-Łukasz', "abc-77", "ABC-77", "=1+1")
NAMES = "mara timo lea jonas ines paul sofie emil clara noah julie luuk anouk finn eva bram yara theo lotte sam".split()
CAMPAIGNS = (371, 392, 413, 434, 469, 483, 497, 511, 525, 539)  # days; all of them Tuesdays


@dataclass
class Person:
    """Someone of the bulk. An empty customer_id is a guest, known by e-mail only. `joined` is the first contact."""

    number: int
    kind: Kind
    customer_id: str
    email: str
    place: tuple[str, str]
    device: str
    joined: datetime
    order_days: list[int]
    mail_from: datetime | None = None  # the span in which the newsletter may reach them
    mail_until: datetime = EXPORTED_AT
    carts: list[tuple[datetime, dict, list]] = field(default_factory=list)  # orders that a tracked visit led to


def draw(below: int, *key) -> int:
    """Return a whole number from 0 to below - 1 that depends on nothing but the key."""
    digest = hashlib.sha256("|".join(map(str, key)).encode()).digest()
    return int.from_bytes(digest[:8], "big") % below


def chance(percent: int, *key) -> bool:
    """Return true for this percentage of all keys."""
    return draw(100, *key) < percent


def pick(choices: dict, *key):
    """Return one key of `choices`; the values are whole-number weights."""
    mark = draw(sum(choices.values()), *key)
    for choice, weight in choices.items():
        mark -= weight
        if mark < 0:
            return choice


def between(low_high: tuple[int, int], *key) -> int:
    """Return a whole number from low to high, both included."""
    low, high = low_high
    return low + draw(max(high - low, 0) + 1, *key)


def at(day: int, *key) -> datetime:
    """Return an instant of that day (days since OPENING) in the shop's waking hours, 06:00 to 21:59 UTC."""
    return OPENING + timedelta(days=day, hours=6, seconds=draw(16 * 3600, "second", *key))


def seasonal_day(first: int, last: int, *key) -> int:
    """Return a day from first to last; the weeks before Christmas are four times as likely as others."""
    days = {day: 4 if 45 <= day % 365 <= 80 else 1 for day in range(first, last + 1)}
    return pick(days, *key)


def recorded(occurred: datetime, *key) -> datetime:
    """Return when a fact reached the shop's records: mostly seconds later, one in forty only after days."""
    late = timedelta(days=1 + draw(5, "late days", *key), hours=draw(12, "late hours", *key))
    return occurred + (late if draw(40, "late", *key) == 0 else timedelta(seconds=1 + draw(90, "seconds", *key)))


def money(cents: int) -> str:
    """Write cents as units with two decimals."""
    return f"{cents // 100}.{cents % 100:02}"


def order_days(kind: Kind, n: int) -> list[int]:
    """Return the days on which person n orders, rising and each once."""
    count = between(kind.orders, "orders", n)
    first = seasonal_day(*kind.first, "first", n)
    last = max(first, between(kind.last, "last", n))
    if kind.name == "weekly":
        days = [last - 7 * week for week in range(count)]
    elif kind.name == "gift":
        days = [between((kind.first, kind.last)[i % 2], "gift", n, i) for i in range(count)]
    else:
        days = [first, last][:count] + [seasonal_day(first, last, "day", n, i) for i in range(2, count)]
    if chance(kind.comeback, "comeback", n):
        days.append(max(first + 8, between((462, 540), "comeback day", n)))
    return sorted({day for day in days if day <= LAST_DAY})


def bulk_people() -> list[Person]:
    """Return everyone behind the story's characters; numbers start at 101."""
    people = []
    for kind in KINDS:
        for _ in range(kind.people):
            n = 101 + len(people)
            days = order_days(kind, n)
            # who signed up to look around has the account before the first order, everybody else opens it to order
            joined = at(days[0], "order", n, 0) if kind.orders[1] else at(seasonal_day(*kind.first, "first", n), n)
            place = pick({("DE", ""): 30, ("DE", "DE-BE"): 8, ("DE", "DE-BY"): 8, ("FR", ""): 20, ("NL", ""): 14,
                          ("AT", ""): 10, ("US", "US-CA"): 8, ("US", "US-NY"): 2}, "place", n)
            people.append(Person(
                n, kind, "" if kind.name == "guest" else f"C-{n:04}",
                f"{NAMES[draw(len(NAMES), 'name', n)]}{n}@example.{pick({'com': 3, 'org': 1}, 'domain', n)}", place,
                pick({"desktop": 4, "mobile": 5, "tablet": 1}, "device", n),
                joined - timedelta(seconds=120 + draw(600, "sign-up", n)), days,
            ))
    regulars = [person for person in people if person.kind.name == "regular"]
    for person, customer_id in zip(regulars, HOSTILE_IDS):
        person.customer_id = customer_id
    return people


def add_customers(tables: dict, people: list[Person]) -> None:
    """Add the customer card of everyone who has an account."""
    for person in people:
        n = person.number
        if person.customer_id:
            born = datetime(1948 + draw(58, "year", n), 1 + draw(12, "month", n), 1 + draw(28, "day of month", n))
            tables["customers"].append(dict(
                customer_id=person.customer_id, email="" if chance(4, "no mail", n) else person.email,
                phone=f"+3363998{n:04}" if chance(15, "phone", n) else "", created_at=person.joined,
                country=person.place[0], region=person.place[1], gender=pick({"f": 4, "m": 4, "x": 1, "": 3}, "g", n),
                birth_date=f"{born:%Y-%m-%d}" if chance(55, "born", n) else "",
                recorded_at=recorded(person.joined, "c", n),
            ))


def basket(person: Person, tier: str, *key) -> list[tuple]:
    """Return one to three (product, quantity) for an order or a cart."""
    pool = TIERS["dear"] if person.kind.name == "champion" and chance(12, "dear", *key) else TIERS[tier]
    count = 1 if pool is TIERS["dear"] else 1 + draw(3, "lines", *key)
    chosen = {pool[draw(len(pool), "product", *key, line)]: None for line in range(count)}
    return [(product, pick({1: 5, 2: 1}, "quantity", *key, product[0])) for product in chosen]


def add_orders(tables: dict, people: list[Person]) -> None:
    """Add the bulk's orders with their lines and refunds, oldest order first."""
    placed = sorted(
        ((at(day, "order", p.number, i), p.number, i, p) for p in people for i, day in enumerate(p.order_days)),
        key=lambda row: row[:3])
    for serial, (ordered_at, n, i, person) in enumerate(placed, start=1001):
        order_id, goods = f"O-{serial}", basket(person, person.kind.tier, "order", n, i)
        gross = sum(product[3] * quantity for product, quantity in goods)
        coupon = pick({"": 82, "HELLO5": 6, "SPRING10": 6, "FRIENDS20": 6}, "coupon", n, i)
        if person.kind.name == "bargain" and not coupon:
            coupon = "SALE15"
        line_cut = goods[0][0][3] // 10 if chance(6, "line cut", n, i) else 0
        discount = line_cut + gross * COUPONS.get(coupon, 0) // 100
        channel = pick({"web": 55, "app": 20, "store": 15, "marketplace": 10}, "channel", n, i)
        recorded_at = recorded(ordered_at, "order", n, i)
        if channel == "store":  # tills report once a night
            recorded_at = ordered_at.replace(hour=2, minute=30, second=0) + timedelta(days=1)
        in_dollars = person.place[0] == "US" and ordered_at >= datetime(2025, 1, 15)
        order = dict(
            order_id=order_id, ordered_at=ordered_at, gross_amount=money(gross), customer_id=person.customer_id,
            # the second letter case of a returning guest is the same person
            email=(person.email.upper() if i else person.email) if not person.customer_id else "",
            currency="USD" if in_dollars else pick({"EUR": 30, "": 1}, "null currency", n, i),
            discount_amount=money(discount) if discount else "", coupon_code=coupon, channel=channel,
            status=pick({"fulfilled": 150, "paid": 30, "": 8, "Fulfilled": 3, "cancelled": 6, "CANCELLED": 1,
                         "pending": 2, "test": 1, "failed": 1, "voided": 1}, "status", n, i),
            device_type=person.device if channel in ("web", "app") else "",
            country=person.place[0], region=person.place[1], recorded_at=recorded_at,
        )
        tables["orders"].append(order)
        for line, (product, quantity) in enumerate(goods, start=1):
            tables["order_lines"].append(dict(
                order_id=order_id, line_number=line, product_id=product[0], quantity=quantity,
                unit_price=money(product[3]), discount_amount=money(line_cut) if line == 1 and line_cut else "",
                recorded_at=recorded_at))
        if channel in ("web", "app"):
            person.carts.append((ordered_at, order, goods))
        if order["status"] == "fulfilled" and chance(8, "refund", n, i):
            whole = chance(40, "whole", n, i)
            refunded_at = at((ordered_at - OPENING).days + 3 + draw(25, "refund day", n, i), "refund", n, i)
            tables["refunds"].append(dict(
                refund_id=f"R-{serial}", order_id=order_id, refunded_at=refunded_at,
                amount=money((gross - discount) * (100 if whole else 20 + draw(40, "part", n, i)) // 100),
                recorded_at=recorded(refunded_at, "refund", n, i)))
            if whole:  # the shop rewrites its row: a revision
                tables["orders"].append(order | dict(status="refunded", recorded_at=refunded_at + timedelta(minutes=1)))


def add_consents(tables: dict, people: list[Person]) -> None:
    """Add what the bulk granted, denied, withdrew and objected to. About 60 % grant profiling and 50 % e-mail."""

    def say(person: Person, purpose: str, status: str, when: datetime, event_type="", request=False) -> None:
        serial = 101 + len(rows)
        rows.append(dict(
            consent_event_id=f"K-{serial:04}", purpose=purpose, status=status, effective_at=when,
            customer_id=person.customer_id, email="" if person.customer_id else person.email,
            consent_version="" if status.startswith(("objec", "restr")) else "v2" if when >= NOTICE_V2 else "v1",
            jurisdiction=person.place[1] if person.place[0] == "US" else person.place[0], event_type=event_type,
            source="support" if request else "web_form", request_id=f"Q-{serial:04}" if request else "",
            recorded_at=recorded(when, "consent", person.number, purpose, status)))

    rows: list[dict] = []
    for person in people:
        n, subscriber = person.number, person.kind.name == "subscriber"
        for name, percent, purposes in (
            ("profile", 60, {PROFILING: 15, "personalize.content": 3, "*": 1}),
            ("mail", 95 if subscriber else 46, {EMAIL: 4, "marketing.communications": 1}),
            ("report", 15, {"analytics.reporting": 1}),
        ):
            purpose = pick(purposes, name, "purpose", n)
            if not chance(percent, name, n):
                if chance(25, name, "denied", n):
                    say(person, purpose, pick({"denied": 8, "pending": 1}, name, "no", n), person.joined, "reject_all")
                continue
            span = [person.joined, EXPORTED_AT]
            say(person, purpose, "granted", span[0], "accept_selected")
            newest = person.joined
            if newest < NOTICE_V2 and chance(80, name, "renewed", n):
                newest = NOTICE_V2 + timedelta(seconds=draw(80 * 86400, name, "renewal", n))
                say(person, purpose, "renewed", newest, "renew")
            elif newest < NOTICE_V2 and chance(30, name, "expired", n):
                say(person, purpose, "expired", newest + timedelta(days=365), "expire")
            ended = newest + timedelta(days=10, seconds=draw(200 * 86400, name, "end", n))
            if chance(12, name, "withdrawn", n) and ended < EXPORTED_AT:
                say(person, purpose, "withdrawn", ended, "withdraw", request=True)
                span[1] = ended
                if chance(30, name, "again", n):
                    say(person, purpose, "granted", ended + timedelta(days=9 + draw(40, n)), "accept_selected")
            if name == "mail":
                person.mail_from, person.mail_until = span
        if person.order_days and chance(4, "objects", n):
            objected_at = at(between((440, 540), "objection", n), "objection", n)
            say(person, pick({OBJECTABLE: 3, "*": 1}, "objected to", n), "objected", objected_at, request=True)
        if chance(1, "restricts", n):
            restricted_at = at(between((420, 540), "restriction", n), "restriction", n)
            say(person, "*", "restricted", restricted_at, request=True)
            say(person, "*", "restriction_lifted", restricted_at + timedelta(days=20), request=True)
    tables["consents"] += sorted(rows, key=lambda row: (row["effective_at"], row["consent_event_id"]))


def add_events(tables: dict, people: list[Person]) -> None:
    """Add visits, mailings and single signals of those the shop can track; permission is not looked at here."""
    rows: list[tuple] = []

    def happen(who: dict, when: datetime, event_type: str, **facts) -> None:
        rows.append((when, len(rows), dict(
            occurred_at=when, event_type=event_type, **who, **facts,
            recorded_at=recorded(when, "event", event_type, when, *who.values()))))

    def visit(who: dict, start: datetime, device: str, goods: list, ending: str, key: tuple, paid="") -> None:
        """Walk through one session; it ends with look, cart, regret (takes one thing out), checkout or purchase."""
        base = dict(session_id=f"S-{1001 + len(rows)}", device_type=device,
                    channel="app" if device == "mobile" and chance(40, "app", *key) else "web")
        steps = [("page_view", None, "")]
        steps += [("product_view", product, "") for product, _ in goods]
        if ending != "look":
            steps += [("add_to_cart", product, money(product[3] * quantity)) for product, quantity in goods]
        if ending == "regret":
            steps.append(("remove_from_cart", goods[0][0], money(goods[0][0][3] * goods[0][1])))
        if ending in ("checkout", "purchase"):
            steps.append(("checkout_started", None, ""))
        if ending == "purchase":
            steps.append(("purchase", None, paid))
        for step, (event_type, product, amount) in enumerate(steps):
            facts = dict(product_id=product[0], product_category=product[1]) if product else {}
            happen(who, start + timedelta(seconds=47 * step + draw(40, "pause", *key, step)), event_type, amount=amount,
                   **base, **facts)

    for person in people:
        n, kind, who = person.number, person.kind, dict(customer_id=person.customer_id)
        if not person.customer_id or not (kind.name in ("subscriber", "visitor") or chance(58, "tracked", n)):
            continue
        start = max(TRACKING_DAY, (person.joined - OPENING).days + 1)
        for ordered_at, order, goods in person.carts:
            if (ordered_at - OPENING).days >= TRACKING_DAY:
                visit(who, ordered_at - timedelta(minutes=10), person.device, goods, "purchase", ("o", n, ordered_at),
                      order["gross_amount"])
        for i in range(draw(2 * kind.sessions + 1, "sessions", n)):
            low = max(start, 440) if chance(70, "recent", n, i) else start
            ending = pick({"look": 60, "cart": 26, "regret": 5, "checkout": 9}, "ending", n, i)
            device = person.device if chance(85, "own device", n, i) else "desktop"
            goods = [ware for part in range(1 + draw(2, "interest", n, i))
                     for ware in basket(person, kind.tier, "visit", n, i, part)]
            visit(who, at(between((low, LAST_DAY), "visit", n, i), "visit", n, i), device, goods, ending, ("v", n, i))
        if person.mail_from and (kind.name == "subscriber" or chance(40, "signal", n)):
            happen(who, person.mail_from + timedelta(seconds=20), "subscribed", channel="web",
                   consent_version="v2" if person.mail_from >= NOTICE_V2 else "v1")
        if person.mail_from and person.mail_until < EXPORTED_AT:
            happen(who, person.mail_until, "unsubscribed", channel="email")
        zeal = pick({95: 1, 40: 3, 10: 2}, "zeal", n)  # percent of mails opened
        for day in CAMPAIGNS:
            sent_at = OPENING + timedelta(days=day, hours=9)
            if person.mail_from and person.mail_from < sent_at < person.mail_until:
                mail = dict(channel="email", campaign_id=f"mail-{sent_at:%Y-%m-%d}")
                happen(who, sent_at, "email_sent", **mail)
                if chance(zeal, "opened", n, day):
                    opened_at = sent_at + timedelta(seconds=300 + draw(90000, "opening", n, day))
                    happen(who, opened_at, "email_opened", **mail)
                    if chance(25, "clicked", n, day):
                        happen(who, opened_at + timedelta(seconds=40), "email_clicked", **mail)
        for event_type, percent in (("support_ticket", 10), ("survey_answered", 8), ("referral", 5), ("review", 6),
                                    ("search", 10), ("app_open", 8), ("social_interaction", 3), ("other", 1)):
            if chance(percent, event_type, n):
                score = money(100 * draw(11, "score", n)) if event_type == "survey_answered" else ""
                happen(who, at(between((start, LAST_DAY), event_type, n), event_type, n), event_type, amount=score)
        if kind.name == "few" and chance(50, "experiment", n):
            happen(who, at(between((500, 530), "exposed", n), "exposed", n), "segment_exposed",
                   segment_id="repeat_buyer", experiment_id="thank-you-note",
                   variant=pick({"treatment": 4, "holdout": 1}, "arm", n), consent_version="v2")
    for a in range(1, 16):  # browsers that nobody has named yet
        for i in range(1 + draw(3, "anonymous", a)):
            goods = [(TIERS["normal"][draw(len(TIERS["normal"]), "ware", a, i)], 1)]
            visit(dict(anonymous_id=f"A-{a:04}"), at(between((488, LAST_DAY), "a", a, i), a, i), "mobile", goods,
                  pick({"look": 3, "cart": 1}, "a", a, i), ("a", a, i))
    for serial, (_, _, row) in enumerate(sorted(rows, key=lambda item: item[:2]), start=1001):
        tables["events"].append(dict(event_id=f"E-{serial}", **row))


def add_reference(tables: dict) -> None:
    """Add products, notices and monthly exchange rates, the first of them before the first order in dollars."""
    for product_id, category, name, _ in PRODUCTS:
        tables["products"].append(dict(product_id=product_id, product_category=category, product_name=name))
    for version, published_at, material, invalidated_at in (
        ("v1", datetime(2024, 9, 1), "false", ""), ("v2-draft", datetime(2025, 8, 15), "false", datetime(2025, 8, 20)),
        ("v2", NOTICE_V2, "true", ""),
    ):
        text = f"Invented privacy notice {version} of the demo shop. You may say no, and you may change your mind."
        tables["notices"].append(dict(
            consent_version=version, text_sha256=hashlib.sha256(text.encode()).hexdigest(), published_at=published_at,
            language="en", purposes=f"{EMAIL};{PROFILING};{OBJECTABLE};analytics.reporting", material_change=material,
            invalidated_at=invalidated_at))
    for month in range(9, 9 + 19):
        first = datetime(2024 + (month - 1) // 12, (month - 1) % 12 + 1, 1)
        tables["exchange_rates"].append(dict(
            currency="USD", rate_date=f"{first:%Y-%m-%d}", rate=f"0.{8500 + draw(1000, 'rate', month)}",
            recorded_at=first + timedelta(hours=6)))


def demo_tables() -> dict[str, list[dict]]:
    """Return all rows by table, story first; nothing that was recorded after EXPORTED_AT."""
    tables: dict[str, list[dict]] = {
        name: list(csv.DictReader(STORY.get(name, "").strip().splitlines(), fieldnames=columns))
        for name, columns in COLUMNS.items()
    }
    for order_id, order in {order["order_id"]: order for order in tables["orders"]}.items():
        tables["order_lines"].append(dict(
            order_id=order_id, line_number=1, product_id=PRODUCTS[draw(len(PRODUCTS) - 2, order_id)][0], quantity=1,
            unit_price=order["gross_amount"].lstrip("-"), recorded_at=order["recorded_at"]))
    people = bulk_people()
    add_customers(tables, people)
    add_orders(tables, people)
    add_consents(tables, people)
    add_events(tables, people)
    add_reference(tables)
    # an empty recorded_at is the story's unknown consent, not a row of the future
    return {name: [row for row in rows if str(row.get("recorded_at") or "") <= str(EXPORTED_AT)]
            for name, rows in tables.items()}


def write(folder: Path) -> None:
    """Write demo_<table>.csv for every table of the contract into `folder` (created if missing), with LF line ends."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in demo_tables().items():
        with open(folder / f"demo_{name}.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS[name], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def main() -> None:
    """Read the command line and write the files."""
    parser = argparse.ArgumentParser(description="Write the demo seeds.")
    parser.add_argument("--out", type=Path, default=Path("seeds/demo/generic"), help="folder for the CSV files")
    write(parser.parse_args().out)


if __name__ == "__main__":
    main()
