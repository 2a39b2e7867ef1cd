"""The command as a process of its own, for tests that kill it or run two; and a small shop for it to build."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
from conftest import ONE_THREAD, SETTINGS, build, close, copy_home, made_once

from segmentation.home import PROJECT, Home, duckdb_settings
from segmentation.purge import purge
from segmentation.verify import verify

FIRST, SECOND = "2026-03-01 00:00:00", "2026-03-08 00:00:00"
PURGED_AT, THIRD = datetime(2026, 3, 9, 2, 30), "2026-03-10 00:00:00"
KEYS = "\n".join(("5e" * 32, "a1" * 32, "0c" * 32))  # the third: a seed of leaf nonces, so that homes can be compared
# what tells who built when with which code (run_id hashes the code, the chain all of it), not what came out
ABOUT_THE_RUN = ("run_id", "executed_at", "executor", "code_sha", "previous_hash", "run_hash")
PATIENCE = 300  # seconds; a build of the small shop takes about ten on an idle machine


def write_shop(folder: Path) -> Path:
    """A shop of 24 customers with orders, events and consents, in which memberships change between FIRST and SECOND."""
    tables = {
        "orders": ["order_id,ordered_at,gross_amount,customer_id,email,currency"],
        "events": ["event_id,occurred_at,event_type,customer_id,amount"],
        "consents": ["consent_event_id,purpose,status,effective_at,customer_id,recorded_at"],
    }
    start = datetime(2025, 6, 1, 12)
    for person in range(24):
        customer = f"customer {person}"
        for number in range(person % 6 + 1):
            day = start + timedelta(days=45 * number + 11 * person)
            tables["orders"].append(f"order {person}-{number},{day},{20 * (person % 7 + 1)}.50,{customer},c{person}@example.com,EUR")
        cart = datetime(2026, 2, 24, 9) + timedelta(days=person % 11)
        tables["events"].append(f"event {person},{cart},add_to_cart,{customer},{30 + person}.00")
        if person % 4:
            tables["consents"].append(f"consent {person},*,granted,2025-01-01,{customer},2025-01-01")
        if person % 8 == 5:
            day = datetime(2026, 3, 4)
            tables["consents"].append(f"objection {person},*,objected,{day},{customer},{day}")
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in tables.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    (folder.parent / "keys").write_text(KEYS)
    return folder


def write_rows(raw: Path, rows: dict) -> None:
    """Add rows to a shop's files; a table that has other columns is joined with them by name."""
    for table, (header, lines) in rows.items():
        path = raw / f"{table}.csv"
        if not path.exists():
            path.write_text("\n".join([header, *lines]) + "\n")
            continue
        former, columns = path.read_text().splitlines(), header.split(",")
        known = former[0].split(",")
        wide = known + [column for column in columns if column not in known]
        padding = "," * (len(wide) - len(known))
        fresh = [",".join(dict(zip(columns, line.split(","))).get(column, "") for column in wide) for line in lines]
        path.write_text("\n".join([",".join(wide), *(line + padding for line in former[1:]), *fresh]) + "\n")


def shop_settings(raw: Path, as_of: str) -> dict[str, str]:
    """The settings of a build of the small shop; its keys are given, so that two homes have the same pseudonyms."""
    return {"SEGMENTS_RAW": str(raw), "SEGMENTS_KEY_FILE": str(raw.parent / "keys"), "AS_OF": as_of, "INGESTED_AT": "2026-03-10 00:00:00"}


