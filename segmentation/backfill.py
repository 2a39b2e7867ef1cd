"""History for a shop that has data but no record yet: past dates evaluated in one build, recorded as if run one by one."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import duckdb

from segmentation.errors import UserError
from segmentation.home import Home
from segmentation.replay import PREFIX, Evaluation, drop_replayed, evaluate, in_parts

EVERY = ("day", "week", "month")
# everything that does not depend on a date: raw rows checked once, keys, specs
STATIC = ["build", "--exclude", "evaluation_clock+", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]
SELECTION = [
    "build", "--select", "evaluation_clock+", "path:seeds/reference", "segment_registry", "segment_purposes", "segment_inputs",
    "--exclude", "resource_type:snapshot", "segment_membership_history+", "segment_definition_changes", "segment_history",
    "run_started", "replay_partitions", "replay_differences",
    "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test",
]
# what a build keeps per as_of (schema, table), beside the snapshot of the membership
KEPT = (
    ("marts", "rfm_thresholds"), ("segments", "segment_changes"), ("audit", "segment_change_reasons"), ("audit", "late_arrivals"),
    ("audit", "segment_evaluations"), ("audit", "segment_runs"),
)
# what the next evaluation is compared with, in the restricted database
COMPARED = tuple(("evaluated", f"int_evaluated_{what}") for what in ("customers", "matches", "permissions", "segments"))


def dates(first: datetime, last: datetime, every: str) -> Iterator[datetime]:
    """The instants from `first` to `last`, both included, every day, week or month (the day of `first`, or the month's last)."""
    moment, months = first, 0
    while moment <= last:
        yield moment
        if every == "month":
            months += 1
            year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
            moment = first.replace(year=year, month=month + 1, day=min(first.day, calendar.monthrange(year, month + 1)[1]))
        else:
            moment += timedelta(days={"day": 1, "week": 7}[every])


def one_after_the_other(moments: list[datetime]) -> list[Evaluation]:
    """Evaluations that each know what was recorded by then, and are compared with the one before."""
    return [Evaluation(moment, moment, before, before) for before, moment in zip([None, *moments], moments)]


def refuse_recorded(home: Home) -> None:
    """Raise UserError when the home already holds a recorded evaluation: history only grows at its end."""
    if not home.warehouse.exists():
        return
    with duckdb.connect(str(home.warehouse), read_only=True) as warehouse:
        try:
            first = warehouse.execute("select min(as_of) from audit.segment_runs").fetchone()[0]
        except duckdb.CatalogException:
            first = None
    if first is not None:
        raise UserError(
            f"{home.folder} holds recorded evaluations since {first}: a backfill comes before the first build, "
            "so use another SEGMENTS_HOME.")


def newest_recorded_at(home: Home) -> datetime:
    """The newest recording time of any accepted row: the "now" of a backfill. Raises UserError when there is none."""
    with duckdb.connect(str(home.warehouse), read_only=True) as warehouse:
        newest = warehouse.execute("select max(newest_recorded_at) from audit.control_totals").fetchone()[0]
    if newest is None:
        raise UserError("No usable row in the input: there is nothing to evaluate.")
    return newest


def backfill(home: Home, moments: list[datetime], run: Callable[[list[str], str], None]) -> int:
    """Evaluate the moments and make them the record; returns how many. `run` starts dbt with arguments and a title.

    Raises UserError when a moment lies after the newest recorded row.
    """
    now = newest_recorded_at(home)
    if moments[-1] > now:
        raise UserError(f"The newest recorded row is of {now}: end the backfill at or before it.")
    evaluations = one_after_the_other(moments)
    if len(in_parts(home, evaluations)) > 1:
        raise UserError(f"{len(moments):,} dates are too many at once for this many orders: take a longer step.")
    if moments[-1] != now:
        evaluations = one_after_the_other([*moments, now])
    evaluate(home, evaluations, run, "backfilling", SELECTION)
    with home.writing() as warehouse:
        # No transaction spans both databases. What is compared goes first: without a recorded run nobody reads it.
        warehouse.execute("begin")
        _move(warehouse, "restricted", COMPARED, moments[-1:], moments[-1])
        warehouse.execute("commit")
        warehouse.execute("begin")
        _move(warehouse, "warehouse", KEPT, moments[:1], moments[-1])
        _record_membership(warehouse, moments[-1])
        warehouse.execute("commit")
        drop_replayed(warehouse)
    return len(moments)


def _move(
    warehouse: duckdb.DuckDBPyConnection, database: str, tables: tuple[tuple[str, str], ...], first: list[datetime], last: datetime
) -> None:
    """Copy the rows of the as_ofs from first to last out of the replay's tables into new ones where a build expects them."""
    for schema, table in tables:
        statement = warehouse.execute(
            "select sql from duckdb_tables() where database_name = ? and schema_name = ? and table_name = ?",
            [database, PREFIX + schema, table],
        ).fetchone()[0]
        place = f"{database}.{schema}.{table}"
        warehouse.execute(f"create schema if not exists {database}.{schema}")
        warehouse.execute(f"drop table if exists {place}")
        # the statement, not its result: constraints come along
        warehouse.execute(statement.replace(f"{PREFIX}{schema}.{table}", place, 1))
        warehouse.execute(
            f"insert into {place} by name select * from {database}.{PREFIX}{schema}.{table} where as_of between ? and ?",
            [*first, last])


def _record_membership(warehouse: duckdb.DuckDBPyConnection, last: datetime) -> None:
    """Make the replayed intervals the snapshot. At the last recorded date the later one, asked only for permissions, is not."""
    warehouse.execute("create schema if not exists snapshots")
    warehouse.execute(
        f"""
        create or replace table snapshots.segment_membership as
        select * replace (case when dbt_valid_to <= $1 then dbt_valid_to end as dbt_valid_to)
        from {PREFIX}audit.replayed_membership where dbt_valid_from <= $1
        """,
        [last],
    )
