"""Whether the record is still what the builds wrote: every hash computed again, read only, and compared.

The formulas are those of the models in models/audit (macros/audit/canonical_fields.sql), written here a second time, so that
record and proof do not share a mistake. `x1f` is the unit separator, canonical() the text of a row:

    leaf             = sha256(nonce of the person || x1f || canonical(membership))
    partition_hash   = sha256(leaves of one segment and date, sorted, joined by nothing)
    evaluations_hash = sha256(sha256(canonical(evaluation)) of all rows of one run, sorted, joined by nothing)
    run_hash         = sha256(previous_hash || canonical(run)), the first previous_hash being 64 zeros

    log_hash         = sha256(previous_hash || canonical(deletion or export)), likewise, in a chain for each of the two logs

What an erasure or a purge deletes stays provable: the leaves in audit.pruned_leaves count as those of people who can no longer
be shown, in evaluations up to the run that was the newest then, and as many as audit.deletion_ledger and audit.deletion_log
say. Source: privacy.md 2.6 and 3.2.
"""

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from segmentation.errors import UserError
from segmentation.home import Home, connect_read_only
from segmentation.publish import DATABASE, SCHEMAS, UNPUBLISHED

CHAIN_START = "0" * 64
NULL, SEPARATOR = "\x1e", "\x1f"
ESCAPES = {"\x1b": "\x1b0", "\x1e": "\x1b1", "\x1f": "\x1b2"}
HISTORY, PERSONS = "warehouse.snapshots.segment_membership", "warehouse.marts.customers"  # as audit.deletion_log names them
PRUNED, LEDGER = "warehouse.audit.pruned_leaves", "warehouse.audit.deletion_ledger"
# tables of the schema segments that follow from a recorded run alone
RECORDED = ("segment_membership_history", "membership_by_customer", "segment_members", "segment_sizes", "segment_changes", "segment_history")
LEAVES_AT_ONCE = 4_000_000  # bounds the memory of one query to about 1 GB; the dates of a small shop fit into one

# the hashed columns of the three relations, with their types, in their order
MEMBERSHIP = (
    ("segment_id", "text"), ("customer_key", "text"), ("spec_version", "integer"), ("lawful_basis", "text"),
    ("privacy_impact", "text"), ("consent_version", "text"), ("consent_event_key", "text"), ("data_sources", "text"),
    ("is_primary", "boolean"),
)
EVALUATION = (
    ("as_of", "instant"), ("segment_id", "text"), ("attempt", "integer"), ("known_at", "instant"), ("spec_version", "integer"),
    ("n_population", "integer"), ("n_restricted", "integer"), ("n_objected", "integer"), ("n_age_gate", "integer"),
    ("n_consent_withdrawn", "integer"), ("n_consent_denied", "integer"), ("n_consent_unknown", "integer"),
    ("n_not_permitted", "integer"), ("n_members", "integer"), ("partition_hash", "text"),
)
RUN = (
    ("run_number", "integer"), ("run_id", "text"), ("as_of", "instant"), ("known_at", "instant"),
    ("permitted_at", "instant"), ("attempt", "integer"),
    ("code_sha", "text"), ("spec_set_hash", "text"), ("dbt_version", "text"), ("n_segments", "integer"), ("n_rows", "integer"),
    ("origin", "text"), ("executor", "text"), ("executed_at", "instant"), ("evaluations_hash", "text"),
)
RUN_HASHES = ("previous_hash", "run_hash")
# without customer_key: a later erasure takes it out of the log
DELETION = (
    ("log_number", "integer"), ("deletion_id", "text"), ("kind", "text"), ("request_key", "text"), ("requested_at", "instant"),
    ("effective_at", "instant"), ("recorded_at", "instant"), ("acted_at", "instant"), ("segment_id", "text"),
     ("relation", "text"), ("n_rows", "integer"), ("reason", "text"), ("executor", "text"),
)
EXPORT = (
    ("export_number", "integer"), ("exported_at", "instant"), ("executor", "text"), ("exported_relation", "text"), ("as_of", "instant"),
    ("head_hash", "text"), ("k", "integer"), ("n_rows", "integer"), ("n_few", "integer"), ("n_complementary", "integer"),
    ("n_cells_withheld", "integer"), ("n_cells_escaped", "integer"), ("is_formula_safe", "boolean"), ("n_key_columns", "integer"),
    ("file_sha256", "text"),
)


