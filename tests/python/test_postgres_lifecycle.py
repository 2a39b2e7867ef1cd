"""Erasure, purge, holds and outbox on Postgres: the rows that are left are those that DuckDB leaves, and nothing of the person is.

The shop is that of test_erase.py, as files here and as tables there, with the same keys. Tests change copies of its database.
"""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg2
import pytest
from erasable_shop import DEVICES, LONE, NAMED, NOW, OTHER, PERSON, ROWS, TABLET, THIRD, with_devices, write_request
from hostile_shop import hostile_shop
from jinja_macros import Macros
from processes import FIRST, SECOND, write_rows, write_shop
from test_erase_device import LATE
from test_postgres import BUILDER, READABLE, RESTRICTED, Shop, chosen, content, create_tables, exactly, make_shop, run, server

from segmentation.cli import main
from segmentation.dbt_run import project_graph, run_dbt
from segmentation.erase import STEPS_AT_ONCE, plan
from segmentation.erasure_request import read_request
from segmentation.errors import UserError
from segmentation.home import PROJECT, Home
from segmentation.person import find_person, record_key, record_secrets
from segmentation.postgres import PostgresHome, open_database
from segmentation.purge import purge
from segmentation.verify import verify

pytestmark = pytest.mark.postgres
assert server  # the fixture

# a table there, a view over the shop's files here: an erasure takes rows out of the one, the other shows what the files hold
COPY_THERE = "intermediate.int_events_checked"
# what differs between the engines: bucket numbers, and the chain of a log that has a row more there (for COPY_THERE)
ENGINES_OWN = {"erased_identifiers": ("bucket", "bucket_check"), "deletion_log": ("log_number", "previous_hash", "log_hash")}
RUN = ("executed_at", "executor", "code_sha", "run_hash", "previous_hash")
PURGED = ("snapshots.segment_membership", "segments.segment_membership_history", "segments.segment_changes", "audit.pruned_leaves",
          "audit.deletion_ledger", "audit.deletion_log", "vault.outbox")


@dataclass
class Both:
    """One shop on both engines: a home of files, and a database with the home beside it."""

    here: Path
    there: Shop
    raw: Path

    @property
    def home(self) -> dict[str, str]:
        """What a command on Postgres is given."""
        return self.there.environment() | {"SEGMENTS_TARGET": "postgres", "SEGMENTS_HOME": str(self.there.home)}

    def run(self, *arguments: str, now: datetime = NOW, here: dict | None = None, there: dict | None = None) -> tuple[int, int]:
        """The same command on both engines at the same time of day, with more settings of each; returns the exit codes."""
        return (run_at(now, {"SEGMENTS_HOME": str(self.here)} | (here or {}), arguments),
                run_at(now, self.home | (there or {}), arguments))

    def run_there(self, *arguments: str, now: datetime = NOW, **settings: str) -> int:
        """A command on Postgres alone."""
        return run_at(now, self.home | settings, arguments)

    def build(self, as_of: str) -> tuple[int, int]:
        """Evaluate a date on both."""
        settings = {"SEGMENTS_KEY_FILE": str(self.raw.parent / "keys"), "AS_OF": as_of, "INGESTED_AT": "2026-03-15 00:00:00"}
        return self.run("build", "--without-tests", here=settings | {"SEGMENTS_RAW": str(self.raw)}, there=settings | {"SEGMENTS_RAW": "shop"})

    def different(self, *passed_over: str) -> dict[str, tuple]:
        """The relations that do not hold the same rows on both."""
        here, there = rows_here(self.here), rows_there(self.there)
        assert here.keys() == there.keys() and len(here) > 80
        return {name: (here[name][0], there[name][0]) for name in here if here[name] != there[name] and name not in passed_over}

    def copy(self, folder: Path) -> "Both":
        """One that a test may change."""
        folder.mkdir(parents=True, exist_ok=True)
        name = f"copy_{len(COPIES)}"
        COPIES.append(name)
        run(self.there.server, f"create database {name} owner {BUILDER} template {self.there.name}")
        there = Shop(self.there.server, name, home=Path(shutil.copytree(self.there.home, folder / "there", symlinks=True)))
        return Both(Path(shutil.copytree(self.here, folder / "here", symlinks=True)), there, self.raw)