class Command:
    """One run of `segmentation build --without-tests` on a home, in a process group of its own."""

    def __init__(self, home: Path, **settings: str):
        close()
        self.home = home
        self.log = home / "logs" / "dbt.log"
        self._seen = self.log.stat().st_size if self.log.exists() else 0
        env = {name: value for name, value in os.environ.items() if name not in SETTINGS}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "segmentation.cli", "build", "--without-tests"], cwd=PROJECT,
            env=env | ONE_THREAD | settings | {"SEGMENTS_HOME": str(home)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
            # tests started in the background of a shell ignore Ctrl-C, and so would their children
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def log_text(self) -> str:
        """What dbt has logged in this run."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(self._seen)
            return file.read().decode("utf-8", "replace")

    def wait_until(self, reached) -> None:
        """Wait for a condition: a pattern in dbt's log, or a function. Fails when the run ends first."""
        end = time.monotonic() + PATIENCE
        while not (reached() if callable(reached) else re.search(reached, self.log_text())):
            assert self.process.poll() is None, f"ended before {reached}: {self.process.communicate()}"
            assert time.monotonic() < end, f"{reached} not seen"
            time.sleep(0.01)

    def signal(self, number: int = signal.SIGKILL) -> tuple[int, str, str]:
        """Send a signal to the whole process group; returns exit code, output and error output."""
        os.killpg(self.process.pid, number)
        return self.finish()

    @contextmanager
    def frozen(self):
        """Stop the process group for a while: its files are then what a kill at this moment would leave."""
        os.killpg(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.process.pid, signal.SIGCONT)

    def finish(self) -> tuple[int, str, str]:
        """Wait for the end; returns exit code, output and error output."""
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err


def export(home: Path) -> dict[str, list[tuple]]:
    """All rows of all recorded and published tables of a home, ordered, without what is about the run itself."""
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True, config=duckdb_settings()) as connection:
        tables = connection.execute(
            """
            select schema_name, table_name, list(column_name order by column_index)
            from duckdb_columns()
            where database_name = 'warehouse' and schema_name in ('marts', 'segments', 'snapshots', 'audit')
                and (schema_name, table_name) in (select (schema_name, table_name) from duckdb_tables())
            group by all
            """
        ).fetchall()
        found = {}
        for schema, table, columns in tables:
            kept = ", ".join(f'"{column}"' for column in columns if column not in ABOUT_THE_RUN)
            found[f"{schema}.{table}"] = connection.execute(f'select {kept} from "{schema}"."{table}" order by all').fetchall()
        return found


def differences(one: dict[str, list[tuple]], other: dict[str, list[tuple]]) -> list[str]:
    """Names of the tables that two exports do not have in common, row for row."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def complete(home: Path, raw: Path, as_of: str) -> None:
    """A build that must succeed, in this process: starting dbt costs as much as the build."""
    assert build(home, "--without-tests", **shop_settings(raw, as_of)).code == 0


class Shop:
    """The small shop, evaluated with nothing in the way: a home for each date. Tests copy a home to change it."""

    def __init__(self, raw: Path, homes: dict[str, Path]):
        self.raw = raw
        self.homes = homes

    @property
    def home(self) -> Path:
        """The home after the newest evaluation."""
        return self.homes[max(self.homes)]


def undisturbed_shop(tmp_path_factory) -> Shop:
    """One shop for all test files that ask for it, evaluated at FIRST and SECOND."""

    def evaluate(home: Path, as_of: str) -> None:
        if as_of == SECOND:
            shutil.copytree(homes[FIRST], home, symlinks=True)
        complete(home, raw, as_of)

    raw = made_once(tmp_path_factory, "small shop", lambda folder: write_shop(folder / "raw")) / "raw"
    homes: dict[str, Path] = {}
    for number, as_of in enumerate((FIRST, SECOND), start=1):
        homes[as_of] = made_once(tmp_path_factory, f"small shop evaluated {number}", partial(evaluate, as_of=as_of))
    return Shop(raw, homes)


def purged_shop(tmp_path_factory) -> tuple[Path, int]:
    """The shop's home going on, and how many rows a purge took: all that had ended at SECOND. Tests only read it.

    Before the build at THIRD the run of SECOND was lost, as it is where a build was killed before it recorded its run. The purge is
    of test_purge.py, the lost run of test_evidence.py.
    """

    def make(folder: Path) -> None:
        home = Home(copy_home(shop.home, folder / "home"))
        done = purge(home, 0, PURGED_AT, "nightly")
        assert verify(home).findings == []
        with duckdb.connect(str(home.warehouse)) as warehouse:
            warehouse.execute("delete from audit.segment_runs where run_number = 2")
        assert verify(home).findings
        complete(home.folder, shop.raw, THIRD)
        (folder / "purged").write_text(str(sum(done.rows.values())))

    shop = undisturbed_shop(tmp_path_factory)
    folder = made_once(tmp_path_factory, "small shop purged", make)
    return folder / "home", int((folder / "purged").read_text())
