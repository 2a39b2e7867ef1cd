"""A build that dies leaves nothing behind that the next one would not repair; a refused or repeated date changes no history."""

import hashlib
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import SEGMENT_FOLDERS, SETTINGS, WITH_UNITS, Built, build, copy_home
from processes import FIRST, SECOND, Command, complete, differences, export, shop_settings, undisturbed_shop

from segmentation.dbt_run import _failure, environment, run_dbt
from segmentation.home import Home
from segmentation.verify import verify

DATABASE = "published/segmentation.duckdb"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Shops:
    """The shared shop with its undisturbed history, and homes that died at several moments and were built again.

    A kill leaves the files as they are at that moment. So one run serves several: it is stopped, its home copied, and
    let go on; in the end it is killed for good, with its whole process group, as the first build is.
    """

    def __init__(self, tmp_path_factory):
        self.shop = undisturbed_shop(tmp_path_factory)
        folder = tmp_path_factory.mktemp("crash")
        moments = {
            "snapshot": r"OK snapshotted snapshots\.segment_membership",
            "evaluations": r"OK created sql incremental model audit\.segment_evaluations",
        }
        first = Command(folder / "first", **shop_settings(self.shop.raw, FIRST))
        first.wait_until(r"START sql table model marts\.customers")
        assert first.signal()[0] == -signal.SIGKILL
        run = Command(copy_home(self.shop.homes[FIRST], folder / "second"), **shop_settings(self.shop.raw, SECOND))
        for name, moment in moments.items():
            run.wait_until(moment)
            with run.frozen():
                copy_home(run.home, folder / name)
        assert run.signal()[0] == -signal.SIGKILL
        self.exports = {as_of: export(home) for as_of, home in self.shop.homes.items()}
        # and now what the next build makes of them
        self.homes = {name: folder / name for name in ("first", *moments)}
        for name, killed in self.homes.items():
            complete(killed, self.shop.raw, FIRST if name == "first" else SECOND)
        self.found = {name: export(killed) for name, killed in self.homes.items()}


@pytest.fixture(scope="module")
def shops(tmp_path_factory) -> Shops:
    return Shops(tmp_path_factory)


@pytest.fixture
def calm(shops: Shops, tmp_path: Path) -> Built:
    """A copy of the undisturbed home that a test may change."""
    return Built(copy_home(shops.shop.home, tmp_path / "home"), 0)


def test_the_small_shop_has_a_history_worth_killing(shops: Shops):
    with_members = {row[1] for row in shops.exports[SECOND]["segments.segment_members"]}
    assert len(with_members) >= 5
    closed = [row for row in shops.exports[SECOND]["segments.segment_membership_history"] if row[3] is not None]
    assert closed and len(shops.exports[SECOND]["audit.segment_runs"]) == 2


@pytest.mark.parametrize("moment, as_of", [("first", FIRST), ("snapshot", SECOND), ("evaluations", SECOND)])
def test_a_killed_build_and_another_give_what_an_undisturbed_one_gives(moment: str, as_of: str, shops: Shops):
    assert differences(shops.exports[as_of], shops.found[moment]) == []


def test_killed_builds_leave_no_rubbish(shops: Shops):
    for home in shops.homes.values():
        names = {path.name for path in home.iterdir()} - {".lock"}
        assert names == {"home.json", "logs", "published", "restricted.duckdb", "target", "warehouse.duckdb"}
        published = sorted(path.name for path in (home / "published").iterdir())
        assert len(published) == 3 and published[1:] == ["parquet", "segmentation.duckdb"]
        assert (home / "published" / "parquet").resolve().name == published[0]


