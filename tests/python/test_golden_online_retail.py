"""Golden numbers of UCI Online Retail 2010-2011 (real; read from ../shared/data, as README's example shows)."""

from datetime import date
from decimal import Decimal

import pytest
from conftest import SHARED_DATA, Built, build
from test_examples import run_map
from test_golden_cdnow import buying_behaviour, check_golden_kpis

SOURCE = SHARED_DATA / "data" / "online_retail" / "online_retail_2010_2011.parquet"


@pytest.fixture(scope="module")
def online_retail(tmp_path_factory) -> Built:
    """One order per invoice, from rows with a positive quantity and price and a customer; as of the newest row."""
    if not SOURCE.exists():
        pytest.skip(f"{SOURCE} is not on this machine")
    raw = tmp_path_factory.mktemp("online_retail")
    assert run_map("online_retail", SOURCE.parent, raw).returncode == 0
    built = build(tmp_path_factory.mktemp("online_retail_home"), "--without-tests", SEGMENTS_RAW=str(raw))
    assert built.code == 0
    return built


def test_online_retail_has_the_published_customers_orders_and_money(online_retail):
    facts = online_retail.rows("select count(distinct customer_key), count(*), sum(net_amount) from marts.orders where is_valid")
    assert facts == [(4338, 18532, Decimal("8911407.90"))]


def test_no_row_of_online_retail_is_rejected_or_lost(online_retail):
    totals = online_retail.rows(
        "select n_rows_in, n_accepted, n_revisions, n_duplicates, n_rejected from audit.control_totals where table_name = 'orders'"
    )
    assert totals == [(18532, 18532, 0, 0, 0)]


def test_every_customer_of_online_retail_is_a_buyer_with_scores_and_a_state(online_retail):
    for mart in ("customer_rfm", "customer_retention", "customer_features"):
        assert online_retail.rows(f"select count(*) from marts.{mart} where as_of = '2011-12-09 12:50:00'") == [(4338,)], mart
    members = online_retail.rows("select count(*) from segments.segment_members where segment_id = 'existing_customer'")
    assert members == [(4338,)]


def test_concentration_and_repeat_rate_of_online_retail_equal_the_golden_file(online_retail):
    check_golden_kpis(buying_behaviour(online_retail, date(2011, 12, 9)), "online_retail_positive_lines_to_2011-12-09")
