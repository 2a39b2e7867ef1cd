"""Postgres, the second target: the same results as DuckDB to the last character, and nobody but the builder sees persons.

The server is temporary (postgres_server.py). Its databases sort texts in a way of their own (upper case first, numbers by
value, punctuation ignored) and its clock stands in Auckland: nothing may depend on either. The builder is an ordinary role.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import psycopg2
import pytest
from conftest import SETTINGS, Built, build, write_tables
from hostile_shop import hostile_shop
from postgres_server import SUPERUSER, running_server
from test_predictions import check_that_inputs_are_read_once

from segmentation.ask import check, find, plain_sql, questions
from segmentation.cli import main
from segmentation.errors import UserError
from segmentation.postgres import VAULT, Database, open_database, prepare, view_queries
from segmentation.vault import rotate

pytestmark = pytest.mark.postgres

EARLIER, LATER = "2026-03-09 00:00:00", "2026-03-30 00:00:00"
EXISTING = "existing_customer"
BUILDER, READER = "segmentation", "segmentation_reader"
READABLE = ("marts", "segments", "snapshots", "audit")
RESTRICTED = ("intermediate", "evaluated", "vault")  # on DuckDB in the file `restricted`, on Postgres with a prefix
CALLER = ("executed_at", "executor", "code_sha", "run_hash", "previous_hash")  # of audit.segment_runs: who built, when; hashed in
ENGINES_OWN = ("area_access",)  # who can enter an area: roles there, files here
STATISTIC = 10  # decimals of a statistic, whose last ones may differ: doubles went into it
HOSTILE_ORDER = "locale_provider icu icu_locale 'und-u-ka-shifted-kf-upper-kn' lc_collate 'C' lc_ctype 'C'"


@contextmanager
def exactly(settings: dict[str, str]) -> Iterator[None]:
    """The environment with these settings and none of the command's others."""
    with pytest.MonkeyPatch.context() as patch:
        for name in SETTINGS:
            patch.delenv(name, raising=False)
        for name, value in settings.items():
            patch.setenv(name, value)
        yield


@dataclass
class Shop:
    """A database on the test server, with the settings of the builds that go into it."""

    server: dict[str, str]
    name: str
    settings: dict[str, str] = field(default_factory=dict)
    home: Path | None = None

    def environment(self) -> dict[str, str]:
        """What the command is given, beside its settings."""
        return self.server | {"PGDATABASE": self.name, "PGUSER": BUILDER}

    def connect(self, user: str = BUILDER):
        """A connection in autocommit."""
        connection = psycopg2.connect(host=self.server["PGHOST"], user=user, dbname=self.name)
        connection.autocommit = True
        return connection

    def rows(self, sql: str, parameters: list | None = None, user: str = BUILDER) -> list[tuple]:
        """Rows of a query."""
        with self.connect(user) as connection, connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall()

    def build(self, home: Path, *options: str, **settings: str) -> int:
        """`segmentation build --target postgres` with exactly the given settings; returns its exit code."""
        with exactly(self.environment() | self.settings | settings | {"SEGMENTS_HOME": str(home)}):
            return main(["build", "--target", "postgres", *options])


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    """The server, with the builder's and the reader's role."""
    with running_server() as connection:
        run(connection, f"create role {BUILDER} login", f"create role {READER} login")
        yield connection


def run(server: dict[str, str], *statements: str) -> None:
    """Run statements as administrator."""
    connection = psycopg2.connect(host=server["PGHOST"], user=server["PGUSER"], dbname="postgres")
    connection.autocommit = True
    for statement in statements:
        connection.cursor().execute(statement)
    connection.close()


def make_shop(server: dict[str, str], name: str, **settings: str) -> Shop:
    """A new database of the builder's."""
    run(server, f"create database {name} owner {BUILDER} template template0 encoding 'UTF8' {HOSTILE_ORDER}")
    return Shop(server, name, settings)


@pytest.fixture(scope="module")
def demo_there(server, tmp_path_factory) -> Shop:
    """The demo on Postgres: with all dbt tests, then a second date on top."""
    shop = make_shop(server, "demo")
    shop.home = home = tmp_path_factory.mktemp("postgres")
    assert shop.build(home, AS_OF=EARLIER, SEGMENTS_UNIT_TESTS="true") == 0
    assert shop.build(home, "--without-tests", AS_OF=LATER) == 0
    return shop


