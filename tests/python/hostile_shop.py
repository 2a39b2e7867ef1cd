"""A small shop whose every row tries to make two engines differ: for comparing them, not for meaning anything."""

import random
from datetime import datetime, timedelta

START, END = datetime(2025, 1, 1), datetime(2026, 3, 31)
# ids that sort differently by bytes, by language and by number; quotes, line ends, escapes, signs that cannot be seen
PEOPLE = [
    "a10", "a9", "A9", "a-b", "aa", "a b", "ab", "B", "b", "é", "e\u0301", "É", "ß", "ss", "İ", "i", "ı", "\u212a", "k", "ж", "中文",
    "🙂", "👩‍👩‍👧", "O'Brien", 'say "hi"', "back\\slash", "100%", "tab\there", "line\nend", "zero\u200bwidth", "\u200b", " 6",
    "6 ", "6", "06", "null", "NULL", "None", "''", "--", "; drop table orders; --", "{{ as_of }}", "$1", "?", "%s", "\u202eltr",
    "x" * 300, "ﬁ", "Ǆ", "٣", "\ufeffbom", "_", "~", "-1",
]
EMAILS = [
    "", "", "Foo@Ex.com", "foo@ex.com", " foo@ex.com\u00a0", "jose\u0301@ex.com", "josé@ex.com", "JOSÉ@ex.com", "o'b@ex.com",
    "no at", "@", "a@", "\u3000b@ex.com", "ünï@ex.com", "K@ex.com", "\u212a@ex.com", "x+y@ex.com", "x.y@ex.com",
]
PHONES = ["", "", "+49 30 123", "0049 30 123", "(030) 123", "٠١٢", "00", "ext. 12", "none"]
AMOUNTS = [
    "12.345", "0.005", "0.00", "19.99", "250", "1e2", "1_000.50", " 7.5 ", "99.994999", "33.335", "+5", ".5", "1500.00", "60.00",
    "200.00", "75.10", "49.95",
]
BAD_AMOUNTS = ["-5", "-0.004", "12,50", "NaN", "inf", "9999999999999999.995", "EUR 5", "１２", "5€", "1.2.3", "🙂"]
STATUSES = ["", "", "paid", "Shipped", " CANCELLED ", "cancelled\u00a0", "Test", "FA\u0130LED", "failed\u200b", "voided", "pendıng"]
CURRENCIES = ["", "", "EUR", "eur", " Eur ", "USD", "usd", "GBP", "JPY", "XXX", "EU\u017f"]
CATEGORIES = ["b", "B", "a-b", "aa", "ab", "A", "é", "Health", "HEALTH ", "RELIG\u0130ON", "", "🙂"]
COUNTRIES = ["", "DE", "de", "FR", "Österreich", "a9", "a10"]
EVENTS = [
    "add_to_cart", "add_to_cart", "remove_from_cart", "product_view", "product_view", "page_view", "email_sent", "email_sent",
    "email_sent", "email_opened", "email_opened", "email_clicked", "survey_answered", "survey_answered", "referral", "subscribed",
    "unsubscribed", "checkout_started", "support_ticket", "Product_View", "unheard of", "",
]
PURPOSES = ["*", "personalize.content.profiling", "marketing.communications.email", "marketing.advertising.profiling",
            "marketing", "personalize", " Marketing ", "MARKETİNG", "unknown purpose", ""]
CONSENT_STATUSES = ["granted", "granted", "granted", "renewed", " Granted ", "withdrawn", "denied", "objected", "restricted",
                    "objection_lifted", "restriction_lifted", "pending", "unknown", "GRANTED\u00a0", "grantéd", ""]


