"""What an erasure leaves of the sums of past evaluations: nothing that others' rows could be subtracted from."""

import csv
import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import psycopg2
import pytest
from compiled import OF_THE_ROWS
from conftest import Built, command, copy_home, going_on
from erasable_shop import write_request
from hypothesis import example, given, settings
from hypothesis import strategies as st
from postgres_server import running_server

from segmentation.coarse_sums import (
    CONCENTRATION, IN_WINDOW, MARKED, REPORT, TIERS, TO_DATE, K, check_marts, coarsen_sums, rounded, statements, unit,
)
from segmentation.errors import UserError
from segmentation.home import Home, duckdb_settings

CENT = Decimal("0.01")


def expected_unit(total: Decimal, persons: int) -> Decimal:
    """The smallest power of ten, from a hundredth on, of at least K times the mean."""
    power = CENT
    while power * persons < K * total:
        power *= 10
    return power


def nearest(total: Decimal, power: Decimal) -> Decimal:
    """Half up: sums are not negative."""
    return (total / power + Decimal("0.5")) // 1 * power


class PlannedOnce:
    """A connection in which each statement is planned once, for whatever rows the tables hold when it runs."""

    def __init__(self, connection: duckdb.DuckDBPyConnection):
        self.connection = connection
        self.names: dict[str, str] = {}
        connection.execute(f"set disabled_optimizers = '{OF_THE_ROWS}'")

    def execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        if sql not in self.names:
            self.names[sql] = f"planned_{len(self.names)}"
            self.connection.execute(f"prepare {self.names[sql]} as {sql}")
        return self.connection.execute(f"execute {self.names[sql]}")


@pytest.fixture(scope="module")
def coarse() -> Callable[[Decimal, int], tuple]:
    """coarse(total, persons): the sum as rounded, and its unit. Planned once, which takes most of the time."""
    connection = duckdb.connect(config=duckdb_settings())
    connection.execute("create table given as select 0::decimal(18, 2) as total, 0::bigint as persons")
    planned = PlannedOnce(connection)

    def told(total: Decimal, persons: int) -> tuple:
        connection.execute("update given set total = ?, persons = ?", [total, persons])
        return planned.execute(f"select {rounded('total', 'persons', [('total', 'persons')])}, {unit([('total', 'persons')])} from given").fetchone()

    return told


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(total=st.decimals(0, Decimal("999999999999999.99"), places=2), persons=st.integers(0, 10**9))
@example(total=Decimal("1000.00"), persons=100).via("exactly the unit")
@example(total=Decimal("1000.01"), persons=100).via("one cent above it")
@example(total=Decimal("0.00"), persons=10).via("nothing")
@example(total=Decimal("960.00"), persons=10).via("just enough persons")
@example(total=Decimal("960.00"), persons=9).via("one too few")
@example(total=Decimal("250.00"), persons=50).via("half of a unit")
def test_a_sum_is_rounded_to_a_power_of_ten_of_at_least_ten_times_the_mean(coarse, total, persons):
    found = coarse(total, persons)
    if persons < K:
        assert found == (None, None)
        return
    power = expected_unit(total, persons)
    assert found == (nearest(total, power), power)
    assert power * persons >= K * total and abs(found[0] - total) * 2 <= power


def test_one_person_of_average_is_hidden_among_ten(coarse):
    """Whoever knows all others to the cent: ten persons of the mean make one step, so any of a wide range explains the coarse sum."""
    others, persons = Decimal("9000.00"), 100
    told = set()
    for own in range(0, 200):  # up to twice the mean
        told.add(coarse(others + own, persons)[0])
    assert told == {Decimal(9000)}


# --- the demo's twelve Mondays, and somebody erased who was in many segments


KEYS = {
    "segment_metrics": ("as_of", "segment_id", "breakdown", "breakdown_value"),
    "segment_conversions": ("as_of", "segment_id", "dimension", "dimension_value"),
    "buying_behaviour": ("as_of",),
}
DERIVED = {
    "segment_metrics": {"average_order_value", "ltv_to_date", "return_rate", "average_order_value_in_window", "return_rate_in_window",
                        "revenue_share_in_window"},
    "segment_conversions": {"average_order_value_in_window", "revenue_share_of_segment"},
    "buying_behaviour": {"average_order_value", "ltv_to_date", *(f"{tier}_revenue_share" for tier in TIERS)},
}


