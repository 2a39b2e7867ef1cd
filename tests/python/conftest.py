"""Builds that the tests share. A build is what a user gets from `segmentation build`, in this process for speed."""

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest
from filelock import FileLock

from segmentation import vault
from segmentation.cli import DEMO_AS_OFS, main
from segmentation.home import PROJECT, duckdb_settings

SETTINGS = (
    "SEGMENTS_RAW", "SEGMENTS_HOME", "SEGMENTS_KEY_FILE", "AS_OF", "KNOWN_AT", "INGESTED_AT", "REPORTING_CURRENCY",
    "SEGMENTS_THREADS", "SEGMENTS_MEMORY", "SEGMENTS_TARGET", "SEGMENTS_UNIT_TESTS", "DBT_WRITE_JSON",
)
# what tests compute is small, and two of them run at a time: DuckDB's second thread would only take CPU from the other test
ONE_THREAD = {"SEGMENTS_THREADS": "1"}
os.environ.update(ONE_THREAD)
WITH_JSON = {"DBT_WRITE_JSON": "true"}  # manifest and results, a tenth of a build, for tests that read them
WITH_UNITS = {"SEGMENTS_UNIT_TESTS": "true"}  # as the demo is built: without, a build of its copy parses the whole project anew
# `make test` gives whole files to the workers of pytest-xdist: the longest first, so that all end at about the same time.
LONGEST = ["test_erase", "test_history_properties", "test_style", "test_stability", "test_rotation", "test_crash", "test_determinism",
           "test_coarse_sums", "test_spec_gate", "test_examples", "test_bad_input", "test_replay", "test_changes",
           "test_golden_cdnow", "test_erase_device", "test_concurrency", "test_verify", "test_evidence", "test_lifecycle", "test_attacks",
           "test_purge", "test_ask", "test_invariants", "test_golden_segments", "test_metrics", "test_predictions", "test_demo_data", "test_identity",
           "test_export", "test_soft_opt_in"]
RANKS = {name: number for number, name in enumerate(LONGEST)}
SEGMENT_FOLDERS = sorted(path for path in (PROJECT / "models/segments").iterdir() if path.is_dir())
SHARED_DATA = Path(__file__).resolve().parents[3] / "shared"


class NoPandas:
    """Says at once that pandas is not there: DuckDB asks for it with each value of a parameter, and Python would search its path."""

    @staticmethod
    def find_spec(name: str, *_) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


if find_spec("pandas") is None:
    sys.meta_path.insert(0, NoPandas)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files into their order."""
    items.sort(key=lambda item: RANKS.get(item.path.stem, len(LONGEST)))


class Built:
    """A home after a build: its folder, the command's exit code, and read-only queries on it."""

    def __init__(self, folder: Path, code: int):
        self.folder = folder
        self.code = code

    def rows(self, sql: str, parameters: list | None = None) -> list[tuple]:
        """Rows of a query on the warehouse, with the restricted database attached as `restricted` where the query names it or asks for all."""
        names = ("warehouse", *(["restricted"] if re.search(r"restricted|duckdb_\w+\(\)", sql) else []))
        return opened(self.folder, names).execute(sql, parameters or []).fetchall()


_opened: dict[str, tuple] = {}  # the databases that engine() has attached: which files, and as they were