COPIES: list[str] = []  # their names


def run_at(now: datetime, settings: dict[str, str], arguments: tuple[str, ...]) -> int:
    """A command with exactly these settings at a time of day."""
    with exactly(settings), pytest.MonkeyPatch.context() as patch:
        patch.setattr("segmentation.cli.present", lambda: now)
        patch.setattr("segmentation.cli.executor", lambda: "tester")
        return main([*arguments])


def kept(table: str, columns: list[str]) -> str:
    """The columns to compare."""
    return ", ".join(f'"{column}"' for column in columns
                     if column not in ENGINES_OWN.get(table, ()) and not (table == "segment_runs" and column in RUN)) or "1"


def rows_here(home: Path) -> dict[str, tuple[int, str]]:
    """Relation -> (rows, hash of the content) on DuckDB, the vault and its lists included."""
    with Home(home).writing() as warehouse:
        warehouse.execute("set TimeZone = 'UTC'")
        listed = warehouse.execute(
            """
            select table_catalog, table_schema, table_name, list(column_name order by ordinal_position) from information_schema.columns
            where table_catalog in ('warehouse', 'restricted') and list_contains(?, table_schema) and numeric_scale is distinct from 10
                and table_name not in ('area_access', 'nonce_seeds')
            group by all
            """, [[*READABLE, "activation", *RESTRICTED]]).fetchall()
        return {f"{schema}.{table}": content(without_copy(warehouse.execute(
            f'select {kept(table, columns)} from {catalog}."{schema}"."{table}"').fetchall())) for catalog, schema, table, columns in listed}


