"""Golden numbers of CDNOW, the classic real cohort (PyPI package `lifetimes`, read for its data files only)."""

import csv
import importlib.util
import json
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from conftest import SHARED_DATA, Built, build, copy_home
from test_examples import run_map

from segmentation.dbt_run import environment, run_dbt
from segmentation.home import Home

AS_OF = date(1997, 9, 30)
EXPECTED_KPIS = SHARED_DATA / "expected" / "kpi_expected.json"
EXPECTED_SCORES = SHARED_DATA / "expected" / "rfm_scores_cdnow_1997-09-30.csv"
KPI_NAMES = ("customers", "orders", "revenue", "aov", "revenue_per_customer", "repeat_purchase_rate_orders", "gini_revenue",
             "top10pct_revenue_share", "top20pct_revenue_share")
INGESTED_AT = "2026-01-01 00:00:00"  # any instant after the data


def dataset(name: str) -> Path:
    """A data file of `lifetimes`, found without importing the package (its own requirements are not installed)."""
    found = importlib.util.find_spec("lifetimes")
    if found is None:
        pytest.skip("the package lifetimes (CDNOW data) is not installed")
    return Path(found.origin).parent / "datasets" / name


@pytest.fixture(scope="module")
def days() -> dict[str, dict[date, Decimal]]:
    """What each customer of the sample spent on each day, by the customer's id in the sample (second column)."""
    spent = defaultdict(lambda: defaultdict(Decimal))
    for line in dataset("CDNOW_sample.txt").read_text().splitlines():
        _, customer, day, _, dollars = line.split()
        spent[customer][datetime.strptime(day, "%Y%m%d").date()] += Decimal(dollars)
    return spent


