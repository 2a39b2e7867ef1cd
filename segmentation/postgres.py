"""Postgres, the second target: its raw schema, its keys, its lock. Everything else dbt does, as on DuckDB.

The server and the user come from libpq's own variables (PGHOST, PGPORT, PGUSER, PGDATABASE; a password from PGPASSWORD or
~/.pgpass), which profiles.yml reads as well. The restricted area is the schemas `restricted_*` (macros/cross_db/grants.sql).
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from segmentation.contract import CONTRACT, REQUIRED_TABLES, Table
from segmentation.errors import UserError
from segmentation.prediction_document import ensure_document
from segmentation.raw_input import create_views
from segmentation.vault import ensure_epochs, ensure_keys, key_file_setting, new_seed

RAW, VAULT = "restricted_raw", "restricted_vault"
# of every session, dbt's included: what texts of instants look like must not depend on the server
SESSION = {"PGTZ": "UTC", "PGDATESTYLE": "ISO"}
BUILD_LOCK = 1_936_025_971  # of pg_try_advisory_lock: any number, always the same
# types whose text form is what a file would hold; others (arrays, json, bytes) are no plain values
TIME_TYPES = ("timestamp with time zone",)
PLAIN_TYPES = (
    "text", "character varying", "character", "uuid", "boolean", "smallint", "integer", "bigint", "numeric", "real",
    "double precision", "date", "timestamp without time zone", "time without time zone", "interval", "USER-DEFINED", *TIME_TYPES,
)


class Database:
    """A connection in the manner of DuckDB's: `?` for parameters, execute() that returns rows, no open transaction."""

    def __init__(self, connection):
        self.connection = connection
        self.connection.autocommit = True

    @property
    def name(self) -> str:
        """The database's name."""
        return self.connection.info.dbname

    def execute(self, sql: str, parameters: tuple | list = ()):
        """Run one statement; returns a cursor with fetchall() and fetchone(). Raises UserError with the server's sentence."""
        import psycopg2

        cursor = self.connection.cursor()
        try:
            cursor.execute(sql.replace("%", "%%").replace("?", "%s") if parameters else sql, parameters or None)
        except psycopg2.Error as error:
            raise UserError(f"Postgres, database {self.name}: {_first_line(error)}.") from error
        return cursor

    def executemany(self, sql: str, rows: list[tuple]) -> None:
        """Run one statement for each row of parameters."""
        for row in rows:
            self.execute(sql, row)

    def has(self, relation: str) -> bool:
        """Whether `schema.table` exists."""
        return self.execute("select to_regclass(?) is not null", [relation]).fetchone()[0]


@contextmanager
def open_database() -> Iterator[Database]:
    """The database, held for one build: a second one is refused. The lock dies with the process.

    Raises UserError when the server cannot be reached, psycopg2 is not installed, or another build is running.
    """
    try:
        import psycopg2
    except ImportError:
        raise UserError("The target postgres needs dbt-postgres and psycopg2-binary, as in requirements.lock.") from None
    # the defaults of profiles.yml
    given = {"host": ("PGHOST", "localhost"), "port": ("PGPORT", "5432"), "user": ("PGUSER", "segmentation"),
             "dbname": ("PGDATABASE", "segmentation")}
    settings = {name: os.environ.get(variable) or default for name, (variable, default) in given.items()}
    try:
        connection = psycopg2.connect(**settings, options="-c timezone=UTC -c datestyle=ISO")
    except psycopg2.Error as error:
        place = f"database {settings['dbname']} at {settings['host']}:{settings['port']} as {settings['user']}"
        raise UserError(f"Postgres: cannot connect to {place} ({_first_line(error)}).") from error
    try:
        database = Database(connection)
        if not database.execute("select pg_try_advisory_lock(?)", [BUILD_LOCK]).fetchone()[0]:
            raise UserError(f"Another build is running in the database {database.name}: wait for it.")
        encoding = database.execute("show server_encoding").fetchone()[0]
        if encoding != "UTF8":
            raise UserError(f"The database {database.name} is in {encoding}: Unicode texts need one in UTF8.")
        yield database
    finally:
        connection.close()