class Draw(random.Random):
    """Draws of what a row may hold."""

    def instant(self, earliest: datetime = START, latest: datetime = END) -> datetime:
        """A whole second; often one of few, so that rows tie."""
        if self.random() < 0.3:
            return earliest + (latest - earliest) / 8 * self.randrange(8)
        return earliest + timedelta(seconds=self.randrange(int((latest - earliest).total_seconds())))

    def written(self, instant: datetime, bad: float = 0.03) -> str:
        """An instant as an export may write it, now and then as nobody can read it."""
        if self.random() < bad:
            return self.choice(["2026-02-30 10:00:00", "infinity", "-infinity", "yesterday", "03.03.2026", "2026-03-03 25:00:00",
                                "26-03-03", "10000-01-01", "0001-01-01 00:00:00", "1772500000", "2026-03-03 10:00:00 +01", "🙂"])
        offset = self.choice([0, 0, 120, -210, 345, 840])
        local = instant + timedelta(minutes=offset)
        sign, minutes = ("-" if offset < 0 else "+"), abs(offset)
        return self.choice([
            f"{instant:%Y-%m-%d %H:%M:%S}", f"{instant:%Y-%m-%dT%H:%M:%SZ}", f"{instant:%Y/%m/%d %H:%M:%S} UTC",
            f"{instant:%Y-%m-%d %H:%M:%S}.{self.choice(['5', '1239999', '000001', '9999999', ''])}",
            f"{local:%Y-%m-%d %H:%M:%S}{sign}{minutes // 60:02}:{minutes % 60:02}",
            f"{local:%Y-%m-%dT%H:%M:%S.250}{sign}{minutes // 60:02}{minutes % 60:02}",
        ])

    def recorded(self, instant: datetime) -> str:
        """When a fact was recorded: at once, late, not at all, or (rejected) too early."""
        delay = self.choice([0, 0, 1, 240, 86_400, 2_000_000, -200, -100_000])
        return "" if self.random() < 0.3 else self.written(instant + timedelta(seconds=delay), bad=0.01)

    def amount(self, bad: float = 0.08) -> str:
        """A text of an amount."""
        return self.choice(BAD_AMOUNTS if self.random() < bad else AMOUNTS)


