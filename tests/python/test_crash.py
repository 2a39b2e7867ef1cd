"""A build that dies leaves nothing behind that the next one would not repair; a refused or repeated date changes no history."""

import hashlib
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import Built, build
from processes import FIRST, SECOND, Command, complete, differences, export, shop_settings, undisturbed_shop, write_shop

DATABASE = "published/segmentation.duckdb"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def killed_again_and_again(home: Path, raw: Path) -> dict[str, dict]:
    """The two evaluations of the shared shop; each is killed at several moments before it may end."""
    moments = {
        FIRST: [r"START sql table model marts\.customers"],
        SECOND: [r"OK snapshotted snapshots\.segment_membership", r"OK created sql incremental model audit\.segment_evaluations"],
    }
    exports = {}
    for as_of, stops in moments.items():
        before = sha256(home / DATABASE) if (home / DATABASE).exists() else None
        for stop in stops:
            command = Command(home, **shop_settings(raw, as_of))
            command.wait_until(stop)
            assert command.signal()[0] == -signal.SIGKILL
            assert (sha256(home / DATABASE) if (home / DATABASE).exists() else None) == before
        complete(home, raw, as_of)
        exports[as_of] = export(home)
    return exports


class Shops:
    """The homes of both histories, and what each held after each evaluation."""

    def __init__(self, tmp_path_factory):
        folder = tmp_path_factory.mktemp("crash")
        raw = write_shop(folder / "raw")
        self.killed = folder / "killed"
        # two homes at once: neither may mind the other
        with ThreadPoolExecutor() as pool:
            runs = pool.submit(undisturbed_shop, tmp_path_factory), pool.submit(killed_again_and_again, self.killed, raw)
            shop, self.found = (run.result() for run in runs)
        self.raw, self.calm, self.expected = shop.raw, shop.home, shop.exports


@pytest.fixture(scope="module")
def shops(tmp_path_factory) -> Shops:
    return Shops(tmp_path_factory)


@pytest.fixture
def calm(shops: Shops, tmp_path: Path) -> Built:
    """A copy of the undisturbed home that a test may change."""
    shutil.copytree(shops.calm, tmp_path / "home", symlinks=True)
    return Built(tmp_path / "home", 0)


def test_the_small_shop_has_a_history_worth_killing(shops: Shops):
    with_members = {row[1] for row in shops.expected[SECOND]["segments.segment_members"]}
    assert len(with_members) >= 5
    closed = [row for row in shops.expected[SECOND]["segments.segment_membership_history"] if row[3] is not None]
    assert closed and len(shops.expected[SECOND]["audit.segment_runs"]) == 2


@pytest.mark.parametrize("as_of", [FIRST, SECOND])
def test_a_killed_build_and_another_give_what_an_undisturbed_one_gives(as_of: str, shops: Shops):
    assert differences(shops.expected[as_of], shops.found[as_of]) == []


def test_killed_builds_leave_no_rubbish(shops: Shops):
    for home in (shops.calm, shops.killed):
        names = {path.name for path in home.iterdir()} - {".lock"}
        assert names == {"home.json", "logs", "published", "restricted.duckdb", "target", "warehouse.duckdb"}
        published = sorted(path.name for path in (home / "published").iterdir())
        assert len(published) == 3 and published[1:] == ["parquet", "segmentation.duckdb"]
        assert (home / "published" / "parquet").resolve().name == published[0]


def test_an_older_date_is_refused_and_nothing_changes(calm: Built, shops: Shops, capsys):
    before, copy = export(calm.folder), sha256(calm.folder / DATABASE)
    built = build(calm.folder, "--without-tests", **shop_settings(shops.raw, "2026-03-07 23:59:59"))
    said = capsys.readouterr().err.strip()
    assert built.code == 1
    assert said.startswith("segmentation: ") and "\n" not in said and said.endswith(".")
    assert f"AS_OF 2026-03-07 23:59:59 is older than the newest recorded evaluation {SECOND}" in said
    assert differences(before, export(calm.folder)) == []
    assert sha256(calm.folder / DATABASE) == copy


def test_a_repeated_date_with_changed_data_is_a_second_attempt(calm: Built, shops: Shops, tmp_path: Path):
    before = export(calm.folder)
    raw = Path(shutil.copytree(shops.raw, tmp_path / "raw"))
    shutil.copy(shops.raw.parent / "keys", tmp_path / "keys")
    orders = raw / "orders.csv"
    lines = orders.read_text().splitlines()
    kept = [line for line in lines if ",customer 11," not in line]
    orders.write_text("\n".join([*kept, "new,2026-03-07,900.00,customer 0,c0@example.com,EUR"]) + "\n")
    assert build(calm.folder, "--without-tests", **shop_settings(raw, SECOND)).code == 0
    after = export(calm.folder)

    # the older attempt stays as it was, the newer one stands beside it
    evaluations = set(after["audit.segment_evaluations"])
    assert set(before["audit.segment_evaluations"]) < evaluations
    assert calm.rows("select as_of::varchar, attempt, count(*) from audit.segment_evaluations group by all order by all") == [
        (FIRST, 1, 12), (SECOND, 1, 12), (SECOND, 2, 12)]
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
    assert calm.rows(then, [FIRST, FIRST]) == Built(shops.calm, 0).rows(then, [FIRST, FIRST])
    ends = "select distinct dbt_valid_to::varchar from snapshots.segment_membership where dbt_valid_to is not null"
    assert calm.rows(ends) == [(SECOND,)]
