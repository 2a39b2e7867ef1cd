"""The public data sets that examples/ maps to the input contract, built: what each header promises, and nothing lost on the way.

They are read from ../shared/data (CDNOW and Online Retail: test_golden_cdnow.py, test_golden_online_retail.py).
"""

import subprocess
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from conftest import SHARED_DATA, Built, build

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FOLDERS = {"complete_journey": "complete_journey", "rees46": "events", "store_clickstream": "events"}
INGESTED_AT = "2026-01-01 00:00:00"  # any instant after the data


def run_map(*arguments: str | Path) -> subprocess.CompletedProcess:
    """The command as README has it."""
    return subprocess.run([sys.executable, EXAMPLES / "map.py", *arguments], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """shop(name): the built example; with assumed=True, with the grants that its mapping assumes. Each is built once."""
    built: dict[tuple, Built] = {}

    def get(name: str, assumed: bool = False) -> Built:
        source = SHARED_DATA / "data" / FOLDERS[name]
        if not source.exists():
            pytest.skip(f"{source} is not on this machine")
        if (name, assumed) not in built:
            raw = tmp_path_factory.mktemp(name)
            mapped = run_map(name, source, raw, *(["--assume-consent"] if assumed else []))
            assert mapped.returncode == 0, mapped.stderr
            built[name, assumed] = build(tmp_path_factory.mktemp(f"{name}_home"), "--without-tests", SEGMENTS_RAW=str(raw),
                                         INGESTED_AT=INGESTED_AT)
            assert built[name, assumed].code == 0
        return built[name, assumed]

    return get


def totals(built: Built) -> dict[str, tuple]:
    """Table: rows in, accepted, duplicates, of every table with rows; nothing else may have happened to one."""
    rows = built.rows("select table_name, n_rows_in, n_accepted, n_duplicates, n_revisions, n_rejected from audit.control_totals")
    assert {row[0]: row[4:] for row in rows if row[4:] != (0, 0)} == {}
    return {row[0]: row[1:4] for row in rows if row[1]}


def orders(built: Built) -> tuple:
    """Customers, orders, gross and net."""
    [row] = built.rows("select count(distinct customer_key), count(*), sum(gross_amount), sum(net_amount) from marts.orders where is_valid")
    return row


def test_complete_journey_comes_through(shop):
    built = shop("complete_journey")
    assert totals(built) == {
        "orders": (38318, 38318, 0), "order_lines": (379373, 379373, 0), "products": (92331, 92331, 0), "customers": (617, 617, 0),
        "scheduled_sends": (1703, 1703, 0), "events": (520, 520, 0),
    }
    assert orders(built) == (617, 38318, Decimal("1379017.79"), Decimal("1177744.69"))
    assert built.rows("select as_of from marts.evaluation_clock") == [(datetime(2018, 1, 1, 3, 47, 38),)]


def test_the_lines_of_complete_journey_are_its_orders(shop):
    """Line by line the money of each basket, so that the top category rests on all of it."""
    assert shop("complete_journey").rows(
        """
        select count(*) from restricted.intermediate.int_orders as orders
        inner join (
            select order_id, sum(quantity * unit_price) as gross, sum(discount_amount) as discount
            from restricted.intermediate.int_order_lines group by order_id
        ) as lines using (order_id)
        where orders.gross_amount = lines.gross and orders.discount_amount = lines.discount
        """
    ) == [(38318,)]


@pytest.mark.parametrize("name, expected", [
    ("rees46", {"orders": (200, 200, 0), "order_lines": (214, 214, 0), "events": (17434, 17429, 5)}),
    ("store_clickstream", {"orders": (227, 227, 0), "events": (15547, 15531, 16)}),
])
def test_events_without_consent_are_counted_and_feed_no_feature(shop, name, expected):
    built = shop(name)
    assert expected.items() <= totals(built).items() and "consents" not in totals(built)
    assert built.rows("select count(session_count_30d), count(product_view_count_30d) from marts.customer_features") == [(0, 0)]
    assert built.rows("select count(*) from segments.segment_members where lawful_basis = 'consent'") == [(0,)]


def test_money_and_people_of_rees46(shop):
    assert orders(shop("rees46")) == (193, 200, Decimal("59442.63"), Decimal("59442.63"))


def test_purchases_without_a_value_count_and_are_worth_nothing(shop):
    built = shop("store_clickstream")
    assert orders(built) == (159, 227, Decimal(0), Decimal(0))
    assert built.rows("select count(*) from segments.segment_members where segment_id in ('vip', 'high_lifetime_value')") == [(0,)]


def test_assumed_consent_shows_behaviour_and_says_that_it_is_an_assumption(shop):
    built = shop("rees46", assumed=True)
    assert totals(built)["consents"] == (4504, 4504, 0)
    assert built.rows("select distinct source from restricted.intermediate.int_consents") == [("assumption of the example",)]
    [(people, views)] = built.rows("select count(product_view_count_30d), sum(product_view_count_30d) from marts.customer_features")
    assert (people, views) == (4504, 17051)  # 17,055 views, of which 4 are copies
    with duckdb.connect() as connection:  # carts an hour old without an order since, straight from the source
        [(carts,)] = connection.execute(
            f"""
            with acts as (
                select *, strptime(event_time, '%Y-%m-%d %H:%M:%S UTC') as acted_at
                from '{SHARED_DATA}/data/events/rees46*.parquet'
            ),
            carts as (
                select user_id, max(acted_at) as filled_at from acts
                where event_type = 'cart' and acted_at <= (select max(acted_at) from acts) - interval 1 hour
                group by user_id
            ),
            sold as (
                select user_id, min(acted_at) as sold_at from acts where event_type = 'purchase' group by user_id, user_session
            )
            select count(*) from carts
            where not exists (select 1 from sold where sold.user_id = carts.user_id and sold.sold_at >= carts.filled_at)
            """
        ).fetchall()
    assert built.rows("select count(abandoned_cart_at) from marts.customer_features") == [(carts,)]


def test_a_missing_file_is_named_in_one_line(tmp_path: Path):
    done = run_map("rees46", tmp_path, tmp_path / "raw")
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "rees46*.parquet" in done.stderr


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.sql")), ids=lambda path: path.stem)
def test_every_mapping_says_where_its_data_comes_from_and_what_is_lost(path: Path):
    header = path.read_text().split("\n\n")[0]
    for word in ("Origin", "Licence", "Files", "Lost", "Expected"):
        assert word in header, word
    assert f"`{path.stem}`" in (EXAMPLES.parent / "README.md").read_text()
