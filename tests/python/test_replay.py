"""Past dates evaluated again, and history made on day one: both against builds that were run one by one.

That a backfill, also in parts, records what separate builds record: test_stability.py.
"""

import json
import re
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from conftest import Built, command, copy_home
from processes import FIRST, SECOND, Shop, export, shop_settings, undisturbed_shop

from segmentation.backfill import KEPT, dates
from segmentation.home import Home
from segmentation.replay import Evaluation, recorded_evaluations


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Shop:
    return undisturbed_shop(tmp_path_factory)


@pytest.fixture
def home(shop: Shop, tmp_path: Path) -> Built:
    """A copy of the shop's home, evaluated at FIRST and SECOND, that a test may change."""
    return Built(copy_home(shop.home, tmp_path / "home"), 0)


def test_a_replay_of_the_record_is_identical_and_touches_nothing(home: Built, capsys):
    before = export(home.folder)
    assert command(home.folder, "replay").code == 0
    said = capsys.readouterr().out
    assert "Replay as_recorded of 2 dates" in said and "unexplained" not in said
    # a pipe has no width: nothing of the table is cut
    assert re.search(r"as of +known at +on record +identical +added +removed +modified +other hashes", said) and "…" not in said
    found = home.rows("select as_of::varchar, sum(n_recorded), sum(n_identical), bool_and(is_root_equal) from audit.replay_partitions group by 1 order by 1")
    sizes = home.rows("select as_of::varchar, sum(n_members) from audit.segment_evaluations group by 1 order by 1")
    assert [row[:2] for row in found] == sizes and all(row[1] == row[2] and row[3] for row in found)
    after = export(home.folder)
    assert {name: rows for name, rows in after.items() if "replay" not in name} == {
        name: rows for name, rows in before.items() if "replay" not in name}
    assert home.rows("select schema_name from duckdb_schemas() where schema_name like 'replay\\_%' escape '\\'") == []


TAMPERINGS = {
    "added": "delete from snapshots.segment_membership where customer_key = ? and segment_id = 'existing_customer'",
    "removed": "update snapshots.segment_membership set customer_key = repeat('0', 64) "
               "where customer_key = ? and segment_id = 'existing_customer'",
    "modified": "update snapshots.segment_membership set data_sources = 'guesses' "
                "where customer_key = ? and segment_id = 'existing_customer'",
}


def test_a_record_that_was_edited_is_found(home: Built, capsys):
    """Three edits of three members, each found as what it is."""
    people = home.rows("select customer_key from segments.segment_members where segment_id = 'existing_customer' order by 1 limit 3")
    edited = {difference: person for difference, (person,) in zip(TAMPERINGS, people, strict=True)}
    with duckdb.connect(str(home.folder / "warehouse.duckdb")) as warehouse:
        for difference, tampering in TAMPERINGS.items():
            warehouse.execute(tampering, [edited[difference]])
    assert command(home.folder, "replay", "--as-of", SECOND).code == 1
    assert "unexplained" in capsys.readouterr().out
    found = home.rows("select as_of::varchar, segment_id, customer_key, difference, replay_cause from audit.replay_differences")
    # whose row was given another key is missing too
    expected = [("added", edited["added"]), ("added", edited["removed"]), ("modified", edited["modified"]), ("removed", "0" * 64)]
    assert sorted((row[3], row[2]) for row in found if row[1] == "existing_customer") == sorted(expected)
    assert {row[0] for row in found} == {SECOND} and {row[4] for row in found} == {"unexplained"}


def test_c49_a_version_that_reaches_back_behind_the_record_is_refused(home: Built, shop: Shop, capsys):
    with duckdb.connect(str(home.folder / "warehouse.duckdb")) as warehouse:
        warehouse.execute("update audit.segment_evaluations set spec_version = 7 where as_of = ? and segment_id = 'vip'", [FIRST])
    before = export(home.folder)
    assert command(home.folder, "build", "--without-tests", **shop_settings(shop.raw, "2026-03-09 00:00:00")).code == 1
    assert (f"segment vip: version 1 takes effect 1900-01-01 00:00:00, but the evaluation of {FIRST} is on record under version 7; "
            f"let it take effect after {SECOND}.") in capsys.readouterr().err
    assert export(home.folder) == before


def as_if_new(folder: Path, segment: str) -> None:
    """Take a segment's evaluations from the record, as if it were added only now."""
    with duckdb.connect(str(folder / "warehouse.duckdb")) as warehouse:
        warehouse.execute("delete from audit.segment_evaluations where segment_id = ?", [segment])


