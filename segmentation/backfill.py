"""History for a shop that has data but no record yet: past dates evaluated in one build, recorded as if run one by one."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import duckdb

from segmentation.errors import UserError
from segmentation.home import Home, connect_read_only
from segmentation.replay import PREFIX, STABILITY, Continued, Evaluation, copy_table, drop_replayed, evaluate, in_parts, part_title

EVERY = ("day", "week", "month")
# everything that does not depend on a date: raw rows checked once, keys, specs
STATIC = ["build", "--exclude", "evaluation_clock+", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]
# what a build keeps of sources that overwrite: it holds from the first date on
HELD = [
    "build", "--select", "evaluation_clock", "run_started", "segment_specs", "notices_as_held", "products_as_held",
    "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test",
]
# what is kept of each date, and what that rests on
SELECTION = [
    "build", "--select", "evaluation_clock+", "path:seeds/reference", "segment_registry", "segment_purposes", "segment_inputs",
    "--exclude", "resource_type:snapshot", "segment_membership_history+", "segment_definition_changes", "segment_history",
    "segment_stability", "run_started", "replay_partitions", "replay_differences", "int_late_facts", "int_replay_differences",
    "vendor_verification", "int_soft_opt_ins+", "path:models/activation", "cohort_retention", "revenue_concentration",
    "int_consent_intervals+", "consent_evidence", "int_cancelled_sends+", "int_device_periods+",
    "int_order_totals", "platform_reconciliation", "refunds", "int_prediction_inputs", "prediction_calibration",
    "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test",
]
# what a build keeps per as_of (schema, table), beside the snapshot of the membership
KEPT = (
    ("marts", "rfm_thresholds"), ("marts", "vendor_states"), ("marts", "retention_thresholds"), ("marts", "retention_transitions"),
    ("marts", "segment_metrics"), ("marts", "segment_consent_metrics"), ("marts", "segment_conversions"), ("marts", "campaign_metrics"),
    ("marts", "segment_migration"), ("marts", "buying_behaviour"), ("segments", "segment_changes"), ("audit", "segment_change_reasons"),
    ("audit", "late_arrivals"), ("audit", "segment_evaluations"), ("audit", "segment_runs"),
)
DATED = {"segment_migration": "to_as_of"}  # whose as_of has another name
MEMBERSHIP = ("snapshots", "segment_membership")
# what the next evaluation is compared with, in the restricted database; as in a build, of the last two: the last may be built again
COMPARED = (*(("evaluated", f"int_evaluated_{what}") for what in ("customers", "matches", "permissions", "persons", "segments")), STABILITY)
# the build that ends a backfill: what was loaded is there, and all that a build checks is checked
CLOSING = ["build", "--select", "evaluation_clock+", "resource_type:test"]


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


def one_after_the_other(moments: list[datetime], permitted_at: datetime | None) -> list[Evaluation]:
    """Evaluations that each know what was recorded by then, and are compared with the one before."""
    return [Evaluation(moment, moment, before, before, permitted_at, before) for before, moment in zip([None, *moments], moments)]


def refuse_recorded(home: Home) -> None:
    """Raise UserError when the home already holds a recorded evaluation: history only grows at its end."""
    if not home.warehouse.exists():
        return
    with connect_read_only(home.warehouse) as warehouse:
        try:
            first = warehouse.execute("select min(as_of) from audit.segment_runs").fetchone()[0]
        except duckdb.CatalogException:
            first = None
    if first is not None:
        raise UserError(
            f"{home.folder} holds recorded evaluations since {first}: a backfill comes before the first build, "
            "so use another SEGMENTS_HOME.")


def newest_recorded_at(home: Home, last: datetime) -> datetime:
    """The newest recording time of any accepted row: the "now" of a backfill.

    Raises UserError when there is none, or when the last date to evaluate lies after it.
    """
    with connect_read_only(home.warehouse) as warehouse:
        newest = warehouse.execute("select max(newest_recorded_at) from audit.control_totals").fetchone()[0]
    if newest is None:
        raise UserError("No usable row in the input: there is nothing to evaluate.")
    if last > newest:
        raise UserError(f"The newest recorded row is of {newest}: end the backfill at or before it.")
    return newest


def backfill(home: Home, moments: list[datetime], run: Callable[[list[str], str], None], permitted_at: datetime | None) -> None:
    """Evaluate the moments and make them the record. `run` starts dbt with arguments and a title.

    Nobody is admitted whom a segment may not consider at permitted_at, if it is given.
    """
    parts = in_parts(home, moments)
    for number, part in enumerate(parts, start=1):
        # the last date of the part before is evaluated again: the first of this one is compared with it
        before = parts[number - 2][-1:] if number > 1 else []
        today = [] if permitted_at in (None, part[-1]) else [
            Evaluation(permitted_at, permitted_at, part[-1], part[-1], permitted_at, preceding_as_of=permitted_at)]
        evaluate(home, one_after_the_other([*before, *part], permitted_at) + today, run,
                 part_title("backfilling", number, len(parts)), SELECTION, continued=going_on(*before) if before else ())
        with home.writing() as warehouse:
            # No transaction spans both databases. What is compared goes first: without a recorded run nobody reads it.
            warehouse.execute("begin")
            _drop(warehouse, "restricted", COMPARED)
            _record(warehouse, "restricted", COMPARED, [*before, *part][-2:])
            warehouse.execute("commit")
            warehouse.execute("begin")
            if number == 1:  # a build that died before it was on record may have begun them
                _drop(warehouse, "warehouse", (*KEPT, MEMBERSHIP))
            _record(warehouse, "warehouse", KEPT, part)
            _record_membership(warehouse, before, part[-1])
            warehouse.execute("commit")
            drop_replayed(warehouse)


def going_on(before: datetime) -> tuple[Continued, ...]:
    """What goes on from part to part: the hash of a run rests on the one before, and what the stability rule counts on the last date."""
    return Continued("warehouse", "", ("audit", "segment_runs")), Continued("restricted", "", STABILITY, before)


def _drop(warehouse: duckdb.DuckDBPyConnection, database: str, tables: tuple[tuple[str, str], ...]) -> None:
    for schema, table in tables:
        warehouse.execute(f"drop table if exists {database}.{schema}.{table}")


def _record(
    warehouse: duckdb.DuckDBPyConnection, database: str, tables: tuple[tuple[str, str], ...], moments: list[datetime]
) -> None:
    """Append the replay's rows of these as_ofs where a build expects them."""
    for schema, table in tables:
        copy_table(warehouse, (database, PREFIX + schema, table), (database, schema, table),
                   f"{DATED.get(table, 'as_of')} between ? and ?", [moments[0], moments[-1]])


def _record_membership(warehouse: duckdb.DuckDBPyConnection, before: list[datetime], last: datetime) -> None:
    """Make the replayed intervals the snapshot, or let them go on from the last date before.

    At the last recorded date the later one, asked only for permissions, is not.
    """
    source, snapshot = ("warehouse", PREFIX + "audit", "replayed_membership"), ("warehouse", *MEMBERSHIP)
    if before:
        # whoever was in at that date is in both: there the interval began, here it may end
        warehouse.execute(
            f"""
            update {'.'.join(snapshot)} as recorded set dbt_valid_to = replayed.dbt_valid_to
            from {'.'.join(source)} as replayed
            where recorded.dbt_valid_to is null and replayed.dbt_valid_from = ? and replayed.dbt_valid_to <= ?
                and recorded.segment_id = replayed.segment_id and recorded.customer_key = replayed.customer_key
            """,
            [*before, last],
        )
    copy_table(warehouse, source, snapshot, "dbt_valid_from <= ? and dbt_valid_from > coalesce(?, timestamp '0001-01-01')",
               [last, *(before or [None])])
    warehouse.execute(f"update {'.'.join(snapshot)} set dbt_valid_to = null where dbt_valid_to > ?", [last])