@pytest.fixture(scope="module")
def demo_here(tmp_path_factory) -> Built:
    """The demo on DuckDB, the same two dates."""
    home = tmp_path_factory.mktemp("duckdb")
    assert build(home, "--without-tests", AS_OF=EARLIER).code == 0
    return checked(build(home, "--without-tests", AS_OF=LATER))


@pytest.fixture(scope="module")
def hostile(server, tmp_path_factory) -> tuple[Built, Shop, Path]:
    """The hostile shop on both engines, two dates each: a folder of CSV files here, a schema of text columns there."""
    folder = tmp_path_factory.mktemp("hostile")
    keys = folder / "keys"
    keys.write_text("".join(f"{bytes([n] * 32).hex()}\n" for n in (7, 8, 9)))  # the third: one seed of nonces for both
    settings = dict(SEGMENTS_KEY_FILE=str(keys), REPORTING_CURRENCY="EUR", INGESTED_AT="2026-03-31 22:00:00")
    tables = hostile_shop()
    write_tables(folder / "raw", tables)
    shop = make_shop(server, "hostile", SEGMENTS_RAW="shop", **settings)
    create_tables(shop, "shop", tables)
    here = None
    for as_of in (EARLIER, LATER):
        if here:
            rotate_both(here, shop)
        here = checked(build(folder / "here", "--without-tests", AS_OF=as_of, SEGMENTS_RAW=str(folder / "raw"), **settings))
        assert shop.build(folder / "there", "--without-tests", AS_OF=as_of) == 0
    return here, shop, folder


def rotate_both(here: Built, there: Shop) -> None:
    """Begin an epoch on both engines, with one salt and at one time of day: else nothing could be compared."""
    rotation = ["vault", "rotate", "--at", "2026-03-15 12:00:00"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("segmentation.cli.present", lambda: datetime(2026, 3, 12))
        patch.setattr("segmentation.vault.secrets.token_bytes", lambda number: bytes(range(number)))
        with exactly({"SEGMENTS_HOME": str(here.folder)}):
            assert main(rotation) == 0
        with exactly(there.environment() | {"SEGMENTS_TARGET": "postgres"}):
            assert main(rotation) == 0
            assert main(["vault", "list"]) == 0


def checked(built: Built) -> Built:
    """A build that must have gone well."""
    assert built.code == 0
    return built


def create_tables(shop: Shop, schema: str, tables: dict[str, list[dict]]) -> None:
    """One table of text columns per table, owned by the builder."""
    with shop.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"create schema {schema}")
        for table, rows in tables.items():
            cursor.execute(f"create table {schema}.{table} ({', '.join(f'{column} text' for column in rows[0])})")
            marks = ", ".join(["%s"] * len(rows[0]))
            cursor.executemany(f"insert into {schema}.{table} values ({marks})", [list(row.values()) for row in rows])


def hashes_here(built: Built) -> dict[str, tuple[int, str]]:
    """Relation -> (rows, hash of the content) on DuckDB."""
    listed = built.rows(
        """
        select table_catalog, table_schema, table_name, list(column_name order by ordinal_position)
        from information_schema.columns
        where table_catalog in ('warehouse', 'restricted') and list_contains(?, table_schema) and numeric_scale is distinct from ?
        group by all
        """, [[*READABLE, *RESTRICTED], STATISTIC])
    return {f"{schema}.{table}": content(built.rows(f'select {chosen(table, columns)} from {catalog}."{schema}"."{table}"'))
            for catalog, schema, table, columns in listed if table not in ENGINES_OWN}


def hashes_there(
    shop: Shop, schemas: tuple[str, ...] = (*READABLE, *(f"restricted_{schema}" for schema in RESTRICTED))
) -> dict[str, tuple[int, str]]:
    """Relation -> (rows, hash of the content) on Postgres, under DuckDB's names."""
    listed = shop.rows(
        """
        select table_schema, table_name, array_agg(column_name::text order by ordinal_position)
        from information_schema.columns
        where table_schema = any(%s) and (data_type != 'numeric' or numeric_scale is distinct from %s) group by 1, 2
        """, [list(schemas), STATISTIC])
    return {f"{schema.removeprefix('restricted_')}.{table}": content(
        shop.rows(f'select {chosen(table, columns)} from "{schema}"."{table}"')) for schema, table, columns in listed
        if table not in ENGINES_OWN}