def test_a_new_segment_enters_no_date_that_is_on_record_without_it(home: Built, shop: Shop, capsys):
    """A replay of that date would find members whom no record has."""
    as_if_new(home.folder, "vip")
    before = export(home.folder)
    for as_of, newest in (("2026-03-09 00:00:00", SECOND), (SECOND, FIRST)):
        assert command(home.folder, "build", "--without-tests", **shop_settings(shop.raw, as_of)).code == 1
        assert (f"segment vip: version 1 takes effect 1900-01-01 00:00:00, but the evaluation of {newest} is on record without this segment; "
                f"let it take effect after {newest}.") in capsys.readouterr().err
    assert export(home.folder) == before


def test_a_new_segment_enters_a_date_that_is_evaluated_again(shop: Shop, tmp_path: Path):
    """Its new attempt has it, so a replay repeats it."""
    built = Built(copy_home(shop.homes[FIRST], tmp_path / "home"), 0)
    as_if_new(built.folder, "existing_customer")
    assert command(built.folder, "build", "--without-tests", **shop_settings(shop.raw, FIRST)).code == 0
    assert built.rows("select attempt, n_members > 0 from audit.segment_evaluations where segment_id = 'existing_customer'") == [(2, True)]
    assert command(built.folder, "replay").code == 0
    assert built.rows("select bool_and(is_root_equal) from audit.replay_partitions") == [(True,)]


@pytest.mark.parametrize("options, words", [
    (("--as-of", "2026-03-02"), "No evaluation is recorded for these dates"),
    (("--from", "yesterday"), "--from must be a UTC instant"),
    (("--to", "2026-03-01'; drop schema audit"), "--to must be a UTC instant"),
])
def test_dates_that_cannot_be_replayed_are_refused_in_one_sentence(home: Built, capsys, options: tuple, words: str):
    assert command(home.folder, "replay", *options).code == 1
    said = capsys.readouterr().err.strip()
    assert words in said and "\n" not in said


def test_a_home_without_history_cannot_be_replayed(tmp_path: Path, capsys):
    assert command(tmp_path / "new", "replay").code == 1
    assert "holds no recorded evaluation yet" in capsys.readouterr().err


def test_as_recorded_knows_what_was_known_and_as_corrected_what_is_known(home: Built):
    then = recorded_evaluations(Home(home.folder), "as_recorded")
    first, second = map(datetime.fromisoformat, (FIRST, SECOND))
    assert then == [Evaluation(first, first, first, first, None, None), Evaluation(second, second, second, second, None, first)]
    now = recorded_evaluations(Home(home.folder), "as_corrected", last=datetime.fromisoformat(FIRST))
    assert [one.as_of for one in now] == [datetime.fromisoformat(FIRST)] and now[0].known_at > now[0].as_of


def test_a_backfill_is_refused_where_history_exists(shop: Shop, home: Built, capsys):
    before = export(home.folder)
    built = command(home.folder, "backfill", "--from", "2026-01-01", "--to", FIRST, **shop_settings(shop.raw, SECOND))
    assert built.code == 1
    assert "a backfill comes before the first build" in capsys.readouterr().err
    assert export(home.folder) == before


@pytest.mark.parametrize("options, words", [
    (("--from", "2026-03-02", "--to", "2026-03-01"), "--to lies before --from"),
    (("--from", "2026-03-02", "--to", "2027-03-01"), "The newest recorded row is of"),
])
def test_dates_that_cannot_be_backfilled_are_refused(shop: Shop, tmp_path: Path, capsys, options: tuple, words: str):
    assert command(tmp_path / "new", "backfill", *options, **shop_settings(shop.raw, SECOND)).code == 1
    said = capsys.readouterr().err.strip()
    assert words in said and "\n" not in said


def test_the_steps_of_a_backfill():
    first = datetime(2024, 1, 31, 6)
    assert [f"{day:%m-%d %H}" for day in dates(first, datetime(2024, 4, 30, 6), "month")] == ["01-31 06", "02-29 06", "03-31 06", "04-30 06"]
    assert [f"{day:%m-%d}" for day in dates(first, datetime(2024, 2, 14), "week")] == ["01-31", "02-07"]
    assert len(list(dates(first, datetime(2024, 2, 29, 6), "day"))) == 30
    assert list(dates(first, datetime(2024, 1, 1), "day")) == []


def test_what_a_backfill_moves_is_all_that_a_build_keeps_per_date(demo: Built):
    """Every incremental model is kept per date; the notes of starts and the results of replays belong to builds and replays."""
    manifest = json.loads((demo.folder / "target" / "manifest.json").read_text())
    kept = {(node["schema"], node["name"]) for node in manifest["nodes"].values()
            if node["resource_type"] == "model" and node["config"]["materialized"] == "incremental" and node["database"] == "warehouse"}
    assert kept - set(KEPT) == {("audit", "run_started"), ("audit", "replay_partitions"), ("audit", "replay_differences")}