@dataclass(frozen=True)
class ChainedLog:
    """A log whose rows are a chain of hashes: its table, the column that numbers them, and the hashed columns in their order."""

    relation: str
    number: str
    fields: tuple[tuple[str, str], ...]

    def hash_of(self, previous: str, row: dict) -> str:
        """The log_hash of a row that follows on a row with the hash `previous`."""
        return sha256(previous + canonical(self.fields, row))


DELETIONS = ChainedLog("audit.deletion_log", "log_number", DELETION)
EXPORTS = ChainedLog("audit.export_log", "export_number", EXPORT)


@dataclass
class Verified:
    """What verify() looked at and found."""

    runs: int = 0
    partitions: int = 0
    head: str = CHAIN_START
    unproven_runs: int | None = None  # runs after the anchor; None without one
    is_with_leaves: bool = True  # False when the nonces are not at hand
    published: str = "not compared, for what else was found"  # what was done about the published copy
    findings: list[str] = field(default_factory=list)


def sha256(text: str) -> str:
    """SHA-256 of a text in UTF-8 as 64 lower-case hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(fields: tuple[tuple[str, str], ...], row: dict) -> str:
    """The canonical text of a row: name=value in the given order, nulls apart from the empty text."""
    return SEPARATOR.join(f"{name}={_canonical_value(row[name], kind)}" for name, kind in fields)


def _canonical_value(value, kind: str) -> str:
    if value is None:
        return NULL
    if kind == "instant":
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if kind == "boolean":
        return "true" if value else "false"
    if kind == "integer":
        return str(int(value))
    return "".join(ESCAPES.get(char, char) for char in value)


def canonical_sql(fields: tuple[tuple[str, str], ...], alias: str) -> str:
    """The same as an expression of DuckDB: a history has too many rows to be read one by one."""

    def value(name: str, kind: str) -> str:
        column = f'{alias}."{name}"'
        if kind == "text":
            for char, escape in ESCAPES.items():
                column = f"replace({column}, chr({ord(char)}), chr({ord(escape[0])}) || '{escape[1]}')"
            return column
        return f"{column}::varchar"  # of integers and booleans; a membership has no instant

    return " || chr(31) || ".join(f"'{name}=' || coalesce({value(name, kind)}, chr(30))" for name, kind in fields)


def verify(home: Home, anchor: str | None = None) -> Verified:
    """Compute every recorded hash of a home again and compare; nothing is written.

    Without restricted.duckdb (somebody was given the warehouse alone) the chain and the counts are checked, but not the
    members behind a partition hash, because their leaves need the nonces. `anchor` is a run_hash that was kept elsewhere:
    with it a dropped last run and a chain that was computed anew are found too.
    Raises UserError when there is nothing to verify, or a build holds the databases.
    """
    if not home.warehouse.exists():
        text = f"{home.folder}: there is no warehouse.duckdb, and only it holds the record of runs"
        raise UserError(f"{text} (the published copy does not)." if home.published.exists() else f"{text}: build first.")
    with connect_read_only(home.warehouse, home.restricted if home.restricted.exists() else None) as connection:
        stored = _stored_tables(connection)
        _check_relations(connection, stored)
        found = Verified()
        runs, evaluations = _rows(connection, "audit.segment_runs"), _rows(connection, "audit.segment_evaluations")
        found.findings += _chain(runs, evaluations)
        found.findings += _counts(runs, evaluations)
        found.runs = len(runs)
        found.head = runs[-1]["run_hash"] if runs else CHAIN_START
        _anchored(found, runs, anchor)
        found.is_with_leaves = "restricted.vault.leaf_nonces" in stored
        _load_dates(connection)
        log = _log_rows(connection, DELETIONS, stored)
        found.findings += _links(DELETIONS, log)
        found.findings += _accounted(connection, log, stored)
        found.findings += _links(EXPORTS, _log_rows(connection, EXPORTS, stored))
        is_as_built = not home.mark(UNPUBLISHED).exists()
        shown = [*_interval_ends(connection), *_copies(connection, is_as_built), *_partitions(connection, found, stored)]
        found.findings += shown
        # what a killed build left half done, or somebody changed, is no measure for the copy, and is a finding already
        if not shown:
            under_way = _under_way(home)
            published, found.published = (
                ([], f"not compared: {under_way}") if under_way else _published(connection, home.published / DATABASE, runs, is_as_built))
            found.findings += published
    return found


def _under_way(home: Home) -> str:
    """Which erasure or purge was interrupted before it published anew, and what goes on with it; nothing where none was."""
    if home.journal.exists():
        return "an erasure is not finished (segmentation erase --resume)"
    return "a purge is not finished (segmentation purge)" if home.mark("purge").exists() else ""


def _stored_tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """All tables of the databases at hand, as database.schema.table."""
    return {name for (name,) in connection.execute("select concat_ws('.', database_name, schema_name, table_name) from duckdb_tables()").fetchall()}


def _check_relations(connection: duckdb.DuckDBPyConnection, stored: set[str]) -> None:
    if stored >= {HISTORY, "warehouse.audit.segment_runs"}:
        columns = connection.execute("select * from warehouse.audit.segment_runs limit 0").description
        if {column[0] for column in columns} >= {name for name, _ in RUN} | set(RUN_HASHES):
            return
    raise UserError("This SEGMENTS_HOME records no chain of runs: it was never built to the end, or by an older version.")


def _rows(connection: duckdb.DuckDBPyConnection, relation: str) -> list[dict]:
    """All rows of a small relation; runs in the order of the chain."""
    order = {"audit.segment_runs": "run_number, as_of, attempt"}.get(relation, "as_of, attempt, segment_id")
    return _ordered(connection, relation, order)


def _ordered(connection: duckdb.DuckDBPyConnection, relation: str, order: str) -> list[dict]:
    cursor = connection.execute(f"select * from warehouse.{relation} order by {order}")
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor.fetchall()]


def _log_rows(connection: duckdb.DuckDBPyConnection, log: ChainedLog, stored: set[str]) -> list[dict]:
    """All rows of a log in the order of its chain; none where there is no such log."""
    return _ordered(connection, log.relation, log.number) if f"warehouse.{log.relation}" in stored else []


def _name(run: dict) -> str:
    return f"Run {run['run_number']} (as of {run['as_of']}, attempt {run['attempt']})"


def _chain(runs: list[dict], evaluations: list[dict]) -> Iterator[str]:
    """What is wrong with single runs and with their order."""
    of_run: dict[tuple, list[str]] = {}
    for row in evaluations:
        of_run.setdefault((row["as_of"], row["attempt"]), []).append(sha256(canonical(EVALUATION, row)))
    previous = {"run_number": 0, "run_hash": CHAIN_START, "as_of": datetime.min, "attempt": 0}
    for run in runs:
        if run["run_number"] != previous["run_number"] + 1:
            yield f"{_name(run)}: should be number {previous['run_number'] + 1}; a run is missing, moved or was put in."
        if run["previous_hash"] != previous["run_hash"]:
            before = f"run {previous['run_number']}" if previous["run_number"] else "the beginning of the chain"
            yield f"{_name(run)}: does not follow on {before}, its previous_hash is another."
        if (run["as_of"], run["attempt"]) <= (previous["as_of"], previous["attempt"]):
            yield f"{_name(run)}: is older than the run before it."
        if run["run_hash"] != sha256(run["previous_hash"] + canonical(RUN, run)):
            yield f"{_name(run)}: its record was changed, it does not give its run_hash."
        if run["evaluations_hash"] != sha256("".join(sorted(of_run.pop((run["as_of"], run["attempt"]), [])))):
            yield f"{_name(run)}: its rows in segment_evaluations were changed, added or removed."
        previous = run
    for as_of, attempt in sorted(of_run):
        yield f"Evaluation as of {as_of}, attempt {attempt}: no run recorded it; build again, or it was put in."


def _links(log: ChainedLog, rows: list[dict]) -> Iterator[str]:
    """What is wrong with a log and its chain. A last row that was dropped shows only against a log_hash kept elsewhere."""
    previous = {log.number: 0, "log_hash": CHAIN_START}
    for row in rows:
        name = f"Row {row[log.number]} of {log.relation}"
        if row[log.number] != previous[log.number] + 1 or row["previous_hash"] != previous["log_hash"]:
            yield f"{name}: does not follow on row {previous[log.number]}; a row is missing, moved or was put in."
        if row["log_hash"] != log.hash_of(row["previous_hash"] or "", row):
            yield f"{name}: was changed, it does not give its log_hash."
        previous = row


def _accounted(connection: duckdb.DuckDBPyConnection, log: list[dict], stored: set[str]) -> list[str]:
    """What is pruned must be what the log of deletions tells of: nobody can be hidden as erased or purged without a row of the log.

    An erasure logs how many rows it takes from the history, a purge how many of each segment and up to which end, and each
    leaves as many leaves. So there are as many leaves as rows in the log, of a segment no fewer than were purged, and the ledger
    counts at no evaluation more than the log allows: purged are only memberships that ended by the cutoff, after that evaluation.

    What remains possible: whoever adds a row to the log, or raises a number in it, and computes its chain anew. The anchor is a
    hash of runs and does not cover the log; keep its newest log_hash, or the requests that it must hold, elsewhere too.
    """
    if PRUNED not in stored:
        return []
    taken = [row for row in log if row["relation"] == HISTORY]
    purged: dict[str, list[tuple[datetime, int]]] = {}
    for row in taken:
        if row["kind"] == "purge":
            purged.setdefault(row["segment_id"], []).append((row["effective_at"], row["n_rows"]))
    leaves = dict(connection.execute("select segment_id, count(*) from warehouse.audit.pruned_leaves group by all").fetchall())
    found = []
    if sum(leaves.values()) != (told := sum(row["n_rows"] for row in taken)):
        found.append(f"{sum(leaves.values())} leaves are pruned, but audit.deletion_log tells of {told} deleted row(s) of the history.")
    for segment, ends in sorted(purged.items()):
        if (told := sum(number for _, number in ends)) > leaves.get(segment, 0):
            found.append(f"Segment {segment}: {leaves.get(segment, 0)} leaves are pruned, but audit.deletion_log tells of {told} purged row(s).")
    if LEDGER not in stored:
        return found
    persons = sum(row["n_rows"] for row in log if (row["kind"], row["relation"]) == ("erasure", PERSONS))
    erased = sum(row["n_rows"] for row in taken if row["kind"] == "erasure")
    for as_of, attempt, n_persons, n_rows in connection.execute(
        """
        select as_of, attempt, coalesce(sum(n_erased) filter (segment_id = '(all)'), 0), coalesce(sum(n_erased) filter (segment_id <> '(all)'), 0)
        from warehouse.audit.deletion_ledger group by all order by all
        """
    ).fetchall():
        if n_persons > persons or n_rows > erased:
            found.append(f"Evaluation as of {as_of}, attempt {attempt}: the ledger counts {n_persons} person(s) and {n_rows} membership(s) as "
                         f"erased, but audit.deletion_log tells of {persons} and {erased}.")
    for segment, as_of, attempt, number in connection.execute(
        "select segment_id, as_of, attempt, n_purged from warehouse.audit.deletion_ledger where n_purged > 0 order by all").fetchall():
        if number > (told := sum(n for cutoff, n in purged.get(segment, []) if cutoff > as_of)):
            found.append(f"Segment {segment} as of {as_of}, attempt {attempt}: the ledger counts {number} membership(s) as purged, "
                         f"but audit.deletion_log tells of {told} at most.")
    return found


def _counts(runs: list[dict], evaluations: list[dict]) -> Iterator[str]:
    """Totals that must agree within the record itself."""
    members, segments = Counter(), Counter()
    for row in evaluations:
        members[row["as_of"], row["attempt"]] += row["n_members"]
        segments[row["as_of"], row["attempt"]] += 1
        reasons = sum(row[name] or 0 for name, _ in EVALUATION if name.startswith(("n_restr", "n_obj", "n_age", "n_consent")))
        if reasons != row["n_not_permitted"] or not row["n_members"] <= row["n_population"] - reasons:
            yield f"Segment {row['segment_id']} as of {row['as_of']}, attempt {row['attempt']}: its counts contradict each other."
    for run in runs:
        key = run["as_of"], run["attempt"]
        if (run["n_rows"], run["n_segments"]) != (members[key], segments[key]):
            yield f"{_name(run)}: counts other segments or members than its evaluations."


def _anchored(found: Verified, runs: list[dict], anchor: str | None) -> None:
    if anchor is None:
        return
    numbers = [number for number, run in enumerate(runs, start=1) if run["run_hash"] == anchor]
    if numbers:
        found.unproven_runs = len(runs) - numbers[0]
    else:
        found.findings.append(f"The anchor {anchor[:12]}... is no run's hash: the last runs were dropped, or the chain was "
                              "computed anew.")


def _load_dates(connection: duckdb.DuckDBPyConnection) -> None:
    """The newest attempt of every recorded date, per segment: what the history must show."""
    connection.execute(
        """
        create temp table recorded as
        select as_of, segment_id, n_members, partition_hash, attempt, coalesce(run_number, 9223372036854775807) as run_number
        from warehouse.audit.segment_evaluations as evaluations
        left join (select as_of, attempt, run_number from warehouse.audit.segment_runs) as runs using (as_of, attempt)
        qualify attempt = max(attempt) over (partition by as_of)
        """
    )


def _interval_ends(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """History between evaluations: it proves nothing and would still answer a question about that day."""
    rows = connection.execute(
        """
        with dates as (select distinct as_of from recorded),

        ends as (
            select segment_id, dbt_valid_from as instant from warehouse.snapshots.segment_membership
            union all
            select segment_id, dbt_valid_to from warehouse.snapshots.segment_membership where dbt_valid_to is not null
        )

        select segment_id, instant, count(*) from ends
        where instant not in (from dates)
        group by all order by all
        """
    ).fetchall()
    found = [
        f"Segment {segment}: {count} row(s) of the history begin or end at {instant}, for which no evaluation is recorded; "
        "build again, or they were changed." for segment, instant, count in rows]
    rows = connection.execute(
        """
        select segment_id, count(*) from warehouse.snapshots.segment_membership
        where dbt_valid_from >= dbt_valid_to
            or as_of is distinct from dbt_valid_from
            or dbt_updated_at is distinct from dbt_valid_from
            or dbt_scd_id is distinct from md5(segment_id || '|' || customer_key || '|' || dbt_updated_at::varchar)
        group by all order by all
        """
    ).fetchall()
    return found + [f"Segment {segment}: {count} row(s) of snapshots.segment_membership contradict themselves in "
                    "as_of, dbt_updated_at, dbt_scd_id or their interval." for segment, count in rows]


def _copies(connection: duckdb.DuckDBPyConnection, is_as_built: bool) -> list[str]:
    """What people read, compared with the snapshot that the hashes prove. Not `is_as_built`: a build since was not published."""
    columns = ", ".join(name for name, _ in MEMBERSHIP)
    history = f"select {columns}, valid_from, valid_to from warehouse.segments."
    proved = f"select {columns}, dbt_valid_from as valid_from, dbt_valid_to as valid_to from warehouse.snapshots.segment_membership"
    members = f"select {columns}, as_of from warehouse.segments.segment_members"
    newest = "(select max(as_of) from recorded)"
    current = f"""select {columns}, {newest} as as_of from warehouse.snapshots.segment_membership
        where dbt_valid_from <= {newest} and coalesce(dbt_valid_to > {newest}, true)"""
    found = []
    compared = {name: (history + name, proved) for name in ("segment_membership_history", "membership_by_customer")}
    for name, (shown, expected) in (compared | {"segment_members": (members, current)}).items():
        rows = connection.execute(
            f"""
            select segment_id, sum(abs(n_more))::bigint from (
                select * exclude (one), sum(one) as n_more from (select *, 1 as one from ({shown}) union all select *, -1 from ({expected}))
                group by all having n_more <> 0)
            group by all order by all
            """
        ).fetchall()
        hint = "" if is_as_built or name != "segment_members" else "; a build since has failed or was stopped, which may be why: build again"
        found += [f"Segment {segment}: {count} row(s) of segments.{name} are not those of the snapshot{hint}." for segment, count in rows]
    return found


def _published(connection: duckdb.DuckDBPyConnection, path: Path, runs: list[dict], is_as_built: bool) -> tuple[list[str], str]:
    """What BI tools read, compared with the warehouse's, where both are of the same run: findings, and what was compared.

    All tables are, or, when the warehouse is not as it was published (`is_as_built`: a build since has failed), those of the record.
    No copy, one of an older run (a build failed after recording, or before it published), or of a version that signed none is
    compared with nothing: so is one that somebody edited and set back to an older run. The files of published/parquet must hold
    what the copy holds, all its tables.
    """
    if not path.exists() or not runs:
        return [], "not compared: there is none"
    compared = ("all tables as in the warehouse, Parquet as in the copy" if is_as_built else
                "tables of the record as in the warehouse (a build since was not published), Parquet as in the copy")
    try:
        connection.execute(f"attach '{str(path).replace(chr(39), chr(39) * 2)}' as published (read_only)")
        signed = connection.execute(
            "select macro_definition from duckdb_functions() where database_name = 'published' and function_name = 'newest_run'").fetchall()
    except duckdb.Error as error:
        return [f"{path} cannot be opened to be compared ({str(error).splitlines()[0].rstrip('.')})."], "not compared"
    signature = signed[0][0].strip("'") if signed else None
    if signature != runs[-1]["run_hash"]:
        if signature is None:
            return [], "not compared: it does not say of which run it is (build again)"
        if any(run["run_hash"] == signature for run in runs):
            return [], "not compared: it is of an earlier run (build again)"
        return [f"{path} holds a run that is not on record: the databases are older, the last runs were dropped, or it was changed; "
                "build again."], "not compared"
    copied, tables = (_published_tables(connection, catalog) for catalog in ("published", "warehouse"))
    found = [f"{path}: {table} is no table of the warehouse; build again, or it was put there."
             for table in copied if is_as_built and table not in tables]
    if not is_as_built:
        tables = {table: tables[table] for table in _recorded_tables(connection, runs[-1]) if table in tables}
    for table, columns in tables.items():
        if copied.get(table) != columns:
            found.append(f"{path}: {table} is missing or has other columns; build again, or it was changed.")
            continue
        recorded, shown = (f'{catalog}."{table.replace(".", chr(34) + "." + chr(34), 1)}"' for catalog in ("warehouse", "published"))
        try:
            n_lacking, n_more = _unlike(connection, recorded, shown)
        except duckdb.Error:
            found.append(f"{path}: {table} cannot be read; build again, or it was changed.")
            continue
        if n_lacking or n_more:
            found.append(f"{path}: {n_lacking} row(s) of {table} are missing and {n_more} are not those of the warehouse; "
                         "build again, or it was changed.")
    # a copy that was changed is no measure for the files beside it
    return found or _parquet(connection, path.with_name("parquet")), compared


def _parquet(connection: duckdb.DuckDBPyConnection, folder: Path) -> list[str]:
    """The files for BI tools that read Parquet, compared with the copy (attached as `published`) that was written with them."""
    if not folder.exists():
        return []
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'published' order by all").fetchall()
    expected = {f"{schema}.{table}.parquet": f'published."{schema}"."{table}"' for schema, table in tables}
    found = [f"{path}: is no published table; build again, or it was put there."
             for path in sorted(folder.iterdir()) if path.name not in expected]
    for name, copied in expected.items():
        path = folder / name
        if not path.exists():
            found.append(f"{path}: is missing; build again, or it was removed.")
            continue
        shown = f"read_parquet('{str(path).replace(chr(39), chr(39) * 2)}')"
        try:
            shape_told, shape_shown = ((one.columns, list(map(str, one.types))) for one in (connection.sql(f"from {one}") for one in (copied, shown)))
            is_same = shape_told == shape_shown and _unlike(connection, copied, shown) == (0, 0)
            if not is_same:
                found.append(f"{path}: does not hold what {DATABASE} holds; build again, or one of the two was changed.")
        except duckdb.Error:
            found.append(f"{path}: cannot be read as the table it is named after; build again, or it was changed.")
    return found


def _unlike(connection: duckdb.DuckDBPyConnection, one: str, other: str) -> tuple[int, int]:
    """How many rows of a relation the other lacks, and how many it has besides. Both have the same columns.

    A copy holds its rows in the order of what was copied, so the two are first read side by side; only what is not the same then is
    looked for in any order, which takes ten times as long.
    """
    one, other = (f'(select "all columns" from {relation} as "all columns")' for relation in (one, other))  # no column is called that
    is_unlike = connection.execute(
        f'select 1 from {one} as one positional join {other} as other where one."all columns" is distinct from other."all columns" limit 1').fetchall()
    if not is_unlike:
        return 0, 0
    return connection.execute(
        f"""
        select coalesce(sum(n) filter (n > 0), 0)::bigint, coalesce(-sum(n) filter (n < 0), 0)::bigint from (
            select sum(one) as n from (select *, 1 as one from {one} union all select *, -1 from {other}) group by "all columns")
        """).fetchone()


def _published_tables(connection: duckdb.DuckDBPyConnection, catalog: str) -> dict[str, list[str]]:
    """The tables that are published, as schema.table, with their columns and types."""
    return dict(connection.execute(
        """
        select schema_name || '.' || table_name, list(column_name || ' ' || data_type order by column_index)
        from duckdb_columns()
        where database_name = ? and list_contains(?, schema_name)
            and (schema_name, table_name) in (select (schema_name, table_name) from duckdb_tables() where database_name = ?)
        group by all order by all
        """, [catalog, list(SCHEMAS), catalog]).fetchall())


def _recorded_tables(connection: duckdb.DuckDBPyConnection, newest: dict) -> list[str]:
    """The published tables that are of the record. The registry stands before its run is recorded: it counts where it is that run's."""
    [(specs,)] = connection.execute(
        "select sha256(coalesce(string_agg(rule_hash, '' order by segment_id, spec_version), '')) "
        "from warehouse.segments.segment_registry").fetchall()
    registry = ("segment_registry",) if specs == newest["spec_set_hash"] else ()
    return [f"segments.{name}" for name in (*RECORDED, *registry)]


