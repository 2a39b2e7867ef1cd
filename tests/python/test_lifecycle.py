"""What ends a membership, and what is left then: a small shop (dated_shop.py) evaluated three times, an erasure, and a later date.

Every person's id says what happens to them. Numbers C.. are the adversarial cases of the privacy research.
"""

import csv
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from conftest import Built, command
from dated_shop import ERASED, FIRST, LATER, SECOND, dated_shop, erased_shop, later_shop, people_of
from test_changes import EMAIL, PROFILING, Rows

from segmentation.ask import ask, check, find
from segmentation.export import WITHHELD
from segmentation.home import Home
from segmentation.verify import verify

INTEREST, CART, EXISTING = "category_interest", "cart_abandoner", "existing_customer"


def shop() -> dict[str, list[dict]]:
    """The raw tables. At FIRST three persons have left a cart."""
    rows = Rows("lifecycle ")
    # C39: beside a paid order, orders that are none, and a gift card
    rows.order("buys", "2026-01-10 10:00:00", "100.00")
    rows.order("buys", "2026-01-11 10:00:00", "999.00", number="2", status=" Test ")
    rows.order("buys", "2026-01-12 10:00:00", "888.00", number="3", status="CANCELLED")
    rows.order("only tests", "2026-01-10 10:00:00", "500.00", status="test")
    rows.order("buys a gift card", "2026-01-10 10:00:00", "50.00")
    rows.tables["products"] = [dict(product_id="card", product_category="gift cards")]
    rows.tables["order_lines"] = [dict(order_id="buys a gift card #1", line_number="1", product_id="card", quantity="1", unit_price="50.00")]

    def see(who: str, when: str) -> None:
        rows.event(who, "product_view", when)

    # C44: 30 days since the last view; then only an e-mail is opened, or a product seen again
    for who in ("opens an e-mail", "views again"):
        rows.say(who, PROFILING, "granted")
        rows.say(who, EMAIL, "granted")
        for hour in ("10", "11", "12"):
            see(who, f"2026-02-08 {hour}:00:00")
    rows.event("opens an e-mail", "email_opened", "2026-03-07 12:00:00")
    see("views again", "2026-03-07 12:00:00")
    # ... and a period that no activity extends: it counts from the cart
    rows.say("cart, then views", PROFILING, "granted")
    rows.event("cart, then views", "add_to_cart", "2026-03-06 10:00:00", "80.00")
    see("cart, then views", "2026-03-07 10:00:00")
    # C41, C47: three with a cart; one of them withdraws, and goes on
    for who in ("cart one", "cart two", "withdraws"):
        rows.say(who, PROFILING, "granted")
        rows.event(who, "add_to_cart", "2026-02-27 10:00:00", "80.00")
        rows.event(who, "add_to_cart", "2026-03-06 10:00:00", "80.00")
    rows.order("withdraws", "2026-01-10 10:00:00", "250.00")
    rows.say("withdraws", PROFILING, "withdrawn", "2026-03-03 10:00:00")
    for event in rows.tables["events"]:
        event["product_category"] = "shoes" if event["event_type"] == "product_view" else ""
    return {name: rows for name, rows in rows.tables.items() if rows}


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Built:
    return dated_shop(tmp_path_factory)


@pytest.fixture(scope="module")
def erased(tmp_path_factory) -> Built:
    """A copy of it without whom `withdraws` was."""
    return erased_shop(tmp_path_factory)


def key_of(built: Built, who: str) -> str:
    return built.rows("select customer_key from restricted.vault.customer_keys where identifier = ?", [who])[0][0]


def members(built: Built, segment: str) -> dict[str, str]:
    """Person of this file -> until when the membership of the newest evaluation is kept."""
    rows = built.rows("select identifier, expires_at::varchar from segments.segment_members "
                      "inner join restricted.vault.customer_keys using (customer_key) where segment_id = ?", [segment])
    return {who: until for who, until in rows if who in people_of(shop())}


def recorded(built: Built, segment: str, as_of: str) -> set[str]:
    """Who was a member at a date, by the history."""
    return {who for (who,) in built.rows(
        "select identifier from segments.segment_membership_history inner join restricted.vault.customer_keys using (customer_key) "
        "where segment_id = $1 and valid_from <= $2 and (valid_to > $2 or valid_to is null)", [segment, as_of])}


def test_c39_test_and_cancelled_orders_count_nowhere_and_are_counted_a_gift_card_is_an_order(built: Built):
    assert "only tests" not in members(built, EXISTING) and {"buys", "buys a gift card"} <= set(members(built, EXISTING))
    assert built.rows("select order_count, net_spend from marts.customer_features where customer_key = ?", [key_of(built, "buys")]) == [(1, Decimal(100))]
    # kept, and marked by the declared list of statuses
    orders = built.rows("select identifier, is_valid from marts.orders inner join restricted.vault.customer_keys using (customer_key)")
    assert sorted(is_valid for who, is_valid in orders if who in people_of(shop())) == [False] * 3 + [True] * 3
    # and each kind is a line of its own between our figure and that of the file
    steps = dict(built.rows("select step, n_orders from marts.platform_reconciliation where definition = 'file' and period = 'to_date'"))
    [(n_valid,)] = built.rows("select count(*) from marts.orders where is_valid")
    # test_corrections.py corrects two orders
    assert {step: n for step, n in steps.items() if n} == {
        "our_figure": n_valid, "status_test": 2, "status_cancelled": 1, "revisions": 2, "their_figure": n_valid + 5}