def marts_of(built: Built) -> dict[str, dict[tuple, dict]]:
    """The three marts: table -> key -> row."""
    found = {}
    for table, key in KEYS.items():
        columns = [name for (name,) in built.rows(
            f"select column_name from duckdb_columns() where schema_name = 'marts' and table_name = '{table}' order by column_index")]
        rows = [dict(zip(columns, row, strict=True)) for row in built.rows(f"select {', '.join(columns)} from marts.{table}")]
        found[table] = {tuple(row[name] for name in key): row for row in rows}
    return found


def erase(home: Path, customer_id: str, request_id: str) -> None:
    request = write_request(home.with_name(f"{request_id}.json"), ("controller_customer_id", customer_id),
                            request_id=f"a7551968-d5d6-44b2-9831-{request_id}", submitted_time="2026-03-31T10:00:00Z")
    assert command(home, "erase", "--request", str(request)).code == 0


def intervals_of(built: Built, customer_id: str) -> tuple[str, list[tuple]]:
    """customer_key and memberships of a customer."""
    [(key,)] = built.rows("select customer_key from restricted.vault.customer_keys where identifier_type = 'customer_id' and identifier = ?", [customer_id])
    return key, built.rows("select segment_id, valid_from, valid_to from segments.segment_membership_history where customer_key = ?", [key])


def most_often(weeks: Built) -> str:
    """Who has entered and left most often: in many evaluations and out of others."""
    return weeks.rows("""
        select identifier from segments.segment_membership_history inner join restricted.vault.customer_keys using (customer_key)
        where identifier_type = 'customer_id' group by identifier order by count(*) desc, identifier limit 1
    """)[0][0]


def most_widely(built: Built) -> str:
    """Who has been in most segments."""
    return built.rows("""
        select identifier from segments.segment_membership_history inner join restricted.vault.customer_keys using (customer_key)
        where identifier_type = 'customer_id' group by identifier order by count(distinct segment_id) desc, identifier limit 1
    """)[0][0]


def erased_once(tmp_path_factory, weeks: Built) -> Built:
    """The Mondays without one person."""
    return going_on(tmp_path_factory, "weeks without one", weeks, lambda home: erase(home, most_often(weeks), "815ac9017798"))


def erased_twice(tmp_path_factory, weeks: Built) -> Built:
    """The same without another one; they go on in `weeks_in_april`."""
    once = erased_once(tmp_path_factory, weeks)
    return going_on(tmp_path_factory, "weeks without two", once, lambda home: erase(home, most_widely(once), "815ac9017799"))


@pytest.fixture(scope="module")
def member(weeks: Built) -> str:
    return most_often(weeks)


@pytest.fixture(scope="module")
def erased(weeks: Built, tmp_path_factory) -> Built:
    return erased_once(tmp_path_factory, weeks)