def _partitions(connection: duckdb.DuckDBPyConnection, found: Verified, stored: set[str]) -> list[str]:
    """Members and roots of every recorded date and segment, computed from the intervals of the history."""
    _load_leaves(connection, found.is_with_leaves, PRUNED in stored)
    connection.execute("create temp table computed (as_of timestamp, segment_id varchar, n_members bigint, n_pruned bigint, partition_hash varchar)")
    root = "sha256(string_agg(leaf, '' order by leaf))" if found.is_with_leaves else "null"
    for dates in _chunks(connection):
        connection.execute(
            f"""
            insert into computed
            select dates.as_of, leaves.segment_id, count(*), count(leaves.last_run), {root}
            from leaves
            inner join (select distinct as_of, run_number from recorded where list_contains(?::timestamp[], as_of)) as dates
                on dates.as_of >= leaves.valid_from and dates.as_of < leaves.valid_to
                    and coalesce(dates.run_number <= leaves.last_run, true)
            group by all
            """,
            [dates],
        )
    found.partitions = connection.execute("select count(*) from recorded").fetchone()[0]
    rows = connection.execute(
        """
        select
            coalesce(recorded.segment_id, computed.segment_id) as segment,
            min(coalesce(recorded.as_of, computed.as_of)) as first_as_of,
            max(coalesce(recorded.as_of, computed.as_of)) as last_as_of,
            count(*) as n_dates,
            case
                when recorded.as_of is null then 'unrecorded'
                when recorded.n_members != coalesce(computed.n_members, 0) then 'count'
                else 'hash'
            end as kind,
            min_by(recorded.n_members, recorded.as_of),
            min_by(coalesce(computed.n_members, 0), recorded.as_of)
        from recorded full join computed on recorded.as_of = computed.as_of and recorded.segment_id = computed.segment_id
        where recorded.as_of is null
            or recorded.n_members != coalesce(computed.n_members, 0)
            or ($is_with_leaves and recorded.partition_hash is distinct from coalesce(computed.partition_hash, sha256('')))
        group by segment, kind order by all
        """,
        {"is_with_leaves": found.is_with_leaves},
    ).fetchall()
    said = []
    for segment, first, last, count, kind, recorded, computed in rows:
        dates = f"as of {first}" if count == 1 else f"as of {first} to {last} ({count} evaluations)"
        said.append(f"Segment {segment} {dates}: " + {
            "unrecorded": "the history shows members, but no evaluation of the segment is recorded.",
            "count": f"the history shows {computed} members where {recorded} were recorded"
                     + (" (the first date)." if count > 1 else "."),
            "hash": "the members in the history do not give the recorded partition_hash; a row was changed.",
        }[kind])
    said += _ledger(connection) if LEDGER in stored else []
    missing = connection.execute("select segment_id, count(*) from leaves where leaf is null group by all order by all").fetchall()
    if found.is_with_leaves:
        said += [f"Segment {segment}: {count} row(s) of the history belong to nobody who has a leaf nonce." for segment, count in missing]
    return said


