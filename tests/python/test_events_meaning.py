"""What events say of a person, whatever the event models look like inside: one shop, one evaluation."""

import pytest
from conftest import Built

AS_OF = "2026-03-31 12:00:00"
TYPES = {"s": "email_sent", "x": "sms_sent", "t": "segment_exposed", "v": "product_view", "a": "add_to_cart", "r": "remove_from_cart"}


def events(customer: str, *days_and_types: str) -> list[dict]:
    """Events of one customer: "03-05 v" is a product view on 5 March, "03-05 a 9.50" a cart line of 9.50."""
    rows = []
    for number, text in enumerate(days_and_types):
        day, kind, *amount = text.split()
        rows.append({"event_id": f"{customer}-{number}", "customer_id": customer, "event_type": TYPES[kind],
                     "occurred_at": f"2026-{day} 10:00:00", "amount": amount[0] if amount else ""})
    return rows


TABLES = {
    "customers": [
        {"customer_id": "young", "birth_date": "2010-03-05", "recorded_at": "2026-01-01"},
        {"customer_id": "old", "birth_date": "1980-03-05", "recorded_at": "2026-01-01"},
    ],
    "events": [
        *events("written to", "02-01 s", "02-02 x", "02-03 t", "03-05 v", "03-07 v", "03-20 s", "03-21 x", "03-22 t"),
        *events("never answered", "02-01 s", "02-02 x"),
        *events("young", "03-04 v", "03-05 v", "03-06 v"),
        *events("old", "03-04 v", "03-05 v", "03-06 v"),
        # one tracker writes the amount of a removed line with a minus, another without
        *events("minus", "03-30 a 20.00", "03-30 r -8.00"),
        *events("no minus", "03-30 a 20.00", "03-30 r 8.00"),
    ],
}
TABLES["consents"] = [
    {"consent_event_id": f"g-{person}", "customer_id": person, "purpose": "*", "status": "granted", "effective_at": "2026-01-01",
     "recorded_at": "2026-01-01"} for person in sorted({row["customer_id"] for row in TABLES["events"]})
]


@pytest.fixture(scope="module")
def visited(march_shop: Built) -> Built:
    """The shop at AS_OF; everybody consented to everything on 1 January. What is bought there: test_golden_value_groups.py."""
    return march_shop


def features(visited: Built, person: str, *columns: str) -> tuple:
    """Features of one customer, as text."""
    listed = ", ".join(f"{column}::varchar" for column in columns)
    [row] = visited.rows(
        f"select {listed} from marts.customer_features join restricted.vault.customer_keys using (customer_key) where identifier = ?",
        [person])
    return row


@pytest.mark.parametrize("person, first, last", [
    ("written to", "2026-03-05 10:00:00", "2026-03-07 10:00:00"), ("never answered", None, None)])
def test_what_we_do_ourselves_is_no_sign_of_the_person(visited: Built, person: str, first: str | None, last: str | None):
    assert features(visited, person, "first_seen_at", "last_seen_at") == (first, last)


def test_who_was_only_written_to_is_known(visited: Built):
    assert features(visited, "never answered", "order_count", "product_view_count_30d") == ("0", "0")


def test_what_happened_before_the_person_was_of_age_counts_in_no_feature(visited: Built):
    """The sixteenth birthday is 5 March, and counts."""
    columns = ("first_seen_at", "last_seen_at", "product_view_count_30d", "product_view_count_90d")
    assert features(visited, "old", *columns) == ("2026-03-04 10:00:00", "2026-03-06 10:00:00", "3", "3")
    assert features(visited, "young", *columns) == ("2026-03-05 10:00:00", "2026-03-06 10:00:00", "2", "2")


@pytest.mark.parametrize("person", [
    "no minus",
    "minus"])
def test_a_line_taken_out_lowers_the_cart_with_or_without_a_minus(visited: Built, person: str):
    assert features(visited, person, "abandoned_cart_value") == ("12.00",)
