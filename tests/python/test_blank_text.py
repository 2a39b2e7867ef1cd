"""A cell of nothing but spaces holds nothing: as in an empty one, the value is missing."""

import pytest
from conftest import Built
from test_clock import REJECTED
from test_privacy_scan import PEOPLE
from test_privacy_scan import REJECTED as WITH_ADDRESSES

ORDER = {"order_id": "b1", "ordered_at": "2026-01-10", "gross_amount": "5", "customer_id": "c", "currency": "EUR"}
BLANK = "  "
TABLES = {
    "orders": [
        ORDER,
        # nothing that is optional: a guest known by e-mail, in the reporting currency, valid, undiscounted, known when placed
        {column: BLANK for column in (
            "customer_id", "phone", "currency", "discount_amount", "status", "coupon_code", "channel", "country", "recorded_at",
        )} | {"order_id": "b2", "ordered_at": "2026-01-09", "gross_amount": "5", "email": "blank.guest@example.net"},
        ORDER | {"order_id": BLANK},
        ORDER | {"order_id": "b3", "ordered_at": BLANK},
        ORDER | {"order_id": "b4", "gross_amount": BLANK},
    ],
    "events": [
        {"event_id": "e1", "occurred_at": "2026-01-10", "event_type": "page_view", "customer_id": BLANK},
        {"event_id": BLANK, "occurred_at": "2026-01-10", "event_type": "page_view", "customer_id": "c"},
        {"event_id": "e3", "occurred_at": "2026-01-10", "event_type": BLANK, "customer_id": "c"},
    ],
    "order_lines": [
        {"order_id": "b1", "line_number": "1", "product_id": "p", "quantity": "1", "unit_price": "5", "discount_amount": BLANK},
        {"order_id": "b1", "line_number": "2", "product_id": BLANK, "quantity": "1", "unit_price": "5"},
    ],
    "products": [{"product_id": "p", "product_category": BLANK}],
    "notices": [{"consent_version": BLANK, "text_sha256": "00", "published_at": "2026-01-01"}],
}


@pytest.fixture(scope="module")
def blank(newest_shop: Built) -> Built:
    """A shop whose files write spaces where they have nothing, in which test_clock.py has rows too, with a customer c as well, and test_privacy_scan.py."""
    return newest_shop


def test_a_blank_value_that_is_required_is_missing(blank: Built):
    assert blank.code == 0
    assert blank.rows("select table_name, reason from audit.rejected_rows order by all") == sorted([
        ("events", "missing event_id"), ("events", "missing event_type"),
        ("notices", "missing consent_version"), ("order_lines", "missing product_id"),
        ("orders", "missing gross_amount"), ("orders", "missing order_id"), ("orders", "missing ordered_at"),
        *REJECTED, *WITH_ADDRESSES,
    ])


def test_a_blank_value_that_is_optional_is_none(blank: Built):
    found = blank.rows("""
        select email, currency, discount_amount::varchar, recorded_at::varchar, coalesce(customer_id, phone, status, coupon_code, channel, country)
        from restricted.intermediate.int_orders where order_id = 'b2'
    """)
    assert found == [("blank.guest@example.net", "EUR", "0.00", "2026-01-09 00:00:00", None)]
    assert blank.rows("select count(*) from restricted.intermediate.int_category_spend") == [(0,)]


def test_nobody_is_called_blank(blank: Built):
    people = "select identifier_type, identifier from restricted.vault.customer_keys order by all"
    assert blank.rows(people) == sorted([("customer_id", "c"), ("email", "blank.guest@example.net"), *PEOPLE])
    assert blank.rows("select distinct customer_id from restricted.intermediate.int_events") == [(None,)]