def _ledger(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Deleted memberships must be those that the ledger counts: a row cannot pass for erased."""
    rows = connection.execute(
        """
        select segment_id, as_of, coalesce(computed.n_pruned, 0) as n_pruned, coalesce(ledger.n_erased + ledger.n_purged, 0) as n_deleted
        from recorded
        left join computed using (as_of, segment_id)
        left join warehouse.audit.deletion_ledger as ledger using (as_of, segment_id, attempt)
        where n_pruned != n_deleted
        order by all
        """
    ).fetchall()
    return [f"Segment {segment} as of {as_of}: {pruned} leaves are pruned, but the ledger of deletions counts {deleted}."
            for segment, as_of, pruned, deleted in rows]


def _load_leaves(connection: duckdb.DuckDBPyConnection, is_with_leaves: bool, is_pruned: bool) -> None:
    leaf = f"sha256(nonces.nonce || chr(31) || {canonical_sql(MEMBERSHIP, 'history')})" if is_with_leaves else "null::varchar"
    nonces = "left join restricted.vault.leaf_nonces as nonces using (customer_key)" if is_with_leaves else ""
    pruned = """
        union all
        select segment_id, valid_from, coalesce(valid_to, 'infinity'::timestamp), leaf, last_run from warehouse.audit.pruned_leaves
    """ if is_pruned else ""
    connection.execute(
        f"""
        create temp table leaves as
        select
            history.segment_id,
            history.dbt_valid_from as valid_from,
            coalesce(history.dbt_valid_to, 'infinity'::timestamp) as valid_to,
            {leaf} as leaf,
            null::bigint as last_run
        from warehouse.snapshots.segment_membership as history
        {nonces}
        {pruned}
        """
    )


def _chunks(connection: duckdb.DuckDBPyConnection) -> Iterator[list[datetime]]:
    """The recorded dates in groups of about LEAVES_AT_ONCE members: one query for each group."""
    dates = connection.execute("select as_of, sum(n_members) from recorded group by as_of order by as_of").fetchall()
    total = itertools.accumulate(size for _, size in dates)
    numbered = [(int(reached) // LEAVES_AT_ONCE, as_of) for reached, (as_of, _) in zip(total, dates)]
    for _, group in itertools.groupby(numbered, key=lambda pair: pair[0]):
        yield [as_of for _, as_of in group]


def check_hash(text: str) -> str:
    """An anchor as given by the user, in lower case. Raises UserError when it is not 64 hex digits."""
    cleaned = text.strip().lower()
    if len(cleaned) != 64 or set(cleaned) - set("0123456789abcdef"):
        raise UserError(f"The anchor must be 64 hex digits, as the build prints them; not {text[:80]!r}.")
    return cleaned


def head_of(warehouse: duckdb.DuckDBPyConnection) -> str | None:
    """The hash of the newest run of a warehouse: what to keep elsewhere as the anchor. None where no run is recorded."""
    return warehouse.execute("select max_by(run_hash, run_number) from warehouse.audit.segment_runs").fetchone()[0]