def chosen(table: str, columns: list[str]) -> str:
    """The columns to compare."""
    return ", ".join(f'"{column}"' for column in columns if table != "segment_runs" or column not in CALLER)


def content(rows: list[tuple]) -> tuple[int, str]:
    """How many rows, and a hash of them in any order."""
    lines = sorted("\x1f".join("\x00" if value is None else str(value) for value in row) for row in rows)
    return len(lines), hashlib.sha256("\x1e".join(lines).encode()).hexdigest()


def test_every_relation_of_the_demo_is_the_same_on_both_engines(demo_here, demo_there):
    here, there = hashes_here(demo_here), hashes_there(demo_there)
    assert here.keys() == there.keys() and len(here) > 80
    assert {name: (here[name], there[name]) for name in here if here[name] != there[name]} == {}
    full = [here[name][0] for name in ("marts.customer_features", "segments.segment_members", "snapshots.segment_membership")]
    assert min(full) > 300, "empty relations prove nothing"


def test_statistics_are_the_same_but_for_their_last_digit(demo_here, demo_there):
    for schema, table, key, columns in (
        ("marts", "customer_predictions", "customer_key",
         "p_alive, expected_orders_90d, churn_risk_90d, expected_orders_365d, expected_order_value"),
        ("intermediate", "int_prediction_cells", "sample || repeat_order_days || ' ' || age_days",
         "orders_90d, orders_365d, discounted_orders_365d"),
    ):
        restricted = schema in RESTRICTED
        here, there = (
            {row[0]: {place: float(value) for place, value in enumerate(row[1:]) if value is not None}
             for row in shop.rows(f"select {key}, {columns} from {prefix if restricted else ''}{schema}.{table}")}
            for shop, prefix in ((demo_here, "restricted."), (demo_there, "restricted_")))
        assert here.keys() == there.keys() and len(here) > 300
        for name in here:
            assert there[name] == pytest.approx(here[name], rel=1e-9, abs=1e-9), (table, name)


def test_the_history_of_two_dates_is_the_same(demo_here, demo_there):
    ends = "select valid_from, valid_to, count(*) from segments.segment_membership_history group by 1, 2 order by 1, 2"
    assert demo_there.rows(ends) == demo_here.rows(ends)
    assert len({str(row[:2]) for row in demo_there.rows(ends)}) == 3, "open, ended, and begun at the later date"


def test_every_relation_of_a_hostile_shop_is_the_same_on_both_engines(hostile):
    built, shop, _ = hostile
    here, there = hashes_here(built), hashes_there(shop)
    assert here.keys() == there.keys()
    assert {name: (here[name], there[name]) for name in here if here[name] != there[name]} == {}


def test_the_hostile_shop_has_what_it_is_for(hostile):
    """Otherwise the test above compares little."""
    built, _, _ = hostile
    totals = {row[0]: row[1:] for row in built.rows(
        "select table_name, n_accepted, n_revisions, n_duplicates, n_rejected from audit.control_totals")}
    for table in ("orders", "events", "consents", "refunds", "customers", "order_lines"):
        accepted, _, duplicates, rejected = totals[table]
        assert accepted and duplicates and rejected, (table, totals[table])
    assert totals["orders"][1] and totals["customers"][1]
    assert built.rows("select count(*) from marts.anonymous_visitors where window_truncated")[0][0] >= 5
    assert built.rows("select count(*) from marts.pid_bridge")[0][0] >= 3
    for table, least in {"marts.orders": 200, "marts.customer_behaviour": 20, "segments.segment_members": 50,
                         "segments.segment_membership_history": 60, "marts.customer_top_categories": 10}.items():
        assert built.rows(f"select count(*) from {table}")[0][0] >= least, table
    assert built.rows("select count(*) from marts.customer_features where last_survey_score is not null")[0][0] >= 20
    assert built.rows("select count(*) from marts.customer_features where emails_opened_of_last_6 is not null")[0][0] >= 3


def test_the_same_date_again_changes_nothing(hostile):
    _, shop, folder = hostile
    before = hashes_there(shop)
    assert shop.build(folder / "there", "--without-tests", AS_OF=LATER) == 0
    assert hashes_there(shop) == before


