"""Postgres, the second target: its raw schema, its keys, its lock, its deleted bytes. Everything else dbt does, as on DuckDB.

The server and the user come from libpq's own variables (PGHOST, PGPORT, PGUSER, PGDATABASE; a password from PGPASSWORD or
~/.pgpass), which profiles.yml reads as well. The restricted area is the schemas `restricted_*` (macros/cross_db/grants.sql).
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from segmentation.contract import CONTRACT, REQUIRED_TABLES, Table
from segmentation.errors import UserError
from segmentation.home import DEFAULT_HOME, Home
from segmentation.person import record_key, record_secrets
from segmentation.prediction_document import ensure_document
from segmentation.raw_input import create_views
from segmentation.session import ASCII_LOWER, RESTRICTED, Session, Table, area_of
from segmentation.vault import ensure_epochs, ensure_keys, key_file_setting, new_seed

RAW, VAULT = "restricted_raw", "restricted_vault"
ATTEMPTS = 3
LOCK_NOT_AVAILABLE = "55P03"  # SQLSTATE
LONGEST_WAIT = "60s"  # for readers of a table that is to be written anew
# of every session, dbt's included: what texts of instants look like must not depend on the server
SESSION = {"PGTZ": "UTC", "PGDATESTYLE": "ISO"}
BUILD_LOCK = 1_936_025_971  # of pg_try_advisory_lock: any number, always the same
# types whose text form is what a file would hold; others (arrays, json, bytes) are no plain values
TIME_TYPES = ("timestamp with time zone",)
PLAIN_TYPES = (
    "text", "character varying", "character", "uuid", "boolean", "smallint", "integer", "bigint", "numeric", "real",
    "double precision", "date", "timestamp without time zone", "time without time zone", "interval", "USER-DEFINED", *TIME_TYPES,
)


class Database(Session):
    """A connection in the manner of DuckDB's: `?` for parameters, execute() that returns rows, no open transaction."""

    vault, intermediate = VAULT, f"{RESTRICTED}intermediate"
    # as macro normalised_email writes it for Postgres (a test compares)
    email = (
        "case when {0} like '%_@_%' then translate(normalize(btrim({0}, "
        r"u&' \00a0\1680\2000\2001\2002\2003\2004\2005\2006\2007\2008\2009\200a\202f\205f\3000')), "
        f"{ASCII_LOWER}) end"
    )
    holds_pattern = "{0} ~ ?"
    is_shared = True

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
        """Whether `schema.table` exists, or a relation as both engines name it."""
        name = self.sql_name(relation) if relation.count(".") == 2 else relation
        return self.execute("select to_regclass(?) is not null", [name]).fetchone()[0]

    def keep(self, name: str, query: str, parameters: tuple | list = ()) -> None:
        self.execute(f"drop table if exists pg_temp.{name}")
        self.execute(f"create temp table {name} as {query}", parameters)

    def sql_name(self, relation: str) -> str:
        area, schema, name = relation.replace('"', "").split(".")
        return f"{_quoted((RESTRICTED if area == 'restricted' else '') + schema)}.{_quoted(name)}"

    def label(self, table: Table) -> str:
        return self.sql_name(table.relation).replace('"', "")

    def tables(self) -> list[Table]:
        """As on DuckDB, with materialised views; without what this role may not read."""
        rows = self.execute(
            """
            select pg_namespace.nspname::text, pg_class.relname::text, array_agg(pg_attribute.attname::text),
                array_agg(pg_attribute.attname::text order by pg_attribute.attnum)
                    filter (where format_type(pg_attribute.atttypid, null) ~ '(text|char|json|xml|uuid)')
            from pg_class
            inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
            inner join pg_attribute on pg_class.oid = pg_attribute.attrelid
            where pg_class.relkind in ('r', 'p', 'm') and pg_attribute.attnum > 0 and not pg_attribute.attisdropped
                and pg_namespace.nspname !~ '^pg_' and pg_namespace.nspname <> 'information_schema'
                and has_schema_privilege(pg_namespace.oid, 'usage') and has_table_privilege(pg_class.oid, 'select')
            group by 1, 2
            """).fetchall()
        found = [Table(*area_of(schema), name, frozenset(columns), tuple(texts or ())) for schema, name, columns, texts in rows]
        return sorted(found, key=lambda table: table.place)

    def sha256(self, text: str) -> str:
        return f"encode(sha256(convert_to({text}, 'UTF8')), 'hex') collate \"C\""

    def bucket(self, text: str) -> str:
        return f"(hashtext({text}) & 65535)"

    def vacuum(self, relation: str) -> bool:
        """Write a table anew without its deleted rows, and what the planner has noted of its values; false when it is not there.

        Raises UserError while another session reads the table, or has begun before the rows were deleted and may still see them.
        """
        if not self.has(relation):
            return False
        name = self.sql_name(relation)
        try:
            self._blank_notes(name)
            # a session that is only just connecting may see everything for a moment
            for _ in range(ATTEMPTS):
                self.connection.notices.clear()
                self.execute(f"vacuum (full, verbose, analyze) {name}")
                if not (kept := _rows_kept(self.connection.notices)):
                    return True
                time.sleep(1)
        except UserError as error:
            if getattr(error.__cause__, "pgcode", None) != LOCK_NOT_AVAILABLE:
                raise
            raise UserError(f"Postgres, database {self.name}: {name} is in use by another session, so deleted rows cannot be removed from it: "
                            "end that (pg_stat_activity), then run this again.") from error
        raise UserError(
            f"Postgres, database {self.name}: {kept} deleted rows of {name} may still be seen by a session that began before "
            "they were deleted: end it (pg_stat_activity), then run this again.")

    def _blank_notes(self, name: str) -> None:
        """Make the planner forget the values of a table that is empty: ANALYZE leaves its notes on such a table as they were.

        It is shown one row that says nothing, in a transaction that takes the row away again.
        """
        if self.execute(f"select 1 from {name} limit 1").fetchall() or not self.execute(
            """
            select 1 from pg_stats
            inner join pg_namespace on pg_stats.schemaname = pg_namespace.nspname
            inner join pg_class on pg_namespace.oid = pg_class.relnamespace and pg_stats.tablename = pg_class.relname
            where pg_class.oid = ?::regclass limit 1
            """, [name]
        ).fetchall():
            return
        columns = self.execute(
            "select quote_ident(attname), format_type(atttypid, atttypmod) from pg_attribute "
            "where attrelid = ?::regclass and attnum > 0 and not attisdropped", [name]).fetchall()
        blanks = [f"'{_blank(kind)}'::{kind}" for _, kind in columns]
        with self.transaction():
            self.execute(f"insert into {name} ({', '.join(column for column, _ in columns)}) values ({', '.join(blanks)})")
            self.execute(f"analyze {name}")
            self.execute(f"delete from {name}")