def prepare(database: Database) -> dict[str, str]:
    """Check the raw tables, make keys and raw views; returns the settings for dbt.

    SEGMENTS_RAW names the schema that holds the shop's tables; unset, the demo is built. Raises UserError, before
    anything is changed, for what is wrong with the schema or when the database holds another shop's history.
    """
    schema = os.environ.get("SEGMENTS_RAW", "")
    held = "shop" if database.has(f"{VAULT}.hmac_keys") else "demo" if database.has(f"{VAULT}.demo_hmac_keys") else None
    kind = "shop" if schema else "demo"
    if held not in (None, kind):
        raise UserError(f"The database {database.name} holds the {held}'s history: use another one for the {kind}'s data.")
    if not schema:
        return dict(SESSION)
    queries = view_queries(database, schema)
    key_file = key_file_setting()
    ensure_keys(database, key_file, has_history=database.has("audit.segment_runs"), schema=VAULT, owner="database")
    ensure_epochs(database, key_file, schema=VAULT)
    for table in queries:
        # staging goes with it and is built anew: a view cannot be replaced by one with other columns
        database.execute(f'drop view if exists {RAW}."{table}" cascade')
    create_views(database, queries, schema=RAW)
    ensure_document(database, schema=RAW)
    # a table does not tell when it was written last: nothing in it can have been recorded later than now
    ingested_at = os.environ.get("INGESTED_AT") or f"{datetime.now(tz=timezone.utc):%Y-%m-%d %H:%M:%S}"
    return SESSION | _show_seed(database, key_file) | {"SEGMENTS_RAW": "given", "INGESTED_AT": ingested_at}


def _show_seed(database: Database, key_file: Path | None) -> dict[str, str]:
    """Make `nonce_seeds` show the seed of this build's leaf nonces (vault.nonce_seed says why there is one for each).

    It is a setting of the build's sessions, which libpq hands over and a view shows: the server never writes it down, and
    with the sessions it is gone. Returns the settings for dbt.
    """
    database.execute(
        f"create or replace view {VAULT}.nonce_seeds as"
        " select seed from (select current_setting('segmentation.nonce_seed', true) as seed) as setting where seed != ''")
    own = os.environ.get("PGOPTIONS", "")
    return {"PGOPTIONS": f"{own} -c segmentation.nonce_seed={new_seed(key_file)}".strip()}


def view_queries(database: Database, schema: str) -> dict[str, str]:
    """The query that reads each table of the contract as text. Missing optional columns are null, missing tables empty.

    Raises UserError naming schema, table and column for what is missing, doubled or of a type that is no plain value.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_$]{0,62}", schema):
        raise UserError(f"SEGMENTS_RAW must be the name of a schema of the database, not {schema[:60]!r}.")
    if schema.startswith("restricted_") or not database.execute(
        "select exists (select from pg_namespace where nspname = ?)", [schema]
    ).fetchone()[0]:
        raise UserError(f"SEGMENTS_RAW: the database {database.name} has no schema {schema} with a shop's tables.")
    rows = database.execute(
        """
        select table_name, column_name, data_type from information_schema.columns
        where table_schema = ? order by table_name, ordinal_position
        """,
        [schema],
    ).fetchall()
    columns: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in rows:
        columns.setdefault(table, []).append((column, kind))
    return {name: _query(schema, name, table, columns) for name, table in CONTRACT.items()}


def _query(schema: str, name: str, table: Table, columns: dict[str, list[tuple[str, str]]]) -> str:
    given = [raw for raw in columns if raw.strip().lower() == name]
    if len(given) > 1:
        raise UserError(f"Schema {schema}: table {name} is given more than once ({', '.join(given)}): keep one of them.")
    if not given:
        if name in REQUIRED_TABLES:
            raise UserError(f"Schema {schema}: table {name} is missing, or may not be read; it is the one required table.")
        return "select " + ", ".join(f'null::text as "{column}"' for column in table.columns) + " where false"
    selected = []
    for column in table.columns:
        found = [(raw, kind) for raw, kind in columns[given[0]] if raw.strip().lower() == column]
        if len(found) > 1:
            raise UserError(f"{schema}.{given[0]}: column {column} stands there twice.")
        if not found and column in table.required:
            raise UserError(f"{schema}.{given[0]}: column {column} is missing; table {name} requires it.")
        if found and found[0][1] not in PLAIN_TYPES:
            raise UserError(f"{schema}.{given[0]}: column {column} holds {found[0][1]}, not a plain value.")
        selected.append(f'{_as_text(*found[0]) if found else "null::text"} as "{column}"')
    return f"select {', '.join(selected)} from {_quoted(schema)}.{_quoted(given[0])}"


def _as_text(column: str, kind: str) -> str:
    """A column in the text form that staging reads: an instant with a time zone is told in UTC."""
    return f"({_quoted(column)} at time zone 'UTC')::text" if kind in TIME_TYPES else f"{_quoted(column)}::text"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
