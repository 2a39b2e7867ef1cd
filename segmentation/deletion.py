"""What erasure and purge share: the log of deletions, pruned evidence, and files without what was deleted.

DuckDB keeps deleted bytes in its files (measured: DELETE, CHECKPOINT and VACUUM leave them), so a deletion ends with a copy of
what is left into a new file that takes the old one's place; on Postgres with VACUUM FULL, which does the same table by table.
Source: privacy.md 3.2.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import duckdb

from segmentation.errors import UserError
from segmentation.home import Home, duckdb_settings
from segmentation.session import Session
from segmentation.verify import CHAIN_START, DELETIONS, MEMBERSHIP, ChainedLog, canonical_sql

LEDGER = "audit.deletion_ledger"
EVERYBODY = "(all)"  # the segment of the ledger that counts persons, as in marts.segment_metrics


def write_log(warehouse: Session, rows: list[dict]) -> None:
    """Append rows to audit.deletion_log, in its chain of hashes. A row is a dict of the log's columns but number and hashes.

    `customer_key`, where a deletion may still name its person, is no part of the hash: an erasure takes it away.
    """
    append(warehouse, DELETIONS, rows, ["customer_key"])


def append(warehouse: Session, log: ChainedLog, rows: list[dict], unhashed: Sequence[str] = ()) -> list[tuple[int, str]]:
    """Append rows to a log, in its chain of hashes. Returns the number and the hash of each.

    A row is a dict of the log's columns but number and hashes. `unhashed`: columns besides, which are no part of the hash.
    """
    newest = warehouse.execute(f"select {log.number}, log_hash from {log.relation} order by {log.number} desc limit 1").fetchone()
    number, previous = newest or (0, CHAIN_START)
    appended, inserted = [], []
    for row in rows:
        number += 1
        record = {name: row.get(name) for name, _ in log.fields} | {log.number: number}
        digest = log.hash_of(previous, record)
        values = record | {name: row.get(name) for name in unhashed} | {"previous_hash": previous, "log_hash": digest}
        inserted.append(list(values.values()))
        previous = digest
        appended.append((number, digest))
    if inserted:
        warehouse.executemany(f"insert into {log.relation} ({', '.join(values)}) values ({', '.join('?' * len(values))})", inserted)
    return appended


def prune(warehouse: Session, condition: str, column: str) -> int:
    """Replace memberships on record by their leaves, and count them in the ledger: recorded = replayable + erased + purged.

    Takes the rows of snapshots.segment_membership (alias `history`) that meet the SQL condition, in the caller's transaction on
    the warehouse. The rows themselves are the caller's to delete.
    `column` of the ledger: n_erased or n_purged. Returns the number of rows.
    """
    warehouse.keep(
        "pruned", f"""
        select
            history.segment_id,
            history.dbt_valid_from as valid_from,
            history.dbt_valid_to as valid_to,
            (select max(run_number) from audit.segment_runs) as last_run,
            {leaf_of(warehouse, 'nonces.nonce', 'history')} as leaf
        from snapshots.segment_membership as history
        inner join {warehouse.vault}.leaf_nonces as nonces on history.customer_key = nonces.customer_key
        where {condition}
        """)
    columns = "segment_id, valid_from, valid_to, last_run, leaf"
    warehouse.execute(f"insert into audit.pruned_leaves ({columns}) select {columns} from pruned")
    add_to_ledger(
        warehouse, column,
        """
        select evaluations.as_of, evaluations.segment_id, evaluations.attempt, count(*) as n_deleted
        from pruned
        inner join newest_evaluations as evaluations
            on pruned.segment_id = evaluations.segment_id
            and pruned.valid_from <= evaluations.as_of
            and coalesce(pruned.valid_to > evaluations.as_of, true)
        group by evaluations.as_of, evaluations.segment_id, evaluations.attempt
        """)
    return warehouse.execute("select count(*) from pruned").fetchone()[0]


def leaf_of(warehouse: Session, nonce: str, history: str) -> str:
    """SQL for the leaf of a membership on record. Arguments: SQL for the person's nonce, alias of the row."""
    return warehouse.sha256(f"{nonce} || chr(31) || {canonical_sql(MEMBERSHIP, history)}")


def add_to_ledger(warehouse: Session, column: str, query: str) -> None:
    """Add the counts of a query (as_of, segment_id, attempt, n_deleted) to the ledger. It may read `newest_evaluations`."""
    warehouse.keep(
        "newest_evaluations", """
        select as_of, segment_id, attempt from audit.segment_evaluations
        where (as_of, attempt) in (select as_of, max(attempt) from audit.segment_evaluations group by as_of)
        """)
    warehouse.keep("deleted", query)
    warehouse.execute(
        f"""
        update {LEDGER} as ledger set {column} = ledger.{column} + deleted.n_deleted from deleted
        where (ledger.as_of, ledger.segment_id, ledger.attempt) = (deleted.as_of, deleted.segment_id, deleted.attempt)
        """
    )
    erased, purged = ("n_deleted", "0") if column == "n_erased" else ("0", "n_deleted")
    warehouse.execute(
        f"""
        insert into {LEDGER} (as_of, segment_id, attempt, n_erased, n_purged)
        select as_of, segment_id, attempt, {erased}, {purged} from deleted
        where (as_of, segment_id, attempt) not in (select as_of, segment_id, attempt from {LEDGER})
        """
    )


