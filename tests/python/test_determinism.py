"""The same data gives the same bytes: in any order of rows, with any number of threads, in any time zone, on any day."""

import csv
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from conftest import SEGMENT_FOLDERS, SETTINGS, build

from segmentation.contract import CONTRACT
from segmentation.home import PROJECT

SEEDS = PROJECT / "seeds" / "demo" / "generic"
AS_OF, LATER = "2026-03-09 00:00:00", "2026-03-30 00:00:00"
SCHEMAS = ("marts", "segments", "snapshots", "audit")
CALLER = {"executed_at", "executor", "code_sha", "run_hash"}  # of audit.segment_runs: who built, when, from which checkout


# rows beside the demo's, of facts that could change what an earlier date saw: an address known later than the withdrawal given by
# it, a notice found defective later
TEMPTING = {
    "consents": [{
        "consent_event_id": "K-tempting", "purpose": "*", "status": "withdrawn", "effective_at": "2026-03-05 10:00:00",
        "email": "tempting@example.org", "recorded_at": "2026-03-05 10:00:01"}],
    "customers": [{
        "customer_id": "C-0011", "email": "tempting@example.org", "created_at": "2026-03-01 10:00:00", "country": "DE",
        "birth_date": "1985-02-11", "gender": "f", "recorded_at": "2026-03-20 10:00:00"}],
    "notices": [{
        # the text published then, found defective later; what a text is counts from its publication
        "consent_version": "v1", "text_sha256": "c309cbe4fa223bbc2d2c28515ecc82463bcf080e5ee04267244b4aa25c822bb7",
        "published_at": "2024-09-01 00:00:00", "language": "en", "invalidated_at": "2026-03-15 00:00:00"}],
}
# when a row was known that does not say so: the first of these columns that is filled; a row without any, always
KNOWN = {
    "orders": ["ordered_at"], "refunds": ["refunded_at"], "customers": ["created_at"], "events": ["occurred_at"],
    "consents": ["effective_at"], "notices": ["invalidated_at", "published_at"], "identity_links": ["effective_at"],
    "exchange_rates": ["rate_date"],
}