def test_an_older_date_is_refused_and_changes_nothing(hostile, capsys):
    _, shop, folder = hostile
    before = hashes_there(shop, READABLE)
    assert shop.build(folder / "there", "--without-tests", AS_OF="2026-03-20 00:00:00") == 1
    assert "is older than the newest recorded evaluation" in capsys.readouterr().err
    assert hashes_there(shop, READABLE) == before


def test_the_reader_reads_marts_segments_snapshots_and_audit_and_nothing_else(demo_there):
    relations = demo_there.rows(
        """
        select table_schema, table_name from information_schema.tables
        where table_schema not like 'pg\\_%%' and table_schema != 'information_schema' order by 1, 2
        """)
    reads = {}
    for schema, table in relations:
        try:
            demo_there.rows(f'select 1 from "{schema}"."{table}" limit 1', user=READER)
            reads[schema, table] = True
        except psycopg2.errors.InsufficientPrivilege:
            reads[schema, table] = False
    assert {schema for (schema, _), may in reads.items() if may} == set(READABLE)
    assert [name for name, may in reads.items() if may != (name[0] in READABLE)] == []
    closed = {schema for (schema, _), may in reads.items() if not may}
    assert {"restricted_raw", "restricted_staging", "restricted_intermediate", "restricted_vault"} <= closed


def test_the_report_on_access_names_every_role_that_can_enter_person_data(server, demo_there):
    """q18, asked by the reader itself; then what the next build would record of a role that the administrator let in."""
    entered = {(row[1], row[5]): (row[3], row[4]) for row in demo_there.rows(plain_sql(find("q18"), {}), user=READER) if row[0] == "may enter"}
    areas = {area for area, _ in entered}
    assert areas == {schema for (schema,) in demo_there.rows(
        "select nspname::text from pg_namespace where nspname not like 'pg\\_%' and nspname not in ('information_schema', 'public')")}
    assert {area for area, role in entered if role == READER} == set(READABLE)
    assert {(role, how) for (_, role), (is_way_back, how) in entered.items() if is_way_back} == {(BUILDER, "owner"), (SUPERUSER, "superuser")}
    assert {area for (area, _), (is_way_back, _) in entered.items() if is_way_back} == {area for area in areas if area.startswith("restricted_")}
    run(server, "create role curious login", "create role guests", "grant guests to curious")
    with demo_there.connect() as connection:
        connection.cursor().execute("grant usage on schema restricted_vault to guests")
    compiled = (demo_there.home / "target/compiled/segmentation/models/audit/area_access.sql").read_text()
    assert {row[1:] for row in demo_there.rows(compiled) if row[2] in ("curious", "guests")} == {(True, "curious", "grant"), (True, "guests", "grant")}


def test_questions_that_need_no_person_data_are_answered_here_as_there(demo_here, demo_there):
    """As plain SQL in any client. (The names of the restricted area differ between the engines.)"""
    texts = {"segment": EXISTING, "on": LATER, "from": "2026-01-01", "to": "2027-01-01", "customer": "ab" * 32, "order": "ab" * 16, "request": "Q-0001"}
    asked = {question.number: plain_sql(question, check(question, {name: texts[name] for name in question.parameters if name in texts}))
             for question in questions()}
    asked = {number: sql for number, sql in asked.items() if "restricted." not in re.sub("--.*", "", sql)}
    assert {"q01", "q18", "q24", "q26"} <= asked.keys() and len(asked) > 15
    rows = {number: (demo_here.rows(sql), demo_there.rows(sql)) for number, sql in asked.items()}
    assert all(rows[number][1] for number in ("q01", "q03", "q05", "q18", "q24", "q27"))
    engines_own = {"q02", "q03", "q06", "q18"}  # who built where, with which versions, and who may enter
    assert [number for number, (here, there) in rows.items() if here != there and number not in engines_own] == []


def test_the_reader_writes_nothing(demo_there):
    for statement in ("delete from marts.customers", "create table marts.mine (a int)", "create schema mine",
                      "update audit.segment_runs set executor = 'nobody'", "create table public.mine (a int)"):
        with demo_there.connect(READER) as connection, pytest.raises(psycopg2.errors.InsufficientPrivilege):
            connection.cursor().execute(statement)


