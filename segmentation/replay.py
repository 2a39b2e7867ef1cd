"""Past dates evaluated again: the same models, several as_ofs at once, in schemas of their own beside the record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from typing import TypeVar

import duckdb

from segmentation.errors import UserError
from segmentation.home import Home, connect_read_only

Each = TypeVar("Each")
PREFIX = "replay_"
# where a replay in parts keeps what goes on from part to part
HELD = "held_"
MODES = ("as_recorded", "as_corrected")
# what the results rest on: what holds one state per as_of, and the small reference tables and specs it reads; never a snapshot
SELECTION = [
    "build", "--select",
    *(f"+replay_partitions,{name}" for name in ("evaluation_clock+", "path:seeds/reference", "segment_registry", "segment_purposes", "segment_inputs")),
    "--exclude", "resource_type:snapshot+", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test",
]
# what the stability rule knows of the evaluation before, in the restricted database
STABILITY = ("evaluated", "int_stability")
# and what of it was late on the dates before, on which a membership under that rule rests
LATE_FACTS = ("evaluated", "int_late_facts")
RESULTS = ("replay_partitions", "replay_differences")
# Dates are evaluated together until their orders are this many rows: more would only fill memory.
ROWS_AT_ONCE = 20_000_000


@dataclass(frozen=True)
class Evaluation:
    """One date to evaluate: the instant, what may be known, and the evaluation that it is compared with, if any.

    permitted_at: of what a backfill makes history, the instant at which persons must be permitted too.
    preceding_as_of: the evaluation before it in the sequence that the stability rule counts; its own date where it is looked
    at for permissions only and is none of the sequence.
    """

    as_of: datetime
    known_at: datetime
    previous_as_of: datetime | None = None
    previous_known_at: datetime | None = None
    permitted_at: datetime | None = None
    preceding_as_of: datetime | None = None


@dataclass(frozen=True)
class Continued:
    """A table (schema, name) that a replay appends to instead of beginning it, and where it is kept: all of it or one date's rows."""

    database: str
    prefix: str
    table: tuple[str, str]
    as_of: datetime | None = None


@dataclass(frozen=True)
class Outcome:
    """What a replay found over all its partitions (dates times segments)."""

    n_dates: int
    n_partitions: int
    n_roots_equal: int
    n_recorded: int
    n_identical: int
    causes: dict[str, int]

    @property
    def is_explained(self) -> bool:
        """Whether every difference has a known cause, and equal members have equal hashes."""
        return "unexplained" not in self.causes


def recorded_evaluations(
    home: Home, mode: str, as_of: datetime | None = None, first: datetime | None = None, last: datetime | None = None
) -> list[Evaluation]:
    """The recorded dates to replay, oldest first: all of them, one (as_of), or those from `first` to `last`.

    as_recorded knows what the newest attempt of each date knew; as_corrected knows what the last build had loaded.
    Raises UserError when nothing is recorded, or nothing for the dates asked.
    """
    with _read(home) as warehouse:
        try:
            rows = warehouse.execute(
                """
                select as_of, max_by(known_at, attempt), arg_max_null(permitted_at, attempt)
                from audit.segment_runs group by as_of order by as_of
                """
            ).fetchall()
            newest = warehouse.execute("select max(newest_recorded_at) from audit.control_totals").fetchone()[0]
        except duckdb.CatalogException:
            rows = []
    if not rows:
        raise UserError(f"{home.folder} holds no recorded evaluation yet: run `segmentation build` first.")
    asked = [(*row, before) for row, before in zip(rows, [None, *(row[0] for row in rows)])
             if row[0] == (as_of or row[0]) and (first or row[0]) <= row[0] <= (last or row[0])]
    if not asked:
        raise UserError(f"No evaluation is recorded for these dates: the record goes from {rows[0][0]} to {rows[-1][0]}.")
    # compared with the record of the same date: whatever was recorded since then is late, as in a build
    return [
        Evaluation(moment, known if mode == "as_recorded" else newest, moment, known, permitted, before)
        for moment, known, permitted, before in asked]


