"""Golden rows of the nine segments by value and retention (DESIGN 5 and 7): buyers just below, at and just above each line.

25 profiled buyers with 75 valid orders worth 5,700.00, so the site average is exactly 76.00; the median of their first
orders is 60.00. By frequency they score 1 (one order), 2 (two), 4 (four) and 5 (six); the five who spent 600.00 score 5.
"""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from conftest import Built

TODAY = date(2026, 3, 31)
# (number of orders, amount of each, days since the last): the segments expected
BUYERS = {
    # champions: best fifth by orders and by money; active until day 30, drifting until 90, churn_risk until 180
    (6, "100.00", 30): "champions",
    (6, "100.00", 90): "champions drifting",
    (6, "100.00", 91): "churn_risk",
    (6, "100.00", 180): "churn_risk",
    (6, "100.00", 181): "lost_customers",
    # loyalists: score 4 by orders alone
    (4, "20.00", 30): "loyalists",
    (4, "20.00", 31): "drifting loyalists",
    (4, "20.00", 90): "drifting loyalists",
    (4, "20.00", 91): "churn_risk",
    (4, "20.00", 181): "lost_customers",
    # big_spenders: two orders or more, on average above the site's 76.00
    (2, "76.01", 5): "big_spenders",
    (2, "150.00", 31): "big_spenders drifting",
    (2, "150.00", 91): "churn_risk",
    (2, "150.00", 181): "lost_customers",
    (2, "223.99", 200): "lost_customers",
    # promising: two orders, not above the average
    (2, "76.00", 10): "promising",
    (2, "50.00", 31): "drifting promising",
    (2, "50.00", 90): "drifting promising",
    (2, "50.00", 91): "churn_risk",
    (2, "50.00", 181): "lost_customers",
    # new_customers: one order above the median first order of 60.00; low_value stays what it is in every state
    (1, "60.01", 30): "new_customers",
    (1, "60.00", 5): "low_value",
    (1, "48.00", 60): "low_value",
    (1, "40.00", 100): "low_value",
    (1, "39.99", 300): "low_value",
}
SEGMENTS = (
    "big_spenders", "champions", "churn_risk", "drifting", "lost_customers", "low_value", "loyalists", "new_customers", "promising",
)


# and somebody who objects: more orders and money than anybody, yet in no rank and no segment
TABLES = {
    "orders": [
        {"order_id": f"{name} #{number}", "customer_id": name, "gross_amount": amount, "status": "paid", "currency": "EUR",
         "ordered_at": f"{TODAY - timedelta(days=days + 5 * number)} 10:00:00"}
        for (count, amount, days), name in [*((case, " ".join(map(str, case))) for case in BUYERS), ((9, "999.00", 3), "objects")]
        for number in range(count)],
    "consents": [{
        "consent_event_id": "k", "customer_id": "objects", "purpose": "marketing.advertising.profiling", "status": "objected",
        "effective_at": "2026-03-30 10:00:00", "recorded_at": "2026-03-30 10:00:00"}],
}


@pytest.fixture(scope="module")
def shop(march_shop: Built) -> Built:
    """The golden shop, built at noon of TODAY; visitors of test_events_meaning.py come there too, and buy nothing."""
    return march_shop


def test_the_golden_shop_is_what_its_description_says(shop):
    assert shop.rows("select buyer_count, order_count, net_spend, median_first_order from marts.site_averages") == [
        (25, 75, Decimal("5700.00"), Decimal("60.0000"))]


@pytest.mark.parametrize("segment", SEGMENTS)
def test_members_are_exactly_the_golden_rows(shop, segment):
    found = {name for (name,) in shop.rows(
        """
        select identifier from segments.segment_members inner join restricted.vault.customer_keys using (customer_key)
        where segment_id = ?
        """, [segment])}
    assert found == {" ".join(map(str, case)) for case, segments in BUYERS.items() if segment in segments.split()}


def test_a_segment_by_value_is_the_value_group_of_its_members(shop):
    """The rules ask value_group in its two parts; what they find must be what customer_rfm calls it."""
    names = {"lost": "lost_customers"}
    by_group = {(names.get(group, group), key) for group, key in shop.rows(
        "select value_group, customer_key from marts.customer_rfm where value_group != 'at_risk'")}
    by_segment = set(shop.rows(
        "select segment_id, customer_key from segments.segment_members where segment_id = any(?)",
        [[name for name in SEGMENTS if name not in ("drifting", "churn_risk")]]))
    assert by_segment == by_group