def test_no_view_for_readers_reads_the_restricted_area_with_its_owners_rights(demo_there):
    """A view reads with the rights of its owner: one over restricted tables would open them to every reader."""
    reading = demo_there.rows(
        """
        select distinct vn.nspname, v.relname, tn.nspname, t.relname
        from pg_rewrite r
        join pg_class v on v.oid = r.ev_class join pg_namespace vn on vn.oid = v.relnamespace
        join pg_depend d on d.objid = r.oid and d.classid = 'pg_rewrite'::regclass and d.refobjid != v.oid
        join pg_class t on t.oid = d.refobjid join pg_namespace tn on tn.oid = t.relnamespace
        where v.relkind = 'v' and vn.nspname not in ('pg_catalog', 'information_schema')
        """)
    assert any(view == "segment_candidates" for _, view, _, _ in reading), "the query must find views"
    assert [row for row in reading if row[2].startswith("restricted_") and not row[0].startswith("restricted_")] == []


def test_a_reader_let_into_the_restricted_area_stops_the_build(demo_there, tmp_path, capsys):
    with demo_there.connect() as connection:
        connection.cursor().execute(f"grant usage on schema restricted_staging to {READER}")
    try:
        assert demo_there.build(tmp_path, "--without-tests", AS_OF=LATER) == 1
        assert "segmentation_reader can enter schema restricted_staging" in capsys.readouterr().err
    finally:
        with demo_there.connect() as connection:
            connection.cursor().execute(f"revoke usage on schema restricted_staging from {READER}")


def test_the_server_of_the_tests_opens_no_port(demo_there):
    assert demo_there.rows("show listen_addresses") == [("",)]


def test_text_columns_are_ordered_by_their_bytes_whatever_the_database_does(demo_there):
    assert demo_there.rows("select 'a10' < 'a9', 'B' < 'a'")[0] == (False, False), "the database must have an order of its own"
    others = demo_there.rows(
        """
        select table_schema, table_name, column_name from information_schema.columns
        join information_schema.tables using (table_schema, table_name)
        where data_type = 'text' and collation_name is distinct from 'C' and table_type = 'BASE TABLE'
            and (table_schema = any(%s) or table_schema = 'restricted_intermediate')
        """, [list(READABLE)])
    assert others == []


@pytest.fixture
def empty(server) -> Iterator[Shop]:
    """A new database, removed afterwards."""
    shop = make_shop(server, "empty")
    yield shop
    run(server, "drop database empty with (force)")


@pytest.fixture
def database(empty) -> Iterator[Database]:
    """The command's own connection to it."""
    with exactly(empty.environment()), open_database() as found:
        yield found


def test_the_fit_reads_its_inputs_once_and_in_one_order(database):
    check_that_inputs_are_read_once(database)


def test_a_second_build_of_the_same_database_is_refused(database, empty, tmp_path, capsys):
    assert empty.build(tmp_path) == 1
    assert "Another build is running in the database empty" in capsys.readouterr().err


def test_a_server_that_does_not_answer_is_one_sentence(tmp_path, capsys, server):
    shop = Shop(server | {"PGHOST": str(tmp_path)}, "nowhere")
    assert shop.build(tmp_path / "home", PGPASSWORD="hunter2") == 1
    error = capsys.readouterr().err
    assert error.startswith(f"segmentation: Postgres: cannot connect to database nowhere at {tmp_path}")
    assert len(error.splitlines()) == 1 and "hunter2" not in error


def test_typed_columns_read_as_texts_and_missing_ones_as_null(database, empty):
    with empty.connect() as connection:
        connection.cursor().execute(
            """
            create schema shop;
            create table shop."Orders" (
                "Order_ID" bigint, " ordered_at" timestamptz, gross_amount numeric(10, 3), customer_id uuid, note json
            );
            insert into shop."Orders" values
                (1, '2026-03-03 10:00:00.25+02', 12.345, '6f1c3a52-0c1e-4b2a-9d57-0e3f5a7b9c1d', '{}'), (null, null, null, null, null);
            """)
    queries = view_queries(database, "shop")
    cursor = database.execute(queries["orders"])
    assert [column.name for column in cursor.description][:5] == ["order_id", "ordered_at", "gross_amount", "customer_id", "email"]
    assert [row[:5] for row in cursor.fetchall()] == [
        ("1", "2026-03-03 08:00:00.25", "12.345", "6f1c3a52-0c1e-4b2a-9d57-0e3f5a7b9c1d", None), (None,) * 5]
    refunds = database.execute(queries["refunds"])
    assert refunds.fetchall() == [] and [column.name for column in refunds.description][0] == "refund_id"