def replay(home: Home, evaluations: list[Evaluation], mode: str, run: Callable[[list[str], str], None]) -> Outcome:
    """Evaluate the dates again, compare with the record, keep the result in audit.replay_* and return it in short.

    `run` starts dbt with arguments and a title. The record itself is not touched.
    """
    parts = in_parts(home, leading_evaluations(home, evaluations[0].as_of, mode) + evaluations)
    with home.writing() as warehouse:
        _drop_schemas(warehouse, HELD)
    for number, part in enumerate(parts, start=1):
        before = parts[number - 2][-1:] if number > 1 and stable_since(home, part[0].as_of) else []
        dates = {one.as_of for one in part}
        permitted = {one.permitted_at: one.known_at for one in part if one.permitted_at not in {None, *dates}}
        later = [Evaluation(moment, max(moment, known), preceding_as_of=moment) for moment, known in permitted.items()]
        evaluate(home, before + part + later, run, part_title("replaying", number, len(parts)), SELECTION,
                 continued=[Continued("restricted", HELD, table) for table in (STABILITY, LATE_FACTS)] if before else ())
        with home.writing() as warehouse:
            _keep_results(warehouse, mode, [one for one in part if one in evaluations])
            _drop_schemas(warehouse, HELD)
            for (schema, table), condition, parameters in ((STABILITY, "as_of = ?", [part[-1].as_of]), (LATE_FACTS, "true", [])):
                copy_table(warehouse, ("restricted", PREFIX + schema, table), ("restricted", HELD + schema, table), condition, parameters)
            drop_replayed(warehouse)
    with home.writing() as warehouse:
        drop_replayed(warehouse)
        _drop_schemas(warehouse, HELD)
    return outcome(home, evaluations, mode)


def stable_since(home: Home, as_of: datetime) -> datetime | None:
    """The earliest date from which a rule in force at as_of counts evaluations (`stability`); None where none does.

    Read from the registry of the last build: a version that is not in it takes effect after everything on record.
    """
    with _read(home) as warehouse:
        try:
            return warehouse.execute(
                """
                select min(effective_from) from segments.segment_registry
                where stability is not null and effective_from <= $1 and coalesce(effective_to, 'infinity') > $1
                """, [as_of]).fetchone()[0]
        except (duckdb.BinderException, duckdb.CatalogException):  # built before there was such a rule
            return None


def leading_evaluations(home: Home, as_of: datetime, mode: str) -> list[Evaluation]:
    """The recorded dates before as_of on which the stability rule rests at as_of: those since the versions in force began."""
    since = stable_since(home, as_of)
    if since is None:
        return []
    return [one for one in recorded_evaluations(home, mode, first=since) if one.as_of < as_of]


def evaluate(home: Home, evaluations: list[Evaluation], run: Callable[[list[str], str], None], title: str,
             selection: list[str], continued: Sequence[Continued] = ()) -> None:
    """Build the replay schemas for these dates, from nothing but what is continued: the nodes that dbt's arguments `selection` name."""
    with home.writing() as warehouse:
        drop_replayed(warehouse)
        for one in continued:
            schema, table = one.table
            copy_table(warehouse, (one.database, one.prefix + schema, table), (one.database, PREFIX + schema, table),
                       "coalesce(as_of = ?, true)", [one.as_of])
        warehouse.execute("create schema if not exists replay")
        columns = [field.name for field in fields(Evaluation)]
        warehouse.execute(
            f"create or replace table replay.planned_evaluations ({', '.join(f'{name} timestamp' for name in columns)})")
        warehouse.executemany(
            "insert into replay.planned_evaluations values (?, ?, ?, ?, ?, ?)", [astuple(one) for one in evaluations])
    run(selection, title)