def test_an_erasure_coarsens_the_sums_of_each_evaluation_and_segment_that_counted_the_person(weeks: Built, erased: Built, member: str):
    before, after = marts_of(weeks), marts_of(erased)
    key, intervals = intervals_of(weeks, member)
    [(first_seen_at,)] = weeks.rows("select first_seen_at from marts.customers where customer_key = ?", [key])

    def held(segment: str, instant) -> bool:
        return any(name == segment and start <= instant and (end is None or end > instant) for name, start, end in intervals)

    def counts(row: dict, instants: tuple[str, ...]) -> bool:
        if row.get("segment_id", "(all)") == "(all)":
            return first_seen_at <= row["as_of"]
        return any(held(row["segment_id"], row[instant]) for instant in instants)

    metrics = before["segment_metrics"]
    windows = {key[:2]: row["window_from"] for key, row in metrics.items()}
    seen = {"coarse": 0, "withheld": 0, "exact": 0}
    for table, rows in before.items():
        assert set(after[table]) == set(rows)
        for key, row in rows.items():
            now = after[table][key]
            touched = counts(row | {"window_from": windows.get(key[:2])}, ("window_from",) if table == "segment_conversions" else ("as_of", "window_from"))
            assert now["is_coarsened"] == touched
            sums = {"segment_metrics": [TO_DATE, IN_WINDOW], "buying_behaviour": [REPORT]}.get(table, [[("net_revenue_in_window", "n_converted")]])
            changing = {name for group in sums for name, _ in group} | DERIVED[table] | {
                "is_coarsened", "rounded_to", "rounded_to_in_window", "site_net_revenue_in_window", *CONCENTRATION}
            assert {name: value for name, value in now.items() if name not in changing} == {
                name: value for name, value in row.items() if name not in changing}
            if not touched:
                assert {name for name in row if row[name] != now[name]} <= {"site_net_revenue_in_window", "revenue_share_in_window"}
                seen["exact"] += 1
                continue
            for group in sums:
                powers = [expected_unit(row[name], row[persons]) for name, persons in group if row[name] is not None]
                for name, persons in group:
                    if row[name] is None or row[persons] < K:
                        assert now[name] is None
                        seen["withheld"] += 1
                    else:
                        assert now[name] == nearest(row[name], max(powers))
                        seen["coarse"] += 1
            for name in set(CONCENTRATION) & set(row):
                share = next((power for power in (Decimal(1) / 10**digits for digits in (4, 3, 2, 1)) if row["n_buyers"] * power >= K), None)
                assert now[name] == (None if share is None else nearest(row[name], share))
    assert min(seen.values()) > 50, seen
    # what all segments of a date are divided by is coarse in each row of it, or exact in each
    for as_of in {key[0] for key in metrics}:
        everybody = metrics[as_of, "(all)", "total", "(all)"]
        exact = {row["site_net_revenue_in_window"] for key, row in metrics.items() if key[0] == as_of}
        [coarse] = {row["site_net_revenue_in_window"] for key, row in after["segment_metrics"].items() if key[0] == as_of}
        power = max(expected_unit(everybody[name], everybody["n_members"]) for name, _ in TO_DATE)
        assert len(exact) == 1 and coarse == (nearest(*exact, power) if first_seen_at <= as_of else exact.pop())


def test_what_is_derived_follows_from_the_coarse_sums_alone(erased: Built):
    """Else a mean times its count would be the sum again."""
    for table, quotients in {
        "segment_metrics": {
            "average_order_value": ("net_spend", "order_count"), "ltv_to_date": ("net_spend", "n_members"), "return_rate": ("refunded_amount", "paid_amount"),
            "average_order_value_in_window": ("net_revenue_in_window", "order_count_in_window"),
            "return_rate_in_window": ("refunded_in_window", "paid_in_window"),
            "revenue_share_in_window": ("net_revenue_in_window", "site_net_revenue_in_window")},
        "segment_conversions": {"average_order_value_in_window": ("net_revenue_in_window", "order_count_in_window")},
        "buying_behaviour": {"average_order_value": ("net_spend", "order_count"), "ltv_to_date": ("net_spend", "n_buyers"),
                             **{f"{tier}_revenue_share": (f"net_spend_{tier}", "net_spend") for tier in TIERS}},
    }.items():
        assert set(quotients) >= DERIVED[table] - {"revenue_share_of_segment"}
        for row in marts_of(erased)[table].values():
            for name, (numerator, denominator) in quotients.items():
                if not row["is_coarsened"]:
                    continue
                if row[numerator] is None or not row[denominator]:
                    assert row[name] is None
                else:
                    assert abs(row[name] - Decimal(row[numerator]) / row[denominator]) <= Decimal("0.00005")
    shares = erased.rows("""
        select conversions.revenue_share_of_segment - round(conversions.net_revenue_in_window / metrics.net_revenue_in_window, 4)
        from marts.segment_conversions as conversions inner join marts.segment_metrics as metrics using (as_of, segment_id)
        where conversions.is_coarsened and breakdown = 'total' and metrics.net_revenue_in_window > 0 and conversions.net_revenue_in_window is not null
    """)
    assert len(shares) > 10 and all(abs(share) <= Decimal("0.0001") for (share,) in shares)


