"""Write the benchmark's raw data: `python bench/generate.py SIZE FOLDER`.

The rows come from generate.sql; this file only walks the calendar of arrival files.
"""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb

CUSTOMERS = {"XS": 1_000, "S": 100_000, "M": 1_000_000}
TABLES = ("orders", "refunds", "events", "consents", "customers")
HISTORY_START = dt.date(2023, 1, 1)
LAST_MONTH = dt.date(2025, 12, 1)
HISTORY_END = dt.date(2026, 1, 1)
SPLIT_MARKER = "-- split:"
SQL_FILE = Path(__file__).with_name("generate.sql")


def arrival_files() -> Iterator[tuple[str, dt.date, dt.date]]:
    """Yield (file name, first day, day after the last): months, the last month by day."""
    start = HISTORY_START
    while start < LAST_MONTH:
        end = (start + dt.timedelta(days=31)).replace(day=1)
        yield f"{start:%Y-%m}.parquet", start, end
        start = end
    while start < HISTORY_END:
        end = start + dt.timedelta(days=1)
        yield f"{start:%Y-%m-%d}.parquet", start, end
        start = end


def generate(size: str, folder: Path) -> None:
    """Write all tables of one size into `folder`, which appears only when complete."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    for table in TABLES:
        (part / table).mkdir(parents=True)
    once, _, per_file = SQL_FILE.read_text().partition(SPLIT_MARKER)
    with duckdb.connect(config={"temp_directory": str(part / "spill")}) as db:
        db.execute("set variable customers = $1", [CUSTOMERS[size]])
        db.execute("set variable folder = $1", [str(part)])
        db.execute(once)
        for name, start, end in arrival_files():
            db.execute("set variable file_name = $1", [name])
            db.execute("set variable arrival_from = $1::timestamp", [start])
            db.execute("set variable arrival_to = $1::timestamp", [end])
            db.execute("--" + per_file)
    shutil.rmtree(part / "spill", ignore_errors=True)
    part.rename(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("size", choices=CUSTOMERS)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    generate(arguments.size, arguments.folder)