def in_parts(home: Home, evaluations: list[Each]) -> list[list[Each]]:
    """The dates in groups that are evaluated together: as many as keep the orders of all dates below ROWS_AT_ONCE."""
    with _read(home) as warehouse:
        n_orders = warehouse.execute("select n_rows_in from audit.control_totals where table_name = 'orders'").fetchone()
    size = max(1, ROWS_AT_ONCE // max(1, n_orders[0] if n_orders else 1))
    return [evaluations[start:start + size] for start in range(0, len(evaluations), size)]


def part_title(title: str, number: int, n_parts: int) -> str:
    """What the progress bar says of one of several parts."""
    return f"{title} {number} of {n_parts}" if n_parts > 1 else title


def copy_table(
    warehouse: duckdb.DuckDBPyConnection, source: tuple[str, str, str], target: tuple[str, str, str], condition: str = "true",
    parameters: list | None = None,
) -> None:
    """Append the rows of a table (database, schema, name) that meet a condition to another, made like it where there is none."""
    warehouse.execute(f"create schema if not exists {target[0]}.{target[1]}")
    [(statement,)] = warehouse.execute(
        "select sql from duckdb_tables() where (database_name, schema_name, table_name) = (?, ?, ?)", list(source)).fetchall()
    # the statement, not its result: constraints come along
    statement = statement.replace(f"{source[1]}.{source[2]}", ".".join(target), 1)
    warehouse.execute(statement.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1))
    warehouse.execute(f"insert into {'.'.join(target)} by name select * from {'.'.join(source)} where {condition}", parameters or [])


def outcome(home: Home, evaluations: list[Evaluation], mode: str) -> Outcome:
    """What audit.replay_* says about these dates."""
    dates = [one.as_of for one in evaluations]
    with _read(home) as warehouse:
        counts = warehouse.execute(
            """
            select
                count(distinct as_of), count(*), count(*) filter (is_root_equal),
                coalesce(sum(n_recorded), 0)::bigint, coalesce(sum(n_identical), 0)::bigint,
                count(*) filter (
                    not is_root_equal and n_added + n_removed + n_modified = 0
                    or n_recorded - n_identical - n_modified - n_removed != n_erased + n_purged),
                coalesce(sum(n_erased), 0)::bigint, coalesce(sum(n_purged), 0)::bigint
            from audit.replay_partitions where mode = ? and list_contains(?, as_of)
            """,
            [mode, dates],
        ).fetchone()
        causes = dict(warehouse.execute(
            "select replay_cause, count(*) from audit.replay_differences where mode = ? and list_contains(?, as_of) group by replay_cause",
            [mode, dates],
        ).fetchall())
    # who is on record and in no history any more, as many as the ledger of deletions says
    causes |= {cause: count for cause, count in zip(("erased", "purged"), counts[6:]) if count}
    # the same members under another hash, or fewer than the ledger explains: the evidence itself was changed
    if counts[5]:
        causes["unexplained"] = causes.get("unexplained", 0) + counts[5]
    return Outcome(*counts[:5], causes)


def drop_replayed(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Remove the schemas of a replay from both databases."""
    _drop_schemas(warehouse, PREFIX)


def _drop_schemas(warehouse: duckdb.DuckDBPyConnection, prefix: str) -> None:
    schemas = warehouse.execute(
        "select database_name, schema_name from duckdb_schemas() where starts_with(schema_name, ?)", [prefix]
    ).fetchall()
    for database, schema in schemas:
        warehouse.execute(f'drop schema "{database}"."{schema}" cascade')


def _keep_results(warehouse: duckdb.DuckDBPyConnection, mode: str, evaluations: list[Evaluation]) -> None:
    dates = [one.as_of for one in evaluations]
    warehouse.execute("begin")
    for table in RESULTS:
        warehouse.execute(f"delete from audit.{table} where mode = ? and list_contains(?, as_of)", [mode, dates])
        warehouse.execute(
            f"insert into audit.{table} by name select * from {PREFIX}audit.{table} where list_contains(?, as_of)", [dates])
    warehouse.execute("commit")


@contextmanager
def _read(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    if not home.warehouse.exists():
        raise UserError(f"{home.folder} holds no recorded evaluation yet: run `segmentation build` first.")
    with connect_read_only(home.warehouse) as warehouse:
        yield warehouse