def test_a_second_erasure_leaves_what_is_coarse_and_a_build_brings_no_fine_sum_back(
    weeks: Built, erased: Built, member: str, weeks_in_april: Built, tmp_path_factory,
):
    first, second = marts_of(erased), marts_of(erased_twice(tmp_path_factory, weeks))
    assert most_widely(erased) != member
    newly = 0
    for table, rows in first.items():
        for key, row in rows.items():
            now = second[table][key]
            if row["is_coarsened"]:
                assert now == row
            newly += now["is_coarsened"] and not row["is_coarsened"]
    assert newly > 10
    # the newest date again without them, and a later one: what was recorded before stays, and the invariants of a build hold
    later = marts_of(weeks_in_april)
    assert {str(key[0]) for key in later["buying_behaviour"]} - {str(key[0]) for key in second["buying_behaviour"]} == {"2026-04-20 00:00:00"}
    for table, rows in second.items():
        assert {key: later[table][key] for key in rows if str(key[0]) < "2026-03-30"} == {key: rows[key] for key in rows if str(key[0]) < "2026-03-30"}
        assert not any(row["is_coarsened"] for key, row in later[table].items() if str(key[0]) >= "2026-03-30")
    with duckdb.connect(str(weeks_in_april.folder / "published" / "segmentation.duckdb"), read_only=True) as copy:
        for table, rows in later.items():
            assert copy.execute(f"select count(*), count(*) filter (where is_coarsened) from marts.{table}").fetchone() == (
                len(rows), sum(row["is_coarsened"] for row in rows.values()))


def test_an_export_tells_which_sums_are_coarse(erased: Built, tmp_path: Path):
    home = copy_home(erased.folder, tmp_path / "home")
    assert command(home, "export", "segment_metrics", "--out", str(tmp_path / "out.csv")).code == 0
    with (tmp_path / "out.csv").open(newline="") as file:
        marks = [(row["is_coarsened"], row["rounded_to"]) for row in csv.DictReader(file)]
    assert {mark for mark, _ in marks} == {"True", "False"} and any(power for _, power in marks)


def test_a_home_without_the_mark_is_refused_before_anything_is_erased(weeks: Built, member: str, tmp_path: Path, capsys):
    home = copy_home(weeks.folder, tmp_path / "home")
    with Home(home).writing() as warehouse:
        warehouse.execute("alter table marts.buying_behaviour drop column is_coarsened")
        with pytest.raises(UserError, match="marts.buying_behaviour has no column is_coarsened"):
            check_marts(warehouse)
    with pytest.raises(AssertionError):
        erase(home, member, "815ac9017700")
    assert "this home was built by an older version and must be built anew" in capsys.readouterr().err
    assert not Home(home).journal.exists()


# --- both engines


def random_marts(seed: int) -> tuple[list[str], dict[str, list[tuple]]]:
    """The three marts and what is read beside them, as statements that make them and rows; few and many persons, with and without a window."""
    chance = random.Random(seed)
    kinds = {"as_of": "timestamp", "window_from": "timestamp", "segment_id": "text", "breakdown": "text", "is_coarsened": "boolean"}
    columns = {
        "marts.segment_metrics": ["as_of", "segment_id", "breakdown", "window_from", "is_coarsened", "n_members", "n_measured", "order_count",
                                  "order_count_in_window", "rounded_to", "rounded_to_in_window", "site_net_revenue_in_window",
                                  *(name for name, _ in TO_DATE + IN_WINDOW), *sorted(DERIVED["segment_metrics"])],
        "marts.segment_conversions": ["as_of", "segment_id", "is_coarsened", "n_converted", "order_count_in_window", "rounded_to",
                                      "net_revenue_in_window", *sorted(DERIVED["segment_conversions"])],
        "marts.buying_behaviour": ["as_of", "is_coarsened", "order_count", "rounded_to", *(persons for _, persons in REPORT),
                                   *(name for name, _ in REPORT), *sorted(DERIVED["buying_behaviour"]), *CONCENTRATION],
        "marts.customers": ["customer_key", "first_seen_at"],
        "snapshots.segment_membership": ["segment_id", "customer_key", "dbt_valid_from", "dbt_valid_to"],
    }
    kinds |= dict.fromkeys(("customer_key",), "text") | dict.fromkeys(("first_seen_at", "dbt_valid_from", "dbt_valid_to"), "timestamp")
    shares = set().union(*DERIVED.values()) | set(CONCENTRATION)

    def kind_of(name: str) -> str:
        if name in kinds:
            return kinds[name]
        return "bigint" if name.startswith("n_") or "count" in name else "numeric(18, 4)" if name in shares else "numeric(18, 2)"

    def value_of(name: str, row: dict):
        if name in row:
            return row[name]
        if kind_of(name) == "bigint":
            return chance.choice([0, 3, 9, 10, 11, 57, 1000])
        if name.startswith("rounded_to"):
            return None
        return Decimal(chance.randrange(10**6 if kind_of(name) == "numeric(18, 4)" else 10**chance.randint(1, 9))) / (10000 if kind_of(name) == "numeric(18, 4)" else 100)

    given = {table: [] for table in columns}
    dates = ["2026-01-05 00:00:00", "2026-02-02 00:00:00", "2026-03-02 00:00:00"]
    for number, as_of in enumerate(dates):
        at = {"as_of": as_of, "window_from": dates[number - 1] if number else None, "is_coarsened": False}
        given["marts.buying_behaviour"].append(at)
        for segment in ("(all)", "a", "b", "c"):
            for breakdown in ("total", "consent_version"):
                window = {} if number else dict.fromkeys(["n_measured", "order_count_in_window", "site_net_revenue_in_window", *(name for name, _ in IN_WINDOW)])
                given["marts.segment_metrics"].append(at | window | {"segment_id": segment, "breakdown": breakdown})
            given["marts.segment_conversions"].append(at | {"segment_id": segment})
    given["marts.customers"] = [{"customer_key": "erased", "first_seen_at": chance.choice([dates[0], "2026-02-01 00:00:00", None])},
                                {"customer_key": "other", "first_seen_at": dates[0]}]
    given["snapshots.segment_membership"] = [
        {"segment_id": "a", "customer_key": "erased", "dbt_valid_from": dates[1], "dbt_valid_to": dates[2]},
        {"segment_id": "b", "customer_key": "other", "dbt_valid_from": dates[0], "dbt_valid_to": None}]
    made = ["create schema marts", "create schema snapshots", "create temporary table own_keys (value text)", "insert into own_keys values ('erased')"]
    made += [f"create table {table} ({', '.join(f'{name} {kind_of(name)}' for name in names)})" for table, names in columns.items()]
    return made, {table: [tuple(value_of(name, row) for name in columns[table]) for row in rows] for table, rows in given.items()}