def test_what_a_killed_build_spilled_to_disk_is_gone_with_the_next_command(tmp_path: Path):
    """DuckDB leaves what it had no memory for until a later process spills too; an erasure would not find it there."""
    program = f"""
import duckdb
connection = duckdb.connect({str(tmp_path / 'warehouse.duckdb')!r}, config={{"memory_limit": "60MB", "threads": 1}})
connection.execute("create temp table rows as select range as n, 'somebody ' || hash(range) as name from range(6000000)")
print("spilled", flush=True)
input()
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert "spilled\n" in iter(process.stdout.readline, "")  # after DuckDB's bar of progress
    process.kill()
    process.wait()
    assert sum(path.stat().st_size for path in (tmp_path / "warehouse.duckdb.tmp").iterdir()) > 1_000_000
    with Home(tmp_path).locked():
        assert {path.name for path in tmp_path.iterdir()} == {".lock", "warehouse.duckdb"}


def test_an_older_date_is_refused_and_nothing_changes(calm: Built, shops: Shops, capsys):
    before, copy = export(calm.folder), sha256(calm.folder / DATABASE)
    built = build(calm.folder, "--without-tests", **shop_settings(shops.shop.raw, "2026-03-07 23:59:59"))
    said = capsys.readouterr().err.strip()
    assert built.code == 1
    assert said.startswith("segmentation: ") and "\n" not in said and said.endswith(".")
    assert f"AS_OF 2026-03-07 23:59:59 is older than the newest recorded evaluation {SECOND}" in said
    assert differences(before, export(calm.folder)) == []
    assert sha256(calm.folder / DATABASE) == copy


def test_rows_that_vanish_from_the_input_are_no_change_of_anybodys(calm: Built, shops: Shops, tmp_path: Path, capsys):
    raw = Path(shutil.copytree(shops.shop.raw, tmp_path / "raw"))
    shutil.copy(shops.shop.raw.parent / "keys", tmp_path / "keys")
    lines = (raw / "orders.csv").read_text().splitlines()
    (raw / "orders.csv").write_text("\n".join(line for line in lines if ",customer 11," not in line) + "\n")
    published = sha256(calm.folder / DATABASE)
    assert build(calm.folder, "--without-tests", **shop_settings(raw, SECOND)).code == 1
    said = capsys.readouterr().err
    assert "assert_every_change_is_explained" in said and "rows that vanished from the input" in said
    assert sha256(calm.folder / DATABASE) == published
    found = verify(Home(calm.folder)).findings
    assert found and all("a build since has failed or was stopped" in sentence for sentence in found)


def test_an_invariant_that_fails_says_its_own_words_also_where_dbt_forgot_them():
    """dbt drops the description of a singular test when it parses a part of the project only."""
    node = SimpleNamespace(name="assert_every_change_is_explained", description="")
    said = _failure(SimpleNamespace(status="fail", failures=2, message="Got 2 results", node=node))
    assert said.startswith("2 rows do not hold to this: Every entry and exit has a cause.") and "rows that vanished from the input" in said
    node.name = "assert_nothing"
    assert _failure(SimpleNamespace(status="fail", failures=2, message="Got 2 results", node=node)) == "Got 2 results."


def test_an_empty_setting_is_one_that_is_not_set_and_makes_dbt_parse_nothing_anew(demo_copy: Built, monkeypatch):
    """Commands set SEGMENTS_RAW and SEGMENTS_TARGET or leave them; to parse the whole project takes longer than a build of the demo."""
    from dbt.parser.manifest import ManifestLoader

    found, former = [], ManifestLoader.is_partial_parsable
    monkeypatch.setattr(ManifestLoader, "is_partial_parsable", lambda *given: found.append(former(*given)) or found[-1])
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    for settings in ({}, {"SEGMENTS_RAW": "", "SEGMENTS_TARGET": "duckdb"}, {"SEGMENTS_TARGET": ""}):
        monkeypatch.setattr("segmentation.dbt_run._manifests", {})  # as in a process of its own
        with environment(settings | WITH_UNITS):
            run_dbt(["parse"], Home(demo_copy.folder))
    assert [is_parsable for is_parsable, _ in found] == [True] * 3


def test_a_repeated_date_with_changed_data_is_a_second_attempt(calm: Built, shops: Shops, tmp_path: Path):
    before = export(calm.folder)
    raw = Path(shutil.copytree(shops.shop.raw, tmp_path / "raw"))
    shutil.copy(shops.shop.raw.parent / "keys", tmp_path / "keys")
    orders = raw / "orders.csv"
    lines = orders.read_text().splitlines()
    orders.write_text("\n".join([*lines, "new,2026-03-07,900.00,customer 0,c0@example.com,EUR"]) + "\n")
    (raw / "refunds.csv").write_text("refund_id,order_id,refunded_at,amount\n" + "".join(
        f"of {order},{order},2026-03-06,{amount}\n"
        for order, _, amount, customer, *_ in (line.split(",") for line in lines) if customer == "customer 11"))
    assert build(calm.folder, "--without-tests", **shop_settings(raw, SECOND)).code == 0
    after = export(calm.folder)

    # the older attempt stays as it was, the newer one stands beside it
    evaluations = set(after["audit.segment_evaluations"])
    assert set(before["audit.segment_evaluations"]) < evaluations
    n = len(SEGMENT_FOLDERS)
    assert calm.rows("select as_of::varchar, attempt, count(*) from audit.segment_evaluations group by all order by all") == [
        (FIRST, 1, n), (SECOND, 1, n), (SECOND, 2, n)]
    assert calm.rows("select as_of::varchar, attempt from audit.segment_runs order by all") == [(FIRST, 1), (SECOND, 1), (SECOND, 2)]
    assert calm.rows("select count(distinct run_id) from audit.segment_runs") == [(3,)]

    # the snapshot shows the new result only: open rows are the members of now, nothing is left of the first attempt
    members = "select segment_id, customer_key, spec_version, consent_event_key, is_primary from "
    opened = calm.rows(f"{members} snapshots.segment_membership where dbt_valid_to is null order by all")
    assert opened == calm.rows(f"{members} segments.segment_members order by all")
    assert before["segments.segment_members"] != after["segments.segment_members"]
    # and what was true at the first date is untouched: who was in, and who has left since or stayed
    then = ("select segment_id, customer_key from snapshots.segment_membership "
            "where dbt_valid_from <= ? and (dbt_valid_to is null or dbt_valid_to > ?) order by all")
    assert calm.rows(then, [FIRST, FIRST]) == Built(shops.shop.home, 0).rows(then, [FIRST, FIRST])
    ends = "select distinct dbt_valid_to::varchar from snapshots.segment_membership where dbt_valid_to is not null"
    assert calm.rows(ends) == [(SECOND,)]