def _rows_kept(notices: list[str]) -> int:
    """How many deleted rows a VACUUM (FULL, VERBOSE) had to leave, as its second line says: "DETAIL:  0 dead row versions cannot ..."."""
    found = [re.search(r"^\S+:\s+([0-9]+)\D", notice.partition("\n")[2]) for notice in notices]
    return sum(int(number[1]) for number in found if number)


def _blank(kind: str) -> str:
    """A value of a type of Postgres that says nothing."""
    if kind.endswith("[]"):
        return "{}"
    return {"boolean": "false", "date": "epoch", "timestamp without time zone": "epoch", "text": "", "character varying": ""}.get(kind, "0")


class PostgresHome(Home):
    """A SEGMENTS_HOME beside a database on a server: artefacts and logs of builds, and of erasures the journal and the list.

    Their names hold a mark of the vault's key, so that one folder may serve several databases and a list is never applied to another.
    """

    is_in_files = False

    def __init__(self, folder: Path, database: Database):
        super().__init__(folder)
        self.database = database
        self._mark = ""

    @property
    def place(self) -> str:
        """What messages call it."""
        return f"The database {self.database.name}"

    @property
    def kind(self) -> str | None:
        """Whose data the database holds."""
        return "shop" if self.database.has(f"{VAULT}.hmac_keys") else "demo" if self.database.has(f"{VAULT}.demo_hmac_keys") else None

    @property
    def journal(self) -> Path:
        """The erasure that was begun with this home."""
        return self.mark("erasure").with_suffix(".json")

    @property
    def erasures(self) -> Path:
        """The list of this database's erasures."""
        return self.folder / f"erasures{self._of_vault()}.json"

    def mark(self, name: str) -> Path:
        """As of any home, for this database."""
        return self.folder / f".{name}{self._of_vault()}"

    def holds_build(self) -> bool:
        """Whether anything was built into the database."""
        return self.database.has("audit.segment_evaluations")

    def check_databases(self) -> None:
        """Nothing: the database is open."""

    def refuse_open_erasure(self) -> None:
        """As on DuckDB; an erasure that was begun with another home stands in the database."""
        super().refuse_open_erasure()
        opened = f"{VAULT}.open_erasures"
        if self.database.has(opened) and self.database.execute(f"select 1 from {opened}").fetchall():
            raise UserError(f"An erasure in {self.place[0].lower()}{self.place[1:]} is not finished: run segmentation erase --resume with the "
                            "SEGMENTS_HOME that it was begun with.")

    @contextmanager
    def writing(self) -> Iterator[Database]:
        """The one connection, which stays open."""
        yield self.database

    def vacuum(self, relations: list[str]) -> None:
        """Write tables anew without their deleted rows, and the planner's notes on values of theirs. Raises UserError as Database.vacuum."""
        self.database.execute(f"set lock_timeout = '{LONGEST_WAIT}'")
        try:
            for relation in relations:
                self.database.vacuum(relation)
            # whoever owns the database may do this; for others it is a warning, and the notes go with autovacuum
            self.database.execute("vacuum full pg_catalog.pg_statistic")
        finally:
            self.database.execute("reset lock_timeout")

    def _of_vault(self) -> str:
        if not self._mark and self.kind:
            self._mark = "-" + record_key(record_secrets(self.database)[0], "vault", "home")[:8]
        return self._mark


@contextmanager
def open_home() -> Iterator[PostgresHome]:
    """The database, held as for a build, and the home beside it, held too. Raises UserError as open_database()."""
    folder = Home.from_environment(default=DEFAULT_HOME / "postgres").folder
    with open_database() as database:
        home = PostgresHome(folder, database)
        with home.locked():
            yield home


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