def opened(folder: Path, names: tuple[str, ...]) -> duckdb.DuckDBPyConnection:
    """DuckDB with databases of a home attached, read-only. They stay until others are asked for, or their files have changed."""
    connection = engine()
    for name in names:
        files = [folder / f"{name}.duckdb", folder / f"{name}.duckdb.wal"]
        state = (folder, *((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in (file.stat() for file in files if file.exists())))
        if _opened.get(name) != state:
            close(name)
            connection.execute(f"attach '{files[0]}' as {name} (read_only)")
            _opened[name] = state
    connection.execute("use warehouse")
    return connection


def close(*names: str) -> None:
    """Detach the databases of a home, all of them by default: nobody else can write to what is read here."""
    engine().execute("use memory")
    for name in names or ("warehouse", "restricted"):
        engine().execute(f"detach database if exists {name}")
        _opened.pop(name, None)


connect = duckdb.connect


def closing_connect(database: str | Path = ":memory:", read_only: bool = False, **more) -> duckdb.DuckDBPyConnection:
    """As duckdb.connect; whoever opens a file to write to it, a test or a command, finds it closed."""
    if not read_only and str(database) != ":memory:":
        close()
    return connect(database, read_only=read_only, **more)


duckdb.connect = closing_connect


@cache
def engine() -> duckdb.DuckDBPyConnection:
    """DuckDB for all queries of the tests: to start one takes longer than to open a home in it."""
    connection = connect(config=duckdb_settings())
    connection.execute("set TimeZone = 'UTC'")
    return connection


def build(folder: Path, *options: str, **settings: str) -> Built:
    """Run `segmentation build` into a home with exactly the given settings (SEGMENTS_RAW, AS_OF ...)."""
    return command(folder, "build", *options, **settings)


def command(folder: Path, *arguments: str, **settings: str) -> Built:
    """Run any `segmentation` command on a home with exactly the given settings (and one thread, when they name no other number)."""
    before = {name: os.environ.pop(name, None) for name in SETTINGS}
    os.environ.update(ONE_THREAD | settings, SEGMENTS_HOME=str(folder))
    try:
        return Built(folder, main([*arguments]))
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def made_once(tmp_path_factory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that tests only read, made by the first worker of pytest-xdist that asks for it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    made = folder.with_name(f"{name} made")
    with FileLock(folder.with_name(f"{name}.lock")):
        if not made.exists():
            assert not folder.exists(), f"{name}: another worker could not make it"
            make(folder)
            made.touch()
    return folder


def succeed(built: Built) -> None:
    """What tests are to read must have been built."""
    assert built.code == 0


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Built:
    """The demo shop, built with all dbt tests, unit tests too."""
    return Built(made_once(tmp_path_factory, "demo", lambda folder: succeed(build(folder, **WITH_UNITS, **WITH_JSON))), 0)


@pytest.fixture(scope="session")
def weeks(tmp_path_factory) -> Built:
    """The demo evaluated on its twelve Mondays, as `segmentation demo` does it."""
    return Built(made_once(tmp_path_factory, "weeks", lambda folder: succeed(command(folder, "demo"))), 0)


def copy_home(home: Path, folder: Path) -> Path:
    """A copy of a home that a test may change, without the models as dbt compiled them: hundreds of files, which take most of the time."""
    return Path(shutil.copytree(home, folder, symlinks=True, ignore=shutil.ignore_patterns("compiled", "run")))


def going_on(tmp_path_factory, name: str, former: Built, change: Callable[[Path], object]) -> Built:
    """A copy of a home, changed once for all tests that read it; beside it is room for files of its own."""
    return Built(made_once(tmp_path_factory, name, lambda folder: change(copy_home(former.folder, folder / "home"))) / "home", 0)


@contextmanager
def said_in(path: Path) -> Iterator[None]:
    """What is printed meanwhile goes into a file."""
    with path.open("w", encoding="utf-8") as file, redirect_stdout(file):
        yield


@pytest.fixture
def demo_copy(demo: Built, tmp_path: Path) -> Built:
    """A copy of the built demo that a test may change."""
    return Built(copy_home(demo.folder, tmp_path / "home"), 0)


def write_tables(folder: Path, tables: dict[str, list[dict]]) -> Path:
    """A folder of CSV files with text values as given; a row may leave columns of its table out."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, rows in tables.items():
        columns = list(dict.fromkeys(column for row in rows for column in row))
        lines = [",".join(columns)]
        for row in rows:
            lines.append(",".join('"' + str("" if row.get(c) is None else row[c]).replace('"', '""') + '"' for c in columns))
        (folder / f"{table}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def united_shop(tmp_path_factory, name: str, *shops: dict[str, list[dict]], **settings: str) -> Built:
    """Shops of a few rows, each of one test file, built as one: to build costs the same for ten rows and for a hundred.

    Their ids and people must differ, and what a file asks of the whole shop must hold with the rows of the others. Beside the home
    lie what the build printed, `said`, and the random seeds of nonces that it drew, `seeds`.
    """

    def make(folder: Path) -> None:
        tables = {table: [row for shop in shops for row in shop.get(table, [])] for shop in shops for table in shop}
        raw, drawn, token_hex = write_tables(folder / "raw", tables), [], vault.secrets.token_hex
        with pytest.MonkeyPatch.context() as patch, said_in(folder / "said"):
            patch.setattr(vault.secrets, "token_hex", lambda size: drawn.append(token_hex(size)) or drawn[-1])
            succeed(build(folder / "home", "--without-tests", SEGMENTS_RAW=str(raw), INGESTED_AT="2026-06-01 00:00:00",
                          REPORTING_CURRENCY="EUR", **settings))
        (folder / "seeds").write_text("\n".join(drawn))

    return Built(made_once(tmp_path_factory, name, make) / "home", 0)


@pytest.fixture(scope="session")
def newest_shop(tmp_path_factory) -> Built:
    """The rows of test_clock.py, test_blank_text.py and test_privacy_scan.py, built without AS_OF, with a random key and seed.

    The newest of them are of test_clock.py. test_evidence.py, without rows of its own, asks for the seed. In ids of five letters or
    more and in addresses there must be nothing that stands in a file of any home, such as a word or an address of our documentation.
    """
    from test_blank_text import TABLES as blank
    from test_clock import TABLES as clock
    from test_privacy_scan import TABLES as addresses

    return united_shop(tmp_path_factory, "newest shop", clock, blank, addresses, **WITH_JSON)


@pytest.fixture(scope="session")
def march_shop(tmp_path_factory) -> Built:
    """The rows of test_golden_value_groups.py and of test_events_meaning.py, whose people buy nothing; at the end of March."""
    from test_events_meaning import AS_OF
    from test_events_meaning import TABLES as visitors
    from test_golden_value_groups import TABLES as buyers

    return united_shop(tmp_path_factory, "march shop", buyers, visitors, AS_OF=AS_OF)


@pytest.fixture(scope="session")
def weeks_in_april(weeks: Built, tmp_path_factory) -> Built:
    """The demo's Mondays going on: without two persons, two files exported, the newest Monday built again, then 20 April.

    Tests only read it: test_coarse_sums.py, whose the erased are, test_export.py, and test_vendors.py, for contracts are overdue by
    then. Beside the home lies what the last build printed, `said`.
    """
    from test_coarse_sums import erased_twice

    def go_on(home: Path) -> None:
        for name in ("segment_metrics", "retention_transitions"):
            succeed(command(home, "export", name, "--out", str(home.with_name(f"{name}.csv"))))
        succeed(build(home, "--without-tests", AS_OF=str(DEMO_AS_OFS[-1])))
        with said_in(home.with_name("said")):
            succeed(build(home, "--without-tests", AS_OF="2026-04-20 00:00:00"))

    return going_on(tmp_path_factory, "weeks in april", erased_twice(tmp_path_factory, weeks), go_on)


@pytest.fixture
def raw_folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes a folder of CSV files: raw_folder(orders=[{...}, ...], refunds=[...]) with text values as given."""
    return lambda name="raw", **tables: write_tables(tmp_path / name, tables)
