"""Builds that the tests share. A build is what a user gets from `segmentation build`, in this process for speed."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from segmentation.cli import main

SETTINGS = (
    "SEGMENTS_RAW", "SEGMENTS_HOME", "SEGMENTS_KEY_FILE", "AS_OF", "KNOWN_AT", "INGESTED_AT", "REPORTING_CURRENCY",
    "SEGMENTS_THREADS",
)
SHARED_DATA = Path(__file__).resolve().parents[3] / "shared"


class Built:
    """A home after a build: its folder, the command's exit code, and read-only queries on it."""

    def __init__(self, folder: Path, code: int):
        self.folder = folder
        self.code = code

    def rows(self, sql: str, parameters: list | None = None) -> list[tuple]:
        """Rows of a query on the warehouse, with the restricted database attached as `restricted`."""
        with duckdb.connect(str(self.folder / "warehouse.duckdb"), read_only=True) as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute(f"attach '{self.folder / 'restricted.duckdb'}' as restricted (read_only)")
            return connection.execute(sql, parameters or []).fetchall()


def build(folder: Path, *options: str, **settings: str) -> Built:
    """Run `segmentation build` into a home with exactly the given settings (SEGMENTS_RAW, AS_OF ...)."""
    return command(folder, "build", *options, **settings)


def command(folder: Path, *arguments: str, **settings: str) -> Built:
    """Run any `segmentation` command on a home with exactly the given settings."""
    before = {name: os.environ.pop(name, None) for name in SETTINGS}
    os.environ.update(settings, SEGMENTS_HOME=str(folder))
    try:
        return Built(folder, main([*arguments]))
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Built:
    """The demo shop, built with all dbt tests. Tests only read it."""
    built = build(tmp_path_factory.mktemp("demo"))
    assert built.code == 0
    return built


@pytest.fixture
def demo_copy(demo: Built, tmp_path: Path) -> Built:
    """A copy of the built demo that a test may change."""
    folder = tmp_path / "home"
    shutil.copytree(demo.folder, folder, symlinks=True)
    return Built(folder, 0)


@pytest.fixture
def raw_folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes a folder of CSV files: raw_folder(orders=[{...}, ...], refunds=[...]) with text values as given."""

    def write(name: str = "raw", **tables: list[dict]) -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        for table, rows in tables.items():
            columns = list(dict.fromkeys(column for row in rows for column in row))
            lines = [",".join(columns)]
            for row in rows:
                lines.append(",".join('"' + str(row.get(c, "")).replace('"', '""') + '"' for c in columns))
            (folder / f"{table}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return folder

    return write