def rows_there(shop: Shop) -> dict[str, tuple[int, str]]:
    """The same on Postgres, under DuckDB's names."""
    with closing(shop.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(
            """
            select table_schema, table_name, array_agg(column_name::text order by ordinal_position) from information_schema.columns
            where table_schema = any(%s) and (data_type != 'numeric' or numeric_scale is distinct from 10)
                and table_name not in ('area_access', 'nonce_seeds')
            group by 1, 2
            """, [[*READABLE, "activation", *(f"restricted_{schema}" for schema in RESTRICTED)]])
        found = {}
        for schema, table, columns in cursor.fetchall():
            cursor.execute(f'select {kept(table, columns)} from "{schema}"."{table}"')
            found[f"{schema.removeprefix('restricted_')}.{table}"] = content(without_copy(cursor.fetchall()))
    return found


def without_copy(rows: list[tuple]) -> list[tuple]:
    """Rows of the log without the one for the table that is there only."""
    return [row for row in rows if f"restricted.{COPY_THERE}" not in row]


def read_tables(raw: Path) -> dict[str, list[dict[str, str]]]:
    """The shop's files as rows of texts."""
    found = {}
    for path in sorted(raw.glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            found[path.stem] = list(csv.DictReader(file))
    return found


def fill(shop: Shop, raw: Path) -> None:
    """The shop's tables as its files are now."""
    shop.rows("drop schema if exists shop cascade; select 1")
    create_tables(shop, "shop", read_tables(raw))


@pytest.fixture(scope="module")
def both(server, tmp_path_factory) -> Both:
    """The shop at FIRST and SECOND on both engines. Tests only read it."""
    folder = tmp_path_factory.mktemp("both")
    raw = write_shop(folder / "raw")
    write_rows(raw, ROWS)
    with_devices(raw, DEVICES)
    there = make_shop(server, "lifecycle")
    there.home = folder / "there"
    there.home.mkdir()
    fill(there, raw)
    shop = Both(folder / "here", there, raw)
    for as_of in (FIRST, SECOND):
        assert shop.build(as_of) == (0, 0)
    return shop


@pytest.fixture(scope="module")
def request_file(tmp_path_factory) -> Path:
    return write_request(tmp_path_factory.mktemp("request") / "request.json", ("controller_customer_id", PERSON))


@pytest.fixture(scope="module")
def erased(both: Both, request_file: Path, tmp_path_factory) -> Both:
    """The shop without PERSON, on both. A log and an export beside the database named the person before."""
    shop = both.copy(tmp_path_factory.mktemp("erased"))
    [(key,)] = shop.there.rows("select customer_key from restricted_vault.customer_keys where identifier = %s", [PERSON])
    (shop.there.home / "logs" / "dbt.log").write_text(f"a line about {key}\nanother line\n")
    (shop.there.home / "exports").mkdir()
    (shop.there.home / "exports" / "history.csv").write_text(f"customer_key\n{key}\n")
    (shop.there.home / "notes.txt").write_text(f"called {PERSON}\n")
    assert shop.run("erase", "--request", str(request_file)) == (0, 0)
    return shop


def test_the_shop_is_the_same_on_both_engines_before(both: Both):
    assert both.different() == {}
    assert both.there.rows("select count(*) from restricted_vault.customer_keys where identifier = %s", [PERSON]) == [(1,)]


def test_an_erasure_leaves_the_same_rows_in_every_relation_of_both_engines(both: Both, erased: Both):
    assert erased.different(COPY_THERE) == {}
    before, after = rows_there(both.there), rows_there(erased.there)
    gone = {name for name in before if before[name][0] > after[name][0]}
    assert {"marts.orders", "snapshots.segment_membership", "vault.customer_keys", "vault.leaf_nonces", COPY_THERE} <= gone and len(gone) > 30
    assert erased.there.rows("select n_rows from audit.deletion_log where relation = %s", [f"restricted.{COPY_THERE}"]) == [(3,)]
    # the log is chained on its own, and the outbox and the register are told
    log = erased.there.rows("select log_number, previous_hash, log_hash from audit.deletion_log order by 1")
    assert [row[0] for row in log] == list(range(1, len(log) + 1)) and [row[1] for row in log][1:] == [row[2] for row in log][:-1]
    assert erased.there.rows("select request_status, count(*) from restricted_vault.erasure_requests group by 1") == [("fulfilled", 1)]
    assert erased.there.rows("select * from restricted_vault.open_erasures") == []


def test_no_text_of_any_table_and_no_file_of_the_home_names_the_person(both: Both, erased: Both, tmp_path: Path, capsys):
    keys = [key for (key,) in both.there.rows("select customer_key from restricted_vault.customer_keys where identifier = any(%s)",
                                              [[PERSON, "eleven.person@example.com", "eleven.guest@example.net", "4930123456711"]])]
    words = [*NAMED, *keys]
    assert len(keys) == 4 and {word for _, word in named_in(both.there, words)} == {*words}
    assert {place for place, _ in named_in(erased.there, words)} == {"restricted_vault.outbox"}
    done = erased.copy(tmp_path / "told")
    for (message,) in done.there.rows("select outbox_id from restricted_vault.outbox"):
        assert done.run_there("outbox", "acknowledge", message, "--reference", "confirmed") == 0
    assert "every recipient has answered" in capsys.readouterr().out
    assert named_in(done.there, words) == []
    home = done.there.home
    log = (home / "logs" / "dbt.log").read_text()
    assert "another line\n" in log and "a line about" not in log and not (home / "exports" / "history.csv").exists()
    assert (home / "notes.txt").read_text() == f"called {PERSON}\n", "a file that is none of the project's"


def named_in(shop: Shop, words: list[str]) -> list[tuple[str, str]]:
    """Tables that hold one of the words, but those of the shop itself."""
    found = []
    with closing(shop.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("select nspname::text, relname::text from pg_class join pg_namespace n on n.oid = relnamespace "
                       "where relkind = 'r' and nspname !~ '^(pg_|information_schema|shop$)' order by 1, 2")
        for schema, table in cursor.fetchall():
            cursor.execute(f'select * from "{schema}"."{table}"')
            text = str(cursor.fetchall()).lower()
            found += [(f"{schema}.{table}", word) for word in words if word in text]
    return found


def test_no_byte_of_an_erased_person_is_left_in_the_files_of_the_tables(both: Both, request_file: Path, tmp_path: Path):
    """Nor in what the planner has noted. (The write-ahead log and backups are another matter: README.)"""
    shop = both.copy(tmp_path)
    words = [word.encode() for word in NAMED]
    before = bytes_of(shop.there)
    assert [word for word in words if word not in before] == [], "the scan finds what is there"
    assert shop.run_there("erase", "--request", str(request_file)) == 0
    # the shop does its part
    with closing(shop.there.connect()) as connection, connection.cursor() as cursor:
        for table in read_tables(shop.raw):
            cursor.execute(f"delete from shop.{table} as rows where rows::text like '%eleven%'")
            cursor.execute(f"vacuum (full, analyze) shop.{table}")
        cursor.execute("vacuum full pg_catalog.pg_statistic")
    for (message,) in shop.there.rows("select outbox_id from restricted_vault.outbox"):
        assert shop.run_there("outbox", "acknowledge", message, "--reference", "confirmed") == 0
    after = bytes_of(shop.there)
    assert [word for word in words if word in after] == []


def bytes_of(shop: Shop) -> bytes:
    """All files of a database as they are on disk."""
    [(folder, oid)] = admin_rows(shop, "select current_setting('data_directory'), oid from pg_database where datname = current_database()")
    admin_rows(shop, "checkpoint")
    return b"".join(path.read_bytes() for path in sorted((Path(folder) / "base" / str(oid)).iterdir()) if path.is_file())


def admin_rows(shop: Shop, sql: str) -> list[tuple]:
    """A statement as administrator."""
    connection = psycopg2.connect(host=shop.server["PGHOST"], user=shop.server["PGUSER"], dbname=shop.name)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def test_a_rebuild_brings_nobody_back_and_both_engines_go_on_alike(erased: Both, tmp_path: Path):
    """The shop still has all rows and sends more, old and new; the build checks every invariant, the ledger's balance among them."""
    shop = erased.copy(tmp_path / "again")
    shop.raw = Path(shutil.copytree(erased.raw, tmp_path / "raw"))
    shutil.copy(erased.raw.parent / "keys", tmp_path / "keys")
    write_rows(shop.raw, {"orders": (ROWS["orders"][0], [
        "eleven-order-7,2026-02-17 10:00:00,700.00,person-eleven,,,EUR,2026-03-11 10:00:00",
        "eleven-order-20,2026-03-12 10:00:00,60.00,person-eleven,,,EUR,2026-03-12 10:00:00"])})
    fill(shop.there, shop.raw)
    assert shop.build(THIRD) == (0, 0)
    assert shop.different(COPY_THERE) == {}
    named = named_in(shop.there, ["eleven-event-1", "eleven-refund-1", "eleven.person@example.com"])
    assert {place for place, _ in named} == {"restricted_vault.outbox"}
    assert shop.there.rows("select generation from restricted_vault.customer_keys where identifier = %s", [PERSON]) == [(1,)]
    assert shop.there.rows("select n_erased_rows from audit.control_totals where table_name = 'events'") == [(3,)]
    assert verified(shop.there, tmp_path / "copy").findings == []


def test_the_record_still_proves_itself_after_an_erasure_and_a_purge(both: Both, erased: Both, tmp_path: Path):
    """`segmentation verify` on a copy of the tables: every leaf, root, chain and the log of deletions computed again."""
    before, after = verified(both.there, tmp_path / "before"), verified(erased.there, tmp_path / "after")
    assert before.findings == [] and after.findings == [] and after.head == before.head and after.partitions > 20 and after.is_with_leaves
    purged = erased.copy(tmp_path / "purged")
    with exactly(purged.home), open_database() as database:
        assert purge(PostgresHome(purged.there.home, database), 0, NOW, "nightly").rows
    assert verified(purged.there, tmp_path / "purged copy").findings == []
    with purged.there.connect() as connection:
        connection.cursor().execute("update audit.deletion_ledger set n_purged = n_purged + 1 where n_purged > 0")
    assert verified(purged.there, tmp_path / "changed copy").findings


def verified(shop: Shop, folder: Path):
    """What verify() says of the database's tables, copied into DuckDB files."""
    folder.mkdir()
    kinds = {"timestamp without time zone": "timestamp", "ARRAY": "varchar[]"}
    home = Home(folder)
    with home.writing() as warehouse:
        warehouse.execute("set TimeZone = 'UTC'")
        for schema, table in shop.rows("select schemaname::text, tablename::text from pg_tables where schemaname in "
                                       "('marts', 'segments', 'snapshots', 'audit', 'restricted_vault')"):
            area = "restricted." + schema.removeprefix("restricted_") if schema.startswith("restricted_") else f"warehouse.{schema}"
            columns = shop.rows("select column_name::text, data_type::text from information_schema.columns "
                                "where (table_schema, table_name) = (%s, %s) order by ordinal_position", [schema, table])
            warehouse.execute(f"create schema if not exists {area}")
            warehouse.execute(f"create table {area}.{table} ({', '.join(f'{name} {kinds.get(kind, kind)}' for name, kind in columns)})")
            rows, marks = shop.rows(f"select * from {schema}.{table}"), f"({', '.join('?' * len(columns))})"
            for start in range(0, len(rows), 200):
                part = rows[start:start + 200]
                warehouse.execute(f"insert into {area}.{table} values {', '.join([marks] * len(part))}", [value for row in part for value in row])
    return verify(home)


KILLED = """
import os, signal
from segmentation import deletion, erase, outbox
from segmentation.postgres import Database, open_home
die = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
place = "{place}"
if place.startswith("step "):
    erase.STEPS_AT_ONCE = (*erase.STEPS_AT_ONCE[:int(place[5:])], die)
else:
    module, name = place.split(".")
    setattr(dict(deletion=deletion, outbox=outbox, erase=erase, database=Database)[module], name, die)
with open_home() as home:
    erase.resume(home)
"""


def test_c45_killed_anywhere_it_goes_on_to_the_same_end(both: Both, erased: Both, request_file: Path, tmp_path: Path, capsys):
    shop = both.copy(tmp_path / "killed")
    with exactly(shop.home), open_database() as database:
        home = PostgresHome(shop.there.home, database)
        request = read_request(request_file, NOW)
        key = record_key(record_secrets(database)[0], "request", request.request_id)
        journal = plan(database, find_person(database, request.identities), project_graph(home), key, request, NOW, "tester")
        journal.write(home.journal)
        path = home.journal
    before = rows_there(shop.there)
    places = [f"step {number}" for number in range(len(STEPS_AT_ONCE))]
    # in the one transaction: each leaves nothing of it; then after it
    places[1:1] = ["deletion.write_log", "outbox.put", "erase.residues"]
    places.insert(places.index("step 1") + 1, "database.vacuum")
    with exactly(shop.home):
        environment = dict(os.environ)
    for place in places:
        killed = subprocess.run([sys.executable, "-c", KILLED.format(place=place)], cwd=PROJECT, env=environment, capture_output=True, text=True)
        assert killed.returncode == -9, (place, killed.stderr)
        assert path.exists(), place
        if places.index(place) < places.index("step 1"):
            assert rows_there(shop.there) == before, place
        if place == "step 2":
            assert shop.build(THIRD)[1] == 1
            assert shop.run_there("purge") == 1 and shop.run_there("hold", "list") == 1
            assert capsys.readouterr().err.count("segmentation erase --resume") >= 3
            # with another home beside the same database, and for a plain dbt build
            assert shop.run_there("purge", SEGMENTS_HOME=str(tmp_path)) == 1
            assert "with the SEGMENTS_HOME that it was begun with" in capsys.readouterr().err
            with exactly(shop.home | {"SEGMENTS_RAW": "given"}), pytest.raises(UserError, match="an erasure is not finished"):
                run_dbt(["run", "--select", "evaluation_clock"], Home(shop.there.home))
    assert shop.run_there("erase", "--resume") == 0
    assert not path.exists() and rows_there(shop.there) == rows_there(erased.there)
    lists = [next(one.glob("erasures-*.json")).read_text() for one in (shop.there.home, erased.there.home)]
    assert lists[0] == lists[1] and json.loads(lists[0])[0]["request_id"] == request.request_id
    assert shop.run_there("erase", "--resume") == 1 and "is unfinished" in capsys.readouterr().err
    assert shop.run_there("erase", "--request", str(request_file)) == 0 and "fulfilled before" in capsys.readouterr().out


def test_c43_who_is_under_legal_hold_is_not_erased_until_the_hold_ends(both: Both, tmp_path: Path, capsys):
    shop = both.copy(tmp_path / "held")
    request = write_request(tmp_path / "request.json", ("email", "Eleven.Person@example.com"))
    assert shop.run("hold", "place", "--request", str(request), "--id", "LIT-1", "--reason", "claim before court") == (0, 0)
    assert shop.run("erase", "--request", str(request)) == (1, 1)
    assert capsys.readouterr().err.count("under legal hold LIT-1") == 2
    assert shop.different() == {}
    assert shop.there.rows("select count(*) from restricted_vault.customer_keys where identifier = %s", [PERSON]) == [(1,)]
    assert shop.run("hold", "lift", "LIT-1") == (0, 0)
    assert capsys.readouterr().out.count("to be run again: a7551968") == 2
    assert shop.run("erase", "--request", str(request)) == (0, 0)
    assert shop.different(COPY_THERE) == {}
    assert shop.run_there("hold", "list") == 0 and "LIT-1" in capsys.readouterr().out
    assert shop.there.rows("select request_status from restricted_vault.erasure_requests order by 1") == [("fulfilled",), ("held",)]


@pytest.mark.parametrize("words, identities", [
    ("Nobody is known here", [("controller_customer_id", "nobody")]), ("Identity 1 of the request is no e-mail", [("email", "nobody")]),
    ("held by 2 customers", [("email", "family@example.com")])])
def test_whom_a_request_does_not_name_is_said_alike_on_both_engines(both: Both, tmp_path: Path, capsys, words: str, identities: list):
    assert both.run("erase", "--request", str(write_request(tmp_path / "request.json", *identities))) == (1, 1)
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2 and errors[0] == errors[1] and words in errors[0]


def test_what_an_erased_person_restricted_stays_restricted_on_both_engines(both: Both, tmp_path: Path):
    shop = both.copy(tmp_path / "shared")
    request = write_request(tmp_path / "request.json", ("controller_customer_id", OTHER))
    assert shop.run("erase", "--request", str(request)) == (0, 0)
    assert shop.different(COPY_THERE) == {}
    assert shop.build(THIRD) == (0, 0)
    assert shop.different(COPY_THERE) == {}
    assert shop.there.rows("select count(*) from restricted_intermediate.int_consents where is_person_erased") == [(3,)]


def test_a_device_is_erased_alike_on_both_engines_and_whoever_used_it_stays(both: Both, tmp_path: Path):
    shop = both.copy(tmp_path / "devices")
    assert {word for _, word in named_in(shop.there, [LONE, TABLET])} == {LONE, TABLET}
    persons = shop.there.rows("select * from restricted_vault.customer_keys order by customer_key")
    for number, device in enumerate((LONE, TABLET)):
        request = write_request(tmp_path / "request.json", ("device_id", device), request_id=f"device-{number}")
        assert shop.run("erase", "--request", str(request)) == (0, 0)
    assert shop.different(COPY_THERE) == {} and named_in(shop.there, [LONE, TABLET]) == []
    assert shop.there.rows("select * from restricted_vault.customer_keys order by customer_key") == persons
    shop.raw = Path(shutil.copytree(both.raw, tmp_path / "raw"))
    shutil.copy(both.raw.parent / "keys", tmp_path / "keys")
    fill(shop.there, with_devices(shop.raw, LATE))
    assert shop.build(THIRD) == (0, 0)
    assert shop.different(COPY_THERE) == {}
    assert shop.there.rows("select count(*), sum(event_count) from marts.anonymous_visitors") == [(2, 4)]
    assert named_in(shop.there, [TABLET, f"{LONE}-3", f"{LONE}-late"]) == []
    assert verified(shop.there, tmp_path / "copy").findings == []


def test_a_purge_leaves_the_same_rows_on_both_engines_and_does_nothing_twice(both: Both, tmp_path: Path, monkeypatch, capsys):
    shop = both.copy(tmp_path / "purged")
    monkeypatch.setattr("segmentation.purge.history_retention_days", lambda: 0)
    due = shop.there.rows("select count(*) from snapshots.segment_membership where dbt_valid_to is not null")
    assert due[0][0] > 3
    with monkeypatch.context() as patch:
        patch.setattr("segmentation.deletion.rewrite_tables", lambda *_: sys.exit("killed"))
        with pytest.raises(SystemExit):
            shop.run_there("purge")
    assert list(shop.there.home.glob(".purge-*"))
    assert shop.run("purge") == (0, 0)
    assert shop.different() == {} and not list(shop.there.home.glob(".purge-*"))
    assert shop.there.rows("select sum(n_purged) from audit.deletion_ledger") == due
    assert shop.there.rows("select count(*) from restricted_vault.outbox")[0][0] > 0
    before = rows_there(shop.there)
    assert shop.run_there("purge") == 0 and rows_there(shop.there) == before
    assert shop.build(THIRD) == (0, 0)
    assert shop.different() == {}


def test_a_salt_of_an_old_epoch_is_destroyed_here_too(both: Both, tmp_path: Path, monkeypatch):
    shop = both.copy(tmp_path / "salts")
    monkeypatch.setattr("segmentation.vault.secrets.token_bytes", lambda number: bytes(range(number)))
    assert shop.run("vault", "rotate", "--at", "2026-03-09 00:00:00") == (0, 0)
    assert shop.build(THIRD) == (0, 0)
    monkeypatch.setattr("segmentation.purge.salt_retention_days", lambda: 1)
    assert shop.run("purge") == (0, 0)
    assert shop.there.rows("select epoch, inner_block is null, destroyed_at is null from restricted_vault.pid_salts order by 1") == [
        (1, True, False), (2, False, True)]
    assert shop.different() == {}


def test_c46_after_a_restore_nothing_runs_before_the_erased_are_erased_again(both: Both, erased: Both, tmp_path: Path, capsys):
    shop = both.copy(tmp_path / "restored")
    shutil.copytree(erased.there.home, shop.there.home, symlinks=True, dirs_exist_ok=True)
    assert shop.build(THIRD)[1] == 1 and shop.run_there("purge") == 1
    assert capsys.readouterr().err.count("is older than 1 erasure(s)") == 2
    assert shop.run_there("restore-check") == 0
    assert "Was back, erased again" in capsys.readouterr().out
    again, once = rows_there(shop.there), rows_there(erased.there)
    assert {name for name in once if again[name] != once[name]} == {"audit.restore_checks"}
    assert shop.run_there("restore-check") == 0 and "0 of them were missing" in capsys.readouterr().out


def test_a_list_of_erasures_is_not_applied_to_another_database(erased: Both, server, tmp_path: Path):
    """One home may lie beside several databases: each list and journal has the mark of its vault."""
    other = make_shop(server, "another")
    with exactly(other.environment()), open_database() as database:
        assert PostgresHome(erased.there.home, database).erasures.name == "erasures.json"
        for schema, table in (("restricted_vault", "hmac_keys"),):
            database.execute(f"create schema {schema}")
            database.execute(f"create table {schema}.{table} (key_name text, secret text, inner_block text, outer_block text)")
            database.execute(f"insert into {schema}.{table} values ('record_key', 'other', '00', '00')")
        home = PostgresHome(erased.there.home, database)
        assert home.erasures.name != next(erased.there.home.glob("erasures-*.json")).name and not home.erasures.exists()
    run(server, "drop database another with (force)")


def test_a_table_that_the_project_does_not_know_stops_the_erasure(both: Both, request_file: Path, tmp_path: Path, capsys):
    """In the project's schemas by its columns; elsewhere, where other programs have theirs, by a key of this person."""
    shop = both.copy(tmp_path / "unknown")
    other = "customer_key in (select customer_key from restricted_vault.customer_keys where identifier like 'customer %')"
    for statement, name in (("create table marts.my_copy as select * from marts.customers where false", "marts.my_copy"),
                            ("create schema analyst; create materialized view analyst.mine as select * from marts.customers", "analyst.mine")):
        with shop.there.connect() as connection:
            connection.cursor().execute(statement)
        before = rows_there(shop.there)
        assert shop.run_there("erase", "--request", str(request_file)) == 1
        assert f"{name} holds customer_key, but is no table of this project" in capsys.readouterr().err
        assert rows_there(shop.there) == before and not list(shop.there.home.glob(".erasure*"))
        with shop.there.connect() as connection:
            connection.cursor().execute(f"drop {'materialized view' if 'view' in statement else 'table'} {name}")
    with shop.there.connect() as connection:
        connection.cursor().execute(f"create table analyst.mine as select * from marts.customers where {other}")
        # a text where nobody looks for a person: found before anything is erased
        connection.cursor().execute("alter table marts.retention_thresholds add column note text; update marts.retention_thresholds set note = ("
                                    f"select customer_key from restricted_vault.customer_keys where identifier = '{PERSON}')")
    before = rows_there(shop.there)
    assert shop.run_there("erase", "--request", str(request_file)) == 1
    assert "would still be named in marts.retention_thresholds, column note" in capsys.readouterr().err
    assert rows_there(shop.there) == before and not list(shop.there.home.glob(".erasure*"))
    with shop.there.connect() as connection:
        connection.cursor().execute("alter table marts.retention_thresholds drop column note")
    assert shop.run_there("erase", "--request", str(request_file)) == 0


def test_a_session_that_may_still_see_the_rows_is_named_and_waited_for(both: Both, request_file: Path, tmp_path: Path, capsys):
    shop = both.copy(tmp_path / "seen")
    reader = psycopg2.connect(host=shop.there.server["PGHOST"], user=BUILDER, dbname=shop.there.name)
    reader.cursor().execute("set transaction isolation level repeatable read; select 1")
    assert shop.run_there("erase", "--request", str(request_file)) == 1
    assert re.search(r"[0-9]+ deleted rows of \S+ may still be seen by a session that began before", capsys.readouterr().err)
    reader.rollback()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("segmentation.postgres.LONGEST_WAIT", "100ms")
        reader.cursor().execute("lock table restricted_vault.customer_keys in access share mode")
        assert shop.run_there("erase", "--resume") == 1
        assert '"restricted_vault"."customer_keys" is in use by another session' in capsys.readouterr().err
    reader.close()
    assert shop.run_there("erase", "--resume") == 0


def test_without_a_build_there_is_nobody_to_erase(server, request_file: Path, tmp_path: Path, capsys):
    empty = make_shop(server, "nobody")
    for arguments in (["erase", "--request", str(request_file)], ["hold", "list"], ["outbox", "list"], ["purge"], ["restore-check"]):
        assert run_at(NOW, empty.environment() | {"SEGMENTS_TARGET": "postgres", "SEGMENTS_HOME": str(tmp_path)}, tuple(arguments)) == 1
    assert capsys.readouterr().err.count("The database nobody holds no build yet") == 5
    run(server, "drop database nobody with (force)")


def test_identifiers_and_hashes_are_written_as_the_macros_of_postgres_write_them(server):
    """What erasure looks for must be what ingestion wrote: on texts of the hostile shop."""
    macros = Macros(PROJECT / "macros" / "privacy", PROJECT / "macros" / "cross_db", engine="postgres")
    texts = sorted({value for rows in hostile_shop().values() for row in rows for value in row.values() if value})
    shop = make_shop(server, "words")
    with exactly(shop.environment()), open_database() as database:
        rows = database.execute(
            f"""
            select {macros.normalised_email('x')}, {database.normalised('email', 'x')}, {macros.normalised_phone('x')},
                {database.normalised('phone', 'x')}, {macros.identifier_bucket('x')}, {database.bucket('x')},
                {macros.sha256_hex('x')}, {database.sha256('x')}
            from (select unnest(%s::text[]) as x) as given
            """.replace("%s", "?"), [texts]).fetchall()
    assert len(rows) == len(texts) > 500
    assert [row for row in rows if row[0::2] != row[1::2]] == []
    assert len({row[0] for row in rows}) > 8 and len({row[2] for row in rows}) > 50
    run(server, "drop database words with (force)")
