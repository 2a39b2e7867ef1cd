"""A cell of nothing but spaces holds nothing: as in an empty one, the value is missing."""

import unicodedata

import duckdb
import pytest
from conftest import Built
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jinja_macros import Macros
from test_clock import REJECTED
from test_privacy_scan import PEOPLE
from test_privacy_scan import REJECTED as WITH_ADDRESSES

from segmentation.home import PROJECT

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


# what as_text() tells apart by their bytes ("!" is the first visible character, "~" the last in ASCII), spaces of all kinds, anything else
FIRST = st.one_of(st.sampled_from(" !~}\t\n\x7f\u00a0\u2003\u3000\u200b\U0001f642"), st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(FIRST, max_size=4) | st.none(), min_size=1, max_size=200))
@example(["", " ", "\u00a0", "\u3000 ", "!", "~", "~x", "\x7f", "\t", " x ", "\u00a0x", "\u200b", None])
def test_a_text_is_kept_as_it_is_unless_it_holds_nothing_but_spaces(texts: list[str | None]):
    """In SQL of DuckDB, where most texts are judged by their first byte alone; a space is what Unicode calls one (Zs)."""
    as_text = Macros(PROJECT / "macros" / "cross_db").as_text("given")
    with duckdb.connect() as memory:
        found = memory.execute(f"select {as_text} from (select unnest(?::varchar[]) as given, unnest(?) as place) order by place",
                               [texts, list(range(len(texts)))]).fetchall()
    assert found == [(text if text and any(unicodedata.category(letter) != "Zs" for letter in text) else None,) for text in texts]