def hostile_shop(seed: int = 20260303) -> dict[str, list[dict[str, str]]]:
    """All tables, in raw texts; the same rows for the same seed. Some columns are missing."""
    draw = Draw(seed)
    tables = {
        "orders": [order(draw, number) for number in range(700)],
        "customers": [customer(draw, person) for person in PEOPLE],
        "products": [{"product_id": f"p{n}", "product_category": draw.choice(CATEGORIES), "product_name": "n"} for n in range(30)],
        "events": [event(draw, number) for number in range(2500)] + tied_events(),
        "consents": consents(draw),
        "exchange_rates": [
            {"currency": currency, "rate_date": f"{START + timedelta(days=30 * month):%Y-%m-%d}",
             "rate": draw.choice(["0.923456785", "1.17", "0.0061234567", " 0.9", "1e0", "abc", "-1"]), "recorded_at": ""}
            for currency in ("USD", "usd ", "GBP", "JPY") for month in range(12)
        ],
        "scheduled_sends": [
            {"send_id": draw.choice(PEOPLE), "channel": "email", "scheduled_at": draw.written(draw.instant()),
             "customer_id": draw.choice(PEOPLE), "email": draw.choice(EMAILS)} for _ in range(40)
        ],
    }
    orders = [row["order_id"] for row in tables["orders"]]
    tables["order_lines"] = [
        {"order_id": draw.choice(orders + ["nowhere"]), "line_number": draw.choice(["1", "2", "3", "2.5", " 4 ", "x", "2147483648"]),
         "product_id": f"p{draw.randrange(32)}", "quantity": draw.choice(["1", "2", "3", "10", "0", "-1", "1e1"]),
         "unit_price": draw.amount(), "discount_amount": draw.choice(["", "1", "0.005", "1000"])} for _ in range(900)
    ]
    tables["refunds"] = [
        {"refund_id": f"r{draw.randrange(110)}", "order_id": draw.choice(orders + ["nowhere", ""]), "amount": draw.amount(),
         "refunded_at": draw.written(draw.instant()), "recorded_at": ""} for _ in range(160)
    ]
    for number, row in enumerate(tables["consents"]):
        row["consent_version"] = ["v1", "v1", "v2", "v1", "V1", "", "sms", " "][number % 8]
        row["event_type"] = ["", "", "accept_all", " Renew", "", "", "import", "Default", "guess"][number % 9]
    tables["notices"] = [
        {"consent_version": version, "text_sha256": text, "published_at": published_at, "purposes": purposes, "material_change": change}
        for version, text, published_at, purposes, change in (
            ("v1", "a", "2024-06-01", "Marketing.communications.email, personalize ;third_party_sharing", ""), ("v1", "b", "2024-07-01", " ", "false"),
            ("V1", "a", "2024-05-01", "*", "no"), ("sms", "a", "2024-06-01", "marketing.communications.sms", "true"),
            ("v2", "a", "2026-03-20", "marketing.communications.email", "TRUE"), ("v3", "a", "2027-01-01", "*", "true"),
            ("", "a", "2024-06-01", "", ""), ("v4", "", "2024-06-01", "", ""), ("v5", "a", "soon", "", ""))
    ]
    for rows in tables.values():
        rows += [dict(draw.choice(rows)) for _ in range(max(3, len(rows) // 20))]  # delivered again, unchanged
        draw.shuffle(rows)
    tables["identity_links"] = links(Draw(seed + 1))
    add_devices(tables, Draw(seed + 2))
    return tables


def order(draw: Draw, number: int) -> dict[str, str]:
    """One revision of an order; ids repeat, sometimes with another currency."""
    instant = draw.instant()
    return {
        "order_id": draw.choice([f"o{number}", f"O{number}", f"o-{draw.randrange(60)}", draw.choice(PEOPLE)]),
        "customer_id": draw.choice([*PEOPLE, "", "", " ", "\u00a0"]),
        "email": draw.choice(EMAILS), "phone": draw.choice(PHONES), "currency": draw.choice(CURRENCIES),
        "status": draw.choice(STATUSES), "coupon_code": draw.choice(["", "", "X", " "]), "channel": draw.choice(["web", "Web", "", "🛒"]),
        "device_type": draw.choice(["mobile", "desktop", ""]), "country": draw.choice(COUNTRIES),
        "gross_amount": draw.amount(), "discount_amount": draw.choice(["", "", "0", "5.005", "1e9", "-1", "x"]),
        "ordered_at": draw.written(instant), "recorded_at": draw.recorded(instant),
    }


def customer(draw: Draw, person: str) -> dict[str, str]:
    """One version of a customer's record; some persons have an older one under the same id."""
    instant = draw.instant()
    return {
        "customer_id": draw.choice([person, person, draw.choice(PEOPLE)]), "email": draw.choice(EMAILS), "phone": draw.choice(PHONES),
        "created_at": draw.written(instant), "country": draw.choice(COUNTRIES), "region": draw.choice(["", "a9", "a10"]),
        "birth_date": draw.choice(["", "1990-02-28", "2000-02-29", "2012-01-01", " 1950/1/1", "1990-02-30", "infinity"]),
        "recorded_at": draw.recorded(instant),
    }


def event(draw: Draw, number: int) -> dict[str, str]:
    """One event; ids repeat, and many events tie."""
    instant = draw.instant(earliest=datetime(2025, 12, 15))
    return {
        "event_id": draw.choice([f"e{number}", f"E-{number}", f"{number}", draw.choice(PEOPLE), ""] if draw.random() < 0.3
                                else [f"e{number}", f"E{number}"]),
        "event_type": draw.choice(EVENTS), "occurred_at": draw.written(instant), "customer_id": draw.choice([*PEOPLE, ""]),
        "session_id": draw.choice(PEOPLE), "device_type": draw.choice(["mobile", "desktop", ""]),
        "campaign_id": draw.choice(PEOPLE), "amount": draw.choice(["", draw.amount()]), "recorded_at": draw.recorded(instant),
    }


def add_devices(tables: dict[str, list[dict[str, str]]], draw: Draw) -> None:
    """Visits of devices without a customer, and what devices choose, alone and together with persons."""
    for row in tables["events"] + tables["consents"]:
        row["anonymous_id"] = draw.choice(["", *PEOPLE]) if draw.random() < 0.1 else ""
    for number in range(600):
        instant = draw.instant(earliest=datetime(2026, 2, 1))
        tables["events"].append(dict.fromkeys(tables["events"][0], "") | {
            "event_id": f"device {number % 560}", "event_type": draw.choice(EVENTS), "occurred_at": draw.written(instant),
            "anonymous_id": draw.choice([*PEOPLE, " Unknown", "(not set)"]), "session_id": draw.choice(PEOPLE), "recorded_at": draw.recorded(instant),
        })
    for number, device in enumerate([*PEOPLE * 4, "Unknown", "(not set)"]):
        instant = draw.instant(earliest=datetime(2025, 12, 1), latest=datetime(2026, 3, 20))
        tables["consents"].append(dict.fromkeys(tables["consents"][0], "") | {
            "consent_event_id": f"device {number}", "status": draw.choice(CONSENT_STATUSES if number % 3 == 0 else ["granted"]),
            "purpose": draw.choice([PURPOSES[1], "identity.cross_device_linking"] if draw.random() < 0.9 else PURPOSES),
            "effective_at": draw.written(instant), "anonymous_id": device, "recorded_at": draw.written(instant),
        })


def links(draw: Draw) -> list[dict[str, str]]:
    """Links of all kinds between people, addresses in every spelling and devices; some are taken back."""
    ends = {"customer_id": PEOPLE[:8], "Email ": EMAILS, "email": EMAILS, "phone": PHONES, "anonymous_id": PEOPLE, "card": PEOPLE, "": PEOPLE}
    rows = []
    for number in range(24):
        instant = draw.instant()
        kinds = [draw.choice(["customer_id", "customer_id", *ends]) for _ in range(2)]
        rows.append({
            "link_id": f"l{number % 21}", "left_type": kinds[0], "left_id": draw.choice(ends[kinds[0]]), "right_type": kinds[1],
            "right_id": draw.choice(ends[kinds[1]]), "match_class": draw.choice(["deterministic", "Deterministic", "probabilistic", "guess"]),
            "score": draw.choice(["", "0.93", "high"]), "effective_at": draw.written(instant), "recorded_at": draw.recorded(instant),
            "valid_to": draw.choice(["", "", draw.written(draw.instant())]),
        })
    return rows


def tied_events() -> list[dict[str, str]]:
    """For everybody, answers and mails of one instant: only the order of their ids tells which is the newest."""
    rows = []
    for person in PEOPLE:
        for number, name in enumerate(["a9", "a10", "A9", "a-9", "B", "b", "é", "🙂"]):
            for event_type, amount in (("survey_answered", str(number)), ("email_sent", ""), ("email_opened", "")):
                if event_type != "email_opened" or number % 2:
                    rows.append({
                        "event_id": f"{name} {event_type} {person}", "event_type": event_type, "occurred_at": "2026-02-01 08:00:00Z",
                        "customer_id": person, "session_id": "", "device_type": "", "campaign_id": name, "amount": amount,
                        "recorded_at": "",
                    })
    return rows


def consents(draw: Draw) -> list[dict[str, str]]:
    """Everybody agrees early; then choices of all kinds, many at the same instant."""
    rows = []
    for number, person in enumerate(PEOPLE):
        for purpose in ("personalize.content.profiling", "marketing.communications.email"):
            rows.append({
                "consent_event_id": f"early {number} {purpose}", "purpose": purpose, "status": "granted",
                "effective_at": "2025-01-01 00:00:00", "customer_id": person, "email": "", "phone": "", "recorded_at": "2025-01-02",
            })
    for number in range(120):
        instant = draw.instant(earliest=datetime(2025, 6, 1))
        rows.append({
            "consent_event_id": draw.choice([f"c{number}", f"C{number}", f"c-{number}", draw.choice(PEOPLE)]),
            "purpose": draw.choice(PURPOSES), "status": draw.choice(CONSENT_STATUSES), "effective_at": draw.written(instant),
            "customer_id": draw.choice([*PEOPLE, "", "", ""]), "email": draw.choice(EMAILS), "phone": draw.choice(PHONES),
            "recorded_at": draw.recorded(instant),
        })
    return rows