def test_c44_an_opened_e_mail_does_not_extend_a_membership_of_views(built: Built, tmp_path_factory):
    seen = {"views again": "2026-04-06 12:00:00", "cart, then views": "2026-04-06 10:00:00"}
    assert members(built, INTEREST) == seen | {"opens an e-mail": "2026-03-10 12:00:00"}
    assert members(built, CART)["cart, then views"] == "2026-04-05 10:00:00", "reset_on_activity: false"
    later = later_shop(tmp_path_factory)
    assert members(later, INTEREST) == seen
    assert later.rows("select change, reason from audit.segment_change_reasons where as_of = ? and segment_id = ? and customer_key = ?",
                      [LATER, INTEREST, key_of(later, "opens an e-mail")]) == [("left", "retention_expired")]


def test_c41_an_erasure_from_a_segment_of_three_shows_counts_and_whether_they_tie_but_no_sums(built: Built, erased: Built, tmp_path: Path):
    assert recorded(built, CART, FIRST) == {"cart one", "cart two", "withdraws"}
    values = check(find("q14"), {"from": FIRST, "to": LATER})
    answer = ask(Home(erased.folder), find("q14"), values)
    rows = {(str(row[0]), row[1]): row[2:] for row in answer.rows}
    assert rows[FIRST, CART] == (3, 2, 1, 0, True)
    told = [answer, ask(Home(erased.folder), find("q13"), check(find("q13"), {}))]
    assert all(len(one.rows) > 3 for one in told)
    assert [value for one in told for row in one.rows for value in row if isinstance(value, (Decimal, float))] == []
    assert erased.rows("select table_name, column_name from duckdb_columns() where table_name in ('deletion_log', 'deletion_ledger', 'pruned_leaves') "
                       "and (data_type like 'DECIMAL%' or data_type in ('DOUBLE', 'FLOAT'))") == []
    # of so few no sum of money is left, so nobody can subtract what the other two brought; what counts persons stays
    metrics = ("select n_members, n_left, order_count, net_spend, paid_amount, ltv_to_date, is_coarsened from marts.segment_metrics "
               f"where as_of = ? and segment_id = '{CART}' and breakdown = 'total'")
    assert built.rows(metrics, [FIRST]) == [(3, None, 1, Decimal(250), Decimal(250), Decimal("83.3333"), False)]
    assert erased.rows(metrics, [FIRST]) == [(3, None, 1, None, None, None, True)]
    # nor of everybody; a segment that never held who was erased keeps its sums
    assert erased.rows("select distinct segment_id from marts.segment_metrics where as_of = ? and is_coarsened order by 1", [FIRST]) == [
        (segment,) for segment in sorted({"(all)", *(name for (name,) in built.rows(
            "select segment_id from segments.segment_membership_history where list_contains($1, customer_key) and valid_from <= $2 "
            "and (valid_to > $2 or valid_to is null)", [[key_of(built, who) for who in ERASED], FIRST]))})]
    others = "select * exclude (site_net_revenue_in_window, revenue_share_in_window) from marts.segment_metrics where segment_id = ? order by all"
    assert erased.rows(others, [INTEREST]) == built.rows(others, [INTEREST]) != []
    # and what may leave names neither the three nor what is about them
    assert command(erased.folder, "export", "segment_metrics", "--out", str(tmp_path / "out.csv")).code == 0
    with (tmp_path / "out.csv").open(newline="") as file:
        shown = [row for row in csv.DictReader(file) if row["segment_id"] == CART and (row["as_of"], row["breakdown"]) == (FIRST, "total")]
    assert len(shown) == 1 and shown[0]["n_members"] == "" and "n_members" in shown[0][WITHHELD].split(";")
    assert verify(Home(erased.folder)).findings == []


def test_c47_a_withdrawal_ends_what_is_derived_and_an_erasure_deletes_the_rows(built: Built, erased: Built):
    key = key_of(built, "withdraws")
    assert set(members(built, CART)) == {"cart one", "cart two", "cart, then views"}
    assert built.rows("select order_count, abandoned_cart_at from marts.customer_features where customer_key = ?", [key]) == [(1, None)]
    with duckdb.connect(str(built.folder / "published" / "segmentation.duckdb"), read_only=True) as copy:
        count = f"select count(*) from {{}} where customer_key = '{key}' and segment_id = '{CART}'"
        assert copy.execute(count.format("segments.segment_members")).fetchone() == (0,)
    # orders and the record of the membership stay, under the pseudonym
    assert built.rows("select count(*) from marts.orders where customer_key = ?", [key]) == [(1,)]
    assert built.rows("select valid_from::varchar, valid_to::varchar, left_reason from segments.segment_membership_history "
                      "where customer_key = ? and segment_id = ?", [key, CART]) == [(FIRST, SECOND, "permission_ended")]
    # after the erasure nothing does
    assert [table for schema, table in erased.rows("select distinct schema_name, table_name from duckdb_columns() where database_name = 'warehouse' "
                                                   "and column_name = 'customer_key' and schema_name in ('marts', 'segments', 'snapshots', 'audit')")
            if erased.rows(f"select 1 from {schema}.{table} where customer_key = ? limit 1", [key])] == []
    assert erased.rows("select count(*) from restricted.vault.customer_keys where identifier = 'withdraws'") == [(0,)]