@pytest.fixture(scope="module")
def sample(days, tmp_path_factory) -> Built:
    """The sample as a shop: one order per customer and day, evaluated at the end of the calibration period."""
    raw = tmp_path_factory.mktemp("cdnow_sample")
    with open(raw / "orders.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["order_id", "ordered_at", "gross_amount", "customer_id", "currency"])
        for customer, orders in days.items():
            writer.writerows([f"{customer}|{day}", day, dollars, customer, "USD"] for day, dollars in orders.items())
    home = tmp_path_factory.mktemp("cdnow_sample_home")
    built = build(home, "--without-tests", SEGMENTS_RAW=str(raw), AS_OF=f"{AS_OF} 00:00:00", INGESTED_AT=INGESTED_AT)
    assert built.code == 0
    return built


@pytest.fixture(scope="module")
def scores(sample) -> dict[str, tuple]:
    """customer id: recency_days, frequency, monetary, r_score, f_score, m_score, as the project has them."""
    rows = sample.rows(
        """
        select identifier, recency_days, frequency, monetary, r_score, f_score, m_score
        from marts.customer_rfm inner join restricted.vault.customer_keys using (customer_key)
        where identifier_type = 'customer_id'
        """
    )
    return {customer: tuple(values) for customer, *values in rows}


def rank_scores(values: dict[str, object]) -> dict[str, int]:
    """DESIGN 5: 1 + 5 * (rank - 1) // count, equal values alike, better is larger."""
    ordered = sorted(values.values())
    rank = {}
    for position, value in enumerate(ordered):
        rank.setdefault(value, position)
    return {key: 1 + 5 * rank[value] // len(ordered) for key, value in values.items()}


def test_the_sample_falls_into_the_retention_spectrum_as_published(sample):
    states = dict(sample.rows("select retention_state, count(*) from marts.customer_retention group by all"))
    assert states == {"active": 175, "drifting": 236, "churn_risk": 310, "lost": 1636}


def test_rfm_of_every_customer_equals_a_computation_in_plain_python(days, scores):
    seen = {customer: {day: spent for day, spent in orders.items() if day <= AS_OF} for customer, orders in days.items()}
    recency = {customer: (AS_OF - max(orders)).days for customer, orders in seen.items()}
    frequency = {customer: len(orders) for customer, orders in seen.items()}
    monetary = {customer: sum(orders.values()) for customer, orders in seen.items()}
    r = rank_scores({customer: -value for customer, value in recency.items()})
    f, m = rank_scores(frequency), rank_scores(monetary)

    assert len(scores) == 2357
    assert scores == {c: (recency[c], frequency[c], monetary[c], r[c], f[c], m[c]) for c in seen}


def test_rfm_of_every_customer_equals_the_golden_file(scores):
    """File ../shared/expected/rfm_scores_cdnow_1997-09-30.csv, exact; its customer ids have no leading zeros."""
    if not EXPECTED_SCORES.exists():
        pytest.skip(f"{EXPECTED_SCORES} is not on this machine; the computation in plain Python is compared anyway")
    with open(EXPECTED_SCORES, newline="") as file:
        expected = {
            row["customer_id"]: (
                int(row["recency_days"]), int(row["frequency"]), Decimal(row["monetary"]),
                int(row["r_score"]), int(row["f_score"]), int(row["m_score"]),
            )
            for row in csv.DictReader(file)
        }
    assert len(expected) == 2357
    assert {customer.lstrip("0"): values for customer, values in scores.items()} == expected


def test_the_thresholds_of_the_evaluation_tell_which_values_got_which_score(sample, scores):
    written = sample.rows("select score, lowest_value, highest_value, n_customers from marts.rfm_thresholds where metric = 'monetary'")
    by_score = defaultdict(list)
    for _, _, monetary, _, _, m_score in scores.values():
        by_score[m_score].append(monetary)
    assert sorted(written) == [(score, min(v), max(v), len(v)) for score, v in sorted(by_score.items())]


@pytest.fixture(scope="module")
def master(tmp_path_factory) -> Built:
    """All of CDNOW through Parquet, a row an order. 215 groups of rows are equal, so the row's number is the order id."""
    raw = tmp_path_factory.mktemp("cdnow_master")
    assert run_map("cdnow", dataset("CDNOW_master.txt").parent, raw).returncode == 0
    home = tmp_path_factory.mktemp("cdnow_master_home")
    built = build(home, "--without-tests", SEGMENTS_RAW=str(raw), AS_OF="1998-06-30 00:00:00", INGESTED_AT=INGESTED_AT)
    assert built.code == 0
    return built


def test_every_row_of_the_master_file_becomes_an_order(master):
    totals = master.rows(
        "select n_rows_in, n_accepted, n_revisions, n_duplicates, n_rejected from audit.control_totals where table_name = 'orders'"
    )
    assert totals == [(69659, 69659, 0, 0, 0)]


def test_the_master_file_has_the_published_customers_and_money(master):
    assert master.rows("select count(*) from marts.customers where first_order_at is not null") == [(23570,)]
    assert master.rows("select count(*), sum(net_amount) from marts.orders where is_valid") == [(69659, Decimal("2500315.63"))]
    assert master.rows("select count(*), sum(net_spend) from marts.customer_orders") == [(23570, Decimal("2500315.63"))]


def gap_quantiles(days: dict[str, dict[date, Decimal]], end: date, horizon: int) -> tuple[int, list[int]]:
    """Number and quantiles (50, 80, 95 percent) of gaps between order days before `end`.

    With a horizon (days), of gaps that start at least so many days before `end` and last no longer than that.
    """
    gaps = []
    for orders in days.values():
        dates = sorted(day for day in orders if day < end)
        gaps += [(after - before).days for before, after in zip(dates, dates[1:])
                 if not horizon or (before <= end - timedelta(days=horizon) and (after - before).days <= horizon)]
    gaps.sort()
    return len(gaps), [gaps[-(-len(gaps) * percent // 100) - 1] for percent in (50, 80, 95)]


def test_the_gaps_of_this_file_are_the_published_ones(days):
    """retention_thresholds.csv: all gaps until 30 September 1997, biased short because long ones had no time to end."""
    path = SHARED_DATA / "expected" / "retention_thresholds.csv"
    if not path.exists():
        pytest.skip("the expected thresholds are not here")
    with open(path, newline="") as file:
        published = {(row["dataset"], row["quantiles"]): row["all_gaps"] for row in csv.DictReader(file)}
    _, found = gap_quantiles(days, AS_OF + timedelta(days=1), horizon=0)
    assert "/".join(map(str, found)) == published["cdnow", "0.5/0.8/0.95"] == "27/77/164"


def evaluated_later(sample: Built, place: Path, day: str, *selection: str, folder: str = "") -> Built:
    """A copy of the sample's home in which some models have been run as of a later day. Other vars need a folder for dbt's parsed project."""
    built = Built(copy_home(sample.folder, place / "home"), 0)
    # as a build sets them: otherwise dbt would parse the project anew
    with environment(dict(SEGMENTS_RAW="given", SEGMENTS_TARGET="duckdb", AS_OF=f"{day} 00:00:00", INGESTED_AT=INGESTED_AT)):
        run_dbt(["run", "--select", *selection], Home(built.folder), folder=folder)
    return built


def state_after(silence: int, limits: dict[str, int]) -> str:
    """The retention state after so many days without an order."""
    return next((name for name, limit in limits.items() if silence <= limit), "lost")


def test_calibrated_thresholds_are_quantiles_of_gaps_that_had_a_year_to_end(days, sample, tmp_path):
    """At 30 June 1998 those of the quarter hold, estimated as of 1 April; states and next transitions follow them."""
    built = evaluated_later(sample, tmp_path, "1998-06-30", "evaluation_clock", "+customers", "customer_orders", "orders",
                            "retention_thresholds", "customer_retention", "--vars", "{retention_mode: calibrated}", folder="calibrated")
    n_gaps, (active, drifting, churn_risk) = gap_quantiles(days, date(1998, 4, 1), horizon=365)
    assert n_gaps >= 200 and active < drifting < churn_risk and (active, drifting, churn_risk) != (30, 90, 180)
    assert built.rows("select * exclude (as_of) from marts.retention_thresholds where as_of = '1998-06-30'") == [
        (active, drifting, churn_risk, "calibrated", datetime(1998, 4, 1), n_gaps)]
    limits = dict(active=active, drifting=drifting, churn_risk=churn_risk)
    for state, silence, last_day, then in built.rows(
        """
        select retention_state, customer_retention.days_since_last_order, last_order_at::date, next_transition_at
        from marts.customer_retention inner join marts.customer_orders using (as_of, customer_key)
        """
    ):
        assert state == state_after(silence, limits)
        assert then == (None if state == "lost" else datetime.combine(last_day, datetime.min.time()) + timedelta(days=limits[state] + 1))


@pytest.fixture(scope="module")
def later(sample, tmp_path_factory) -> dict[str, Built]:
    """Copies of the sample's home with a second evaluation, by its date."""
    selections = {"1997-12-31": ["+retention_transitions"], "1998-06-30": ["+retention_transitions", "+buying_behaviour"]}
    return {day: evaluated_later(sample, tmp_path_factory.mktemp("cdnow_later"), day, *models) for day, models in selections.items()}


def buying_behaviour(built: Built, as_of: date) -> tuple:
    """The concentration and repeat rates of the evaluation on a day, in the order of KPI_NAMES; last who could repeat and who did."""
    [row] = built.rows(
        """
        select n_buyers, order_count, net_spend, average_order_value, ltv_to_date, repeat_purchase_rate, gini_coefficient,
            top_10_percent_revenue_share, top_20_percent_revenue_share, n_repeat_eligible_90d, n_repeaters_90d
        from marts.buying_behaviour where as_of::date = ?
        """, [as_of])
    return row


def check_golden_kpis(row: tuple, entry: str) -> None:
    """File ../shared/expected/kpi_expected.json: counts and money exact, ratios to half of our fourth decimal."""
    if not EXPECTED_KPIS.exists():
        pytest.skip(f"{EXPECTED_KPIS} is not on this machine")
    expected = json.loads(EXPECTED_KPIS.read_text())[entry]
    assert row[:2] == (expected["customers"], expected["orders"]) and float(row[2]) == expected["revenue"]
    assert [float(value) for value in row[3:9]] == pytest.approx([expected[name] for name in KPI_NAMES[3:]], abs=5e-5)
    assert row[9:] == (expected["repeat_90d"]["eligible"], expected["repeat_90d"]["repeaters"])


@pytest.mark.parametrize(("as_of", "entry"), [
    (AS_OF, "cdnow_to_1997-09-30"), (date(1998, 6, 30), "cdnow_full_to_1998-06-30")], ids=["1997-09-30", "1998-06-30"])
def test_concentration_and_repeat_rate_of_the_sample_equal_the_golden_file_and_plain_python(days, sample, later, as_of, entry):
    """Of the sample, one order per customer and day, at the end of its calibration and of its data."""
    seen = {customer: {day: spent for day, spent in orders.items() if day <= as_of} for customer, orders in days.items()}
    spends = sorted(sum(orders.values()) for orders in seen.values())
    n, total = len(spends), sum(spends)
    firsts = {customer: sorted(orders)[:2] for customer, orders in seen.items()}
    eligible = [dates for dates in firsts.values() if (as_of - dates[0]).days >= 90]
    repeaters = [dates for dates in eligible if len(dates) == 2 and (dates[1] - dates[0]).days <= 90]
    computed = {
        "customers": n, "orders": sum(len(orders) for orders in seen.values()), "revenue": total,
        "aov": total / sum(len(orders) for orders in seen.values()), "revenue_per_customer": total / n,
        "repeat_purchase_rate_orders": sum(len(orders) > 1 for orders in seen.values()) / Decimal(n),
        "gini_revenue": sum((2 * i - n - 1) * x for i, x in enumerate(spends, start=1)) / (n * total),
        "top10pct_revenue_share": sum(spends[-(n * 10 // 100 + 1):]) / total,
        "top20pct_revenue_share": sum(spends[-(n * 20 // 100 + 1):]) / total,
    }
    row = buying_behaviour(sample if as_of == AS_OF else later[str(as_of)], as_of)
    assert row[:3] == (computed["customers"], computed["orders"], computed["revenue"])
    assert row[3:9] == tuple(round(Decimal(computed[name]), 4) for name in KPI_NAMES[3:])
    assert row[9:] == (len(eligible), len(repeaters))
    check_golden_kpis(row, entry)


@pytest.mark.parametrize("to_date", ["1997-12-31", "1998-06-30"])
def test_the_moves_between_two_dates_equal_the_golden_file_and_plain_python(days, later, to_date):
    """File ../shared/expected/cdnow_migration_30_90_180.csv: the sample's moves from 30 September 1997, with the fixed thresholds."""
    found = later[to_date].rows(
        """
        select previous_as_of::date::varchar, as_of::date::varchar, from_state, to_state, customers, share_of_from_state
        from marts.retention_transitions order by all
        """
    )

    def state(orders: dict[date, Decimal], day: date) -> str:
        silence = (day - max(bought for bought in orders if bought <= day)).days
        return state_after(silence, {"active": 30, "drifting": 90, "churn_risk": 180})

    moves = Counter((state(orders, AS_OF), state(orders, date.fromisoformat(to_date))) for orders in days.values())
    assert [row[:5] for row in found] == [(str(AS_OF), to_date, *move, n) for move, n in sorted(moves.items())]
    path = SHARED_DATA / "expected" / "cdnow_migration_30_90_180.csv"
    if not path.exists():
        pytest.skip(f"{path} is not on this machine; the computation in plain Python was compared")
    with open(path, newline="") as file:
        expected = [row for row in csv.DictReader(file) if (row["from_date"], row["to_date"]) == (str(AS_OF), to_date)]
    assert found == [(*list(row.values())[:4], int(row["customers"]), round(Decimal(row["row_share"]), 4)) for row in expected]