@pytest.mark.parametrize("statement, sentence", [
    ("create schema shop", "Schema shop: table orders is missing"),
    ("create schema other", "has no schema shop"),
    ("create schema shop; create table shop.orders (order_id text, ordered_at text)", "column gross_amount is missing"),
    ('create schema shop; create table shop.orders (order_id text, ordered_at text, gross_amount text, "Email" text, email text)',
     "column email stands there twice"),
    ("create schema shop; create table shop.orders (order_id text[], ordered_at text, gross_amount text)",
     "column order_id holds ARRAY, not a plain value"),
    ('create schema shop; create table shop.orders (a text); create table shop."ORDERS" (a text)', "given more than once"),
])
def test_what_is_wrong_with_the_raw_schema_is_one_sentence(database, empty, statement, sentence):
    with empty.connect() as connection:
        connection.cursor().execute(statement)
    with pytest.raises(UserError, match=sentence):
        view_queries(database, "shop")


@pytest.mark.parametrize("name", ["shop; drop table x", 'sho"p', "", "1shop", "restricted_raw", "x" * 64])
def test_a_raw_schema_is_a_plain_name_outside_the_restricted_area(database, name):
    with pytest.raises(UserError):
        view_queries(database, name)


def test_keys_are_random_made_once_and_never_changed(database, empty, tmp_path, monkeypatch):
    create_tables(empty, "shop", {"orders": [{"order_id": "1", "ordered_at": "2026-03-03", "gross_amount": "5"}]})
    monkeypatch.setenv("SEGMENTS_RAW", "shop")
    keys = "select key_name, secret, inner_block, outer_block from restricted_vault.hmac_keys order by 1"
    settings = prepare(database)
    assert settings["SEGMENTS_RAW"] == "given" and settings["INGESTED_AT"]
    made = empty.rows(keys)
    assert [row[0] for row in made] == ["customer_key", "record_key"] and made[0][1] != made[1][1]
    assert prepare(database)["PGOPTIONS"] != settings["PGOPTIONS"], "each build has a seed of nonces of its own"
    assert empty.rows(keys) == made
    assert empty.rows("select * from restricted_vault.nonce_seeds") == [], "and only its sessions see it"
    other = tmp_path / "keys"
    other.write_text("".join(f"{bytes([n] * 32).hex()}\n" for n in (1, 2)))
    monkeypatch.setenv("SEGMENTS_KEY_FILE", str(other))
    with pytest.raises(UserError, match="not the keys that this database was made with"):
        prepare(database)
    monkeypatch.delenv("SEGMENTS_RAW")
    with pytest.raises(UserError, match="holds the shop's history"):
        prepare(database)
    assert empty.rows(keys) == made


def test_an_epoch_of_the_pseudonyms_begins_here_too(database, empty, monkeypatch):
    create_tables(empty, "shop", {"orders": [{"order_id": "1", "ordered_at": "2026-03-03", "gross_amount": "5"}]})
    monkeypatch.setenv("SEGMENTS_RAW", "shop")
    prepare(database)
    with pytest.raises(UserError, match="begins after the newest evaluation on record"):
        rotate(database, datetime(2026, 3, 1), datetime(2026, 3, 1), datetime(2026, 4, 2), "tester", VAULT, "The database")
    begun = rotate(database, datetime(2026, 4, 1), datetime(2026, 3, 1), datetime(2026, 4, 2), "tester", VAULT, "The database")
    assert (begun.number, begun.valid_from, begun.rotated_by) == (2, datetime(2026, 4, 1), "tester")
    prepare(database)
    ends = "select valid_from::text, valid_to::text from restricted_vault.pid_salts order by epoch"
    assert empty.rows(ends) == [("1900-01-01 00:00:00", "2026-04-01 00:00:00"), ("2026-04-01 00:00:00", None)]
    assert empty.rows("select count(distinct inner_block) from restricted_vault.pid_salts") == [(2,)]


def test_a_shop_does_not_go_into_the_demos_database(demo_there):
    create_tables(demo_there, "shop", {"orders": [{"order_id": "1", "ordered_at": "2026-03-03", "gross_amount": "5"}]})
    with exactly(demo_there.environment() | {"SEGMENTS_RAW": "shop"}), open_database() as database:
        with pytest.raises(UserError, match="holds the demo's history"):
            prepare(database)
    assert demo_there.rows("select to_regclass('restricted_vault.hmac_keys')") == [(None,)]