def literal(value) -> str:
    return "null" if value is None else f"'{value}'" if isinstance(value, str) else str(value)


def run_coarse(execute, seed: int, is_first: bool = True) -> None:
    """Random marts; those of a seed before give way."""
    made, rows = random_marts(seed)
    for statement in made if is_first else [f"delete from {table}" for table in rows]:
        execute(statement)
    for table, lines in rows.items():
        execute(f"insert into {table} values " + ", ".join("(" + ", ".join(map(literal, line)) + ")" for line in lines))


def test_repeated_nothing_changes_and_nobody_else_is_touched():
    with duckdb.connect(config=duckdb_settings()) as connection:
        planned = PlannedOnce(connection)
        for seed in range(20):
            run_coarse(connection.execute, seed, is_first=seed == 0)
            exact = connection.execute("select * from marts.segment_metrics where segment_id in ('b', 'c') order by all").fetchall()
            coarsen_sums(planned)
            once = [connection.execute(f"select * from marts.{table} order by all").fetchall() for table in MARKED]
            coarsen_sums(planned)
            assert [connection.execute(f"select * from marts.{table} order by all").fetchall() for table in MARKED] == once
            assert connection.execute("select distinct as_of::date::varchar from marts.segment_metrics where segment_id = 'a' and is_coarsened "
                                      "order by all").fetchall() == [("2026-02-02",), ("2026-03-02",)]
            untouched = "* exclude (site_net_revenue_in_window, revenue_share_in_window)"
            assert connection.execute(f"select {untouched} from marts.segment_metrics where segment_id in ('b', 'c') order by all").fetchall() == [
                row for row in connection.execute(f"select {untouched} from marts.segment_metrics where not is_coarsened and segment_id in ('b', 'c') "
                                                  "order by all").fetchall()]
            assert len(exact) == 12


@pytest.mark.postgres
def test_the_sums_are_coarse_alike_on_postgres():
    with running_server() as server:
        for seed in range(8):
            with duckdb.connect() as here, psycopg2.connect(host=server["PGHOST"], user=server["PGUSER"], dbname="postgres") as there:
                cursor = there.cursor()
                for execute in (here.execute, cursor.execute):
                    run_coarse(execute, seed)
                    for statement in statements("select value from own_keys"):
                        execute(statement)
                for table in MARKED:
                    cursor.execute(f"select * from marts.{table}")
                    found = here.execute(f"select * from marts.{table}").fetchall()
                    assert sorted(map(str, cursor.fetchall())) == sorted(map(str, found))
                    assert here.execute(f"select count(*) from marts.{table} where is_coarsened").fetchone() > (0,)
                there.rollback()
