"""One open connection to the warehouse and the restricted area, on either engine: what erasure, purge, holds and outbox speak to.

Those are written once, in SQL that DuckDB and Postgres both read. What the two say differently is a member here, and nothing else is.
A relation has one name on both, `area.schema.table`: `warehouse.marts.customers`, `restricted.vault.outbox`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

# as macro normalised_phone writes it for both (a test compares)
PHONE = "nullif(regexp_replace(regexp_replace(regexp_replace({0}, '[^0-9]', '', 'g'), '^00', ''), '^0+$', ''), '')"
RESTRICTED = "restricted_"  # on Postgres before each schema of the restricted area (macros/cross_db/relation_names.sql)
ASCII_LOWER = "'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'"


@dataclass(frozen=True)
class Table:
    """A table that is stored, with its columns and those of them that can hold a text."""

    area: str
    schema: str
    name: str
    columns: frozenset[str]
    texts: tuple[str, ...]

    @property
    def relation(self) -> str:
        """Its name on both engines."""
        return f"{self.area}.{self.schema}.{self.name}"

    @property
    def place(self) -> tuple[str, str, str]:
        """The same in parts."""
        return self.area, self.schema, self.name


def area_of(schema: str) -> tuple[str, str]:
    """Area and schema of a schema of Postgres, as DuckDB names them."""
    return ("restricted", schema.removeprefix(RESTRICTED)) if schema.startswith(RESTRICTED) else ("warehouse", schema)


class Session:
    """What both engines share. SQL texts have `?` for parameters."""

    vault: str  # where the vault's tables are, for SQL; the other schemas of the restricted area likewise
    intermediate: str
    email: str  # an address as ingestion writes it, of {0}
    holds_pattern: str  # whether the text {0} holds a match of a regular expression, the parameter
    is_shared: bool  # whether there may be tables of other programs in the same database

    def execute(self, sql: str, parameters: tuple | list = ()):
        """Run one statement; returns something with fetchall() and fetchone()."""
        raise NotImplementedError

    def executemany(self, sql: str, rows: list[tuple]) -> None:
        """Run one statement for each row of parameters."""
        raise NotImplementedError

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is executed meanwhile, or on an error nothing of it. On DuckDB it may write to one of the two files only."""
        self.execute("begin")
        try:
            yield
        except BaseException:
            self.execute("rollback")
            raise
        self.execute("commit")

    def keep(self, name: str, query: str, parameters: tuple | list = ()) -> None:
        """Make a temporary table of a query, in place of the one of that name."""
        raise NotImplementedError

    def sql_name(self, relation: str) -> str:
        """A relation's name for SQL."""
        raise NotImplementedError

    def label(self, table: Table) -> str:
        """A table's name as people know it."""
        return table.relation

    def has(self, relation: str) -> bool:
        """Whether there is such a table."""
        raise NotImplementedError

    def tables(self) -> list[Table]:
        """All tables that are stored here, by area, schema and name; views hold nothing."""
        raise NotImplementedError

    def sha256(self, text: str) -> str:
        """SQL for the SHA-256 of a text as hex digits, as macro sha256_hex; sorted by its bytes."""
        raise NotImplementedError

    def bucket(self, text: str) -> str:
        """SQL for the bucket of a text, as macro identifier_bucket."""
        raise NotImplementedError

    def normalised(self, kind: str, text: str) -> str:
        """SQL for an identifier as ingestion writes it; null when it is no address."""
        return {"email": self.email, "phone": PHONE}.get(kind, "{0}").format(text)


class DuckDBSession(Session):
    """A connection to warehouse.duckdb, with restricted.duckdb attached."""

    vault, intermediate = "restricted.vault", "restricted.intermediate"
    # as macro normalised_email writes it for DuckDB (a test compares)
    email = (
        "case when {0} like '%_@_%' then case when strlen({0}) = length({0}) then trim(lower({0})) else "
        f"translate(nfc_normalize(trim({{0}})), {ASCII_LOWER}) end end"
    )
    holds_pattern = "regexp_matches({0}, ?)"
    is_shared = False

    def __init__(self, connection: duckdb.DuckDBPyConnection):
        self.connection = connection

    def execute(self, sql: str, parameters: tuple | list | dict = ()):
        return self.connection.execute(sql, parameters or None)

    def executemany(self, sql: str, rows: list[tuple]) -> None:
        self.connection.executemany(sql, rows)

    def keep(self, name: str, query: str, parameters: tuple | list = ()) -> None:
        self.execute(f"create or replace temp table {name} as {query}", parameters)

    def sql_name(self, relation: str) -> str:
        area, schema, name = relation.replace('"', "").split(".")
        return f'{area}."{schema}"."{name}"'

    def has(self, relation: str) -> bool:
        return bool(self.execute(
            "select 1 from duckdb_tables() where database_name || '.' || schema_name || '.' || table_name = ?", [relation]).fetchall())

    def tables(self) -> list[Table]:
        return [Table(area, schema, name, frozenset(columns), tuple(texts)) for area, schema, name, columns, texts in self.execute(
            """
            select database_name, schema_name, table_name, list(column_name),
                list(column_name order by column_index) filter (contains(data_type, 'VARCHAR'))
            from duckdb_columns()
            where database_name in ('warehouse', 'restricted')
                and (database_name, schema_name, table_name) in (select database_name, schema_name, table_name from duckdb_tables())
            group by all order by 1, 2, 3
            """).fetchall() for texts in [texts or ()]]

    def sha256(self, text: str) -> str:
        return f"sha256({text})"

    def bucket(self, text: str) -> str:
        return f"cast(hash({text}) % 65536 as integer)"