def write_raw(folder: Path, shuffle: int | None = None, files: int = 1) -> None:
    """The demo's tables as a shop's folder: in the order of the seeds, or shuffled and split over several files."""
    folder.mkdir()
    for table in CONTRACT:
        with open(SEEDS / f"demo_{table}.csv", newline="", encoding="utf-8") as file:
            heading, *rows = csv.reader(file)
        rows += [[row.get(column, "") for column in heading] for row in TEMPTING.get(table, [])]
        if shuffle is not None:
            random.Random(f"{shuffle} {table}").shuffle(rows)
        if files > 1:
            (folder / table).mkdir()
        for number in range(files):
            path = folder / table / f"part{number}.csv" if files > 1 else folder / f"{table}.csv"
            with open(path, "w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([heading, *rows[number::files]])


def write_known(folder: Path, source: Path, known_at: str) -> None:
    """Of a shop's folder what was known at an instant."""
    folder.mkdir()
    for table in CONTRACT:
        with open(source / f"{table}.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        with open(folder / f"{table}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            for row in rows:
                times = [row[column] for column in ("recorded_at", *KNOWN.get(table, [])) if row.get(column)]
                if not times or times[0] <= known_at:
                    writer.writerow(row)


def export(home: Path, besides: set[str] = frozenset()) -> dict[str, bytes]:
    """Every relation of SCHEMAS as CSV in a fixed order; `besides`: columns of audit.segment_runs to leave out."""
    found = {}
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        relations = connection.execute(
            """
            select table_schema, table_name, list(column_name order by ordinal_position) from information_schema.columns
            where table_catalog = 'warehouse' and list_contains(?, table_schema) group by all order by all
            """,
            [list(SCHEMAS)],
        ).fetchall()
        for schema, table, columns in relations:
            if (schema, table) == ("audit", "segment_runs"):
                columns = [column for column in columns if column not in besides]
            listed = ", ".join(f'"{column}"' for column in columns)
            file = home / "export.csv"
            connection.execute(f'copy (select {listed} from "{schema}"."{table}" order by all) to \'{file}\' (header)')
            found[f"{schema}.{table}"] = file.read_bytes()
            file.unlink()
    return found


def rows_of(exported: bytes) -> set[str]:
    """The rows of an export, without its heading."""
    return set(exported.decode().splitlines()[1:])


class Shop:
    """The demo's data as a shop's: one key file, one home per build."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.home = folder / "home"
        self.elsewhere: dict[str, subprocess.Popen] = {}
        keys = folder / "keys"
        keys.write_text("".join(f"{bytes([n] * 32).hex()}\n" for n in (7, 8, 9)))
        self.settings = dict(SEGMENTS_KEY_FILE=str(keys), REPORTING_CURRENCY="EUR", INGESTED_AT="2026-03-31 22:00:00", SEGMENTS_THREADS="2")
        write_raw(folder / "raw")

    def build(self, as_of: str) -> None:
        """Build into the shop's own home, in this process."""
        built = build(self.home, "--without-tests", SEGMENTS_RAW=str(self.folder / "raw"), AS_OF=as_of, **self.settings)
        assert built.code == 0

    def start_elsewhere(self, name: str, shuffle: int, files: int, **environment: str) -> subprocess.Popen:
        """Begin to build shuffled data into the home `name`, in a process of its own, because a process has one time zone."""
        raw = self.folder / f"raw {name}"
        write_raw(raw, shuffle, files)
        inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS}
        return subprocess.Popen(
            [sys.executable, "-m", "segmentation.cli", "build", "--without-tests"], cwd=PROJECT, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=inherited | self.settings | environment | dict(
                SEGMENTS_HOME=str(self.folder / name), SEGMENTS_RAW=str(raw), AS_OF=AS_OF, PYTHONPATH=str(PROJECT)))


ELSEWHERE = {
    "one thread in Los Angeles": dict(
        shuffle=1, files=1, SEGMENTS_THREADS="1", TZ="America/Los_Angeles", PYTHONHASHSEED="1"),
    "four threads in Auckland": dict(
        shuffle=2, files=2, SEGMENTS_THREADS="4", TZ="Pacific/Auckland", PYTHONHASHSEED="2"),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Shop:
    """The shop, built once: the baseline. The builds elsewhere run beside it."""
    made = Shop(tmp_path_factory.mktemp("determinism"))
    made.elsewhere = {name: made.start_elsewhere(name, **setting) for name, setting in ELSEWHERE.items()}
    try:
        made.build(AS_OF)
        yield made
    finally:
        for process in made.elsewhere.values():
            process.kill()  # nothing to do where a test has waited for it
            process.wait()


@pytest.fixture(scope="module")
def once(shop) -> dict[str, bytes]:
    """Every relation after the first build."""
    return export(shop.home)


@pytest.fixture(scope="module")
def twice(shop, once) -> dict[str, bytes]:
    """Every relation after a second build of the same as_of."""
    shop.build(AS_OF)
    return export(shop.home)


@pytest.fixture(scope="module")
def later(shop, twice) -> dict[str, bytes]:
    """Every relation after a build of a later as_of on top."""
    shop.build(LATER)
    return export(shop.home)


def test_the_baseline_has_something_to_compare(once):
    full = {name: len(rows_of(content)) for name, content in once.items()}
    assert full["marts.customer_features"] > 300 and full["snapshots.segment_membership"] > 300
    assert full["audit.segment_evaluations"] == len(SEGMENT_FOLDERS) and full["audit.segment_runs"] == 1
    # the first date on record: nothing can be late, nothing was replayed, nobody has moved, left or been erased, no window of the
    # metrics has begun; nothing is exported or fitted; no epoch has ended; one rule has no match
    empty = {"marts.segment_conversions", "audit.late_arrivals", "audit.replay_differences", "audit.replay_partitions", "marts.segment_migration",
             "marts.retention_transitions", "audit.revocations", "audit.deletion_log", "audit.deletion_ledger",
             "audit.pruned_leaves", "audit.restore_checks", "audit.export_log",
             "marts.customer_predictions", "marts.prediction_calibration", "marts.pid_bridge", "segments.seg_likely_to_churn",
             "segments.seg_predicted_high_ltv", "segments.seg_browse_heavy_low_purchase"}
    assert {name for name, count in full.items() if count == 0} == empty, "an empty relation proves nothing"


@pytest.mark.parametrize("name", ELSEWHERE)
def test_shuffled_rows_threads_and_time_zone_change_no_byte(shop, once, name):
    printed, _ = shop.elsewhere[name].communicate()
    assert shop.elsewhere[name].returncode == 0, printed

    there = export(shop.folder / name, CALLER)
    here = once | {"audit.segment_runs": without_columns(once["audit.segment_runs"], CALLER)}
    assert there.keys() == here.keys()
    assert [name for name in here if here[name] != there[name]] == []


def without_columns(exported: bytes, besides: set[str]) -> bytes:
    """An export of few rows without some of its columns."""
    rows = list(csv.DictReader(exported.decode().splitlines()))
    kept = [column for column in rows[0] if column not in besides]
    return "".join(",".join(line) + "\n" for line in [kept, *([row[c] for c in kept] for row in rows)]).encode()


def test_building_the_same_date_twice_changes_no_byte_anywhere(once, twice):
    """Not even who built and when: the second build of an equal result is not recorded."""
    assert [name for name in once if once[name] != twice[name]] == []


@pytest.mark.parametrize(
    "relation", ["audit.segment_evaluations", "audit.segment_runs", "audit.run_started", "marts.rfm_thresholds"])
def test_a_later_date_keeps_every_recorded_row(twice, later, relation):
    assert rows_of(twice[relation]) <= rows_of(later[relation])
    assert rows_of(later[relation]) - rows_of(twice[relation]), "the later date must be recorded too"


@pytest.mark.parametrize("relation", ["snapshots.segment_membership", "segments.segment_membership_history"])
def test_a_later_date_changes_nothing_of_the_history_but_the_ends_of_what_it_ended(twice, later, relation):
    end, *with_it = ["dbt_valid_to"] if relation.startswith("snapshots") else ["valid_to", "left_reason"]

    def without_end(exported: bytes) -> dict[tuple, str]:
        rows = list(csv.DictReader(exported.decode().splitlines()))
        # as_of and dbt_updated_at tell when dbt last wrote the row, not what holds
        return {tuple(v for c, v in row.items() if c not in (end, *with_it)): row[end] for row in rows}

    before, after = without_end(twice[relation]), without_end(later[relation])
    assert before.keys() <= after.keys()
    ends = {(before[row], after[row]) for row in before}
    assert ends == {("", ""), ("", LATER)}, "rows stay open or end at the later date; some of each"


def test_what_was_recorded_later_changes_nothing_of_an_earlier_date(shop, once, tmp_path):
    """Prefix stability: the answer for a date rests on what was recorded until then, so it can be asked again for ever."""
    write_known(tmp_path / "raw", shop.folder / "raw", AS_OF)
    built = build(tmp_path / "home", "--without-tests", SEGMENTS_RAW=str(tmp_path / "raw"), AS_OF=AS_OF, **shop.settings)
    assert built.code == 0
    # these tell of the files as they are: the reconciliation has a line for rows that the date cannot see
    of_the_files = {"audit.control_totals", "audit.rejected_rows", "marts.platform_reconciliation",
                    "snapshots.notices_as_held", "snapshots.products_as_held"}
    then = export(built.folder, CALLER)
    now = once | {"audit.segment_runs": without_columns(once["audit.segment_runs"], CALLER)}
    assert then["audit.control_totals"] != now["audit.control_totals"], "something must have been recorded later"
    assert [name for name in now if name not in of_the_files and then[name] != now[name]] == []


def test_no_statement_of_a_build_reads_a_clock_or_a_random_number(shop, once):
    """What another day could change. The engine itself names its functions that are not pure."""
    with duckdb.connect() as connection:
        names = {name for (name,) in connection.execute(
            "select distinct function_name from duckdb_functions() where stability in ('VOLATILE', 'CONSISTENT_WITHIN_QUERY')"
        ).fetchall() if re.fullmatch(r"\w+", name)}
    assert {"now", "random", "uuid", "get_current_timestamp"} <= names
    harmless = {"error"}  # raise_if: stops, returns nothing
    calls = re.compile(
        r"\b(" + "|".join(sorted(names - harmless)) + r")\s*\(|\b(current_date|current_timestamp|current_time|localtimestamp|localtime)\b",
        re.IGNORECASE,
    )
    statements = [path for kind in ("compiled", "run") for path in (shop.home / "target" / kind).rglob("*.sql")
                  if path.is_file()]  # a snapshot has a folder of its name
    assert len(statements) > 100
    assert {path.name: calls.search(path.read_text())[0] for path in statements if calls.search(path.read_text())} == {}