def rewrite(path: Path) -> None:
    """Replace a database by a copy of what it shows, so that no deleted byte is left in it. In one step: killed, it was or was not.

    Raises UserError when the copy cannot be written (a full disk); the old file is then untouched.
    """
    fresh = path.with_suffix(".rewritten")
    for left in (fresh, fresh.with_name(fresh.name + ".wal")):
        left.unlink(missing_ok=True)
    try:
        if path.with_name(path.name + ".wal").exists():  # what a killed process left: taken in
            duckdb.connect(str(path), config=duckdb_settings()).close()
        # what does not fit in memory goes where the next lock of the home removes it
        with duckdb.connect(config=duckdb_settings(temp_directory=f"{path}.tmp")) as connection:
            for catalog, file, mode in (("former", path, " (read_only)"), ("fresh", fresh, "")):
                connection.execute(f"attach '{str(file).replace(chr(39), chr(39) * 2)}' as {catalog}{mode}")
            connection.execute("copy from database former to fresh")
            connection.execute("checkpoint fresh")
            connection.execute("detach fresh")
        fresh.chmod(path.stat().st_mode & 0o777)
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except (OSError, duckdb.Error) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise UserError(f"{path}: cannot be written anew without what was deleted ({reason}).") from error


def shred(path: Path) -> None:
    """Overwrite a file and remove it."""
    if path.exists():
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.write(b"\0" * size)
            file.flush()
            os.fsync(file.fileno())
        path.unlink()


def pattern_of(words: list[str]) -> re.Pattern:
    """Any of the words, not as a part of a longer one."""
    return re.compile(b"(?<![A-Za-z0-9])(?:" + b"|".join(re.escape(word.encode()) for word in words) + b")(?![A-Za-z0-9])")


def files_naming(folders: list[Path], words: list[str], passed_over: list[Path]) -> list[Path]:
    """The files in these folders that hold one of the words as bytes, or as a value where Parquet compresses it.

    `passed_over`: files and folders that are not looked at.
    """
    if not words:
        return []
    pattern, longest = pattern_of(words), max(len(word.encode()) for word in words)
    found = []
    for path in sorted(_files_in(folders, {str(path) for path in passed_over})):
        if path.suffix == ".parquet" and _parquet_names(path, words) or _bytes_hold(path, pattern, longest):
            found.append(path)
    return found


def _files_in(folders: list[Path], passed_over: set[str]) -> set[Path]:
    """The files in these folders and theirs, no links. Folders that are passed over are not entered."""
    found = set()
    for folder in folders:
        for parent, inner, names in os.walk(folder):
            inner[:] = [name for name in inner if os.path.join(parent, name) not in passed_over]
            paths = [path for path in (os.path.join(parent, name) for name in names) if path not in passed_over]
            found.update(Path(path) for path in paths if os.path.isfile(path) and not os.path.islink(path))
    return found


def _bytes_hold(path: Path, pattern: re.Pattern, longest: int) -> bool:
    tail = b""
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            if pattern.search(tail + block):
                return True
            tail = (tail + block)[-longest - 2:]
    return False


def _parquet_names(path: Path, words: list[str]) -> bool:
    try:
        with duckdb.connect() as connection:
            return bool(connection.execute(
                "select 1 from read_parquet(?) as row where list_has_any(list_transform(?, w -> contains(row::varchar, w)), [true]) limit 1",
                [str(path), words]).fetchall())
    except duckdb.Error:
        return False


def remove_words(path: Path, words: list[str]) -> None:
    """Take the lines that hold one of the words out of a log, or remove the file where it is none."""
    if path.suffix != ".log":
        path.unlink()
        return
    pattern = pattern_of(words)
    lines = path.read_bytes().splitlines(keepends=True)
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(b"".join(line for line in lines if not pattern.search(line)))
    os.replace(fresh, path)


def check_tables(home: Home) -> None:
    """Raise UserError for databases that were built before there was erasure: they have nowhere to record it."""
    with home.writing() as warehouse:
        if not all(map(warehouse.has, ("warehouse.audit.deletion_log", "restricted.vault.outbox"))):
            raise UserError(f"{home.place} was built by an older version: build once with this one, then erase.")


def rewrite_tables(home: Home, relations: list[str]) -> None:
    """Leave no deleted byte of these relations behind: DuckDB writes the databases anew that hold them, Postgres the tables.

    Raises UserError when that cannot be done now. It can be repeated.
    """
    if home.is_in_files:
        for area, path in (("restricted", home.restricted), ("warehouse", home.warehouse)):
            if any(relation.startswith(f"{area}.") for relation in relations):
                rewrite(path)
    else:
        home.vacuum(relations)
