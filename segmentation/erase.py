"""Erasure of one person (GDPR Art. 17): out of every table, file and export, without breaking the proof of what was recorded.

The steps stand in a journal: a file of the home that says whom and what, written before the first step and shredded after the last.
Every step can be repeated; whatever a kill leaves, `segmentation erase --resume` goes on to the same end, and until then nothing
is built. No transaction spans two DuckDB files, so there each area is a step; on Postgres both are one, and what the journal is
for is the rest: bytes and files. Source: privacy.md 2.6, 3.2 and 5.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from segmentation import deletion, outbox
from segmentation.coarse_sums import check_marts, coarsen_sums
from segmentation.erasure_request import Request
from segmentation.errors import UserError
from segmentation.home import Home
from segmentation.person import (
    Person, add_records, buckets, erased_hash, find_person, hmac_hex, is_known_device, load, own_rows, person_tables, record_key,
    record_secrets, residues,
)
from segmentation.publish import publish
from segmentation.session import Session

KIND = "erasure"
FULFILLED, HELD = "fulfilled", "held"


@dataclass
class Journal:
    """What an erasure that was begun needs to know to be finished. Instants are texts: it is kept as JSON."""

    deletion_id: str
    request_id: str
    request_key: str
    regulation: str
    requested_at: str
    erased_at: str  # up to when facts stay suppressed
    acted_at: str
    executor: str
    person: Person
    tables: list[tuple[str, str]]  # relation (area.schema.table), condition for the person's rows in the engine's SQL
    messages: list[dict]
    suppressed: list[list]  # identifier_type, identifier_hash, bucket, bucket_check, generation

    @classmethod
    def read(cls, path: Path) -> "Journal":
        """The journal in a file. Raises UserError when it is damaged."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            person = content.pop("person")
            person["identifiers"] = [tuple(pair) for pair in person["identifiers"]]
            return cls(person=Person(**person), **content)
        except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
            raise UserError(f"{path} is damaged: restore it, or restore the whole SEGMENTS_HOME and erase again.") from None

    def write(self, path: Path) -> None:
        """Keep the journal, whole or not at all, for its owner only."""
        fresh = path.with_suffix(".new")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(asdict(self), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)


@dataclass(frozen=True)
class Erased:
    """What an erasure did, without saying to whom."""

    request_key: str
    relations: list[tuple[str, int]]
    messages: list[tuple[str, str]]  # outbox_id, recipient
    left_files: list[Path]  # files in the home that are not the project's, and name the person
    is_new: bool = True


def erase(home: Home, request: Request, graph, now: datetime, executor: str) -> Erased:
    """Erase the person that a request names. `graph` is dbt's manifest (dbt_run.project_graph); `now` is recorded as the time of the act.

    Raises UserError, before anything is changed, when nobody or several persons are meant, a legal hold lasts, or a table holds
    persons that the project does not know. A request that was fulfilled before does nothing.
    """
    with home.writing() as warehouse:
        secret, blocks = record_secrets(warehouse)
        request_key = record_key(secret, "request", request.request_id)
        if warehouse.execute("select 1 from audit.deletion_log where kind = ? and request_key = ?", [KIND, request_key]).fetchall():
            return _done(warehouse, request_key, is_new=False)
        person = find_person(warehouse, request.identities)
        if not person.customer_keys and not is_known_device(warehouse, person):
            _refuse_unknown(warehouse, blocks, person)
        _refuse_held(warehouse, blocks, person, request, request_key, now, executor)
        journal = plan(warehouse, person, graph, request_key, request, now, executor)
    journal.write(home.journal)
    return resume(home)


def plan(warehouse: Session, person: Person, graph, request_key: str, request: Request, now: datetime,
         executor: str, listed: dict | None = None) -> Journal:
    """Everything that the steps need, found while the person can still be found. Nothing is written.

    `listed`: the erasure on the list outside the databases that is applied again.
    """
    check_marts(warehouse)
    secret, blocks = record_secrets(warehouse)
    add_records(warehouse, person)
    known, others = graph.tables, graph.sources
    tables = [(table.relation, own_rows(warehouse, table.columns)) for table in person_tables(warehouse, known, others)]
    newest = warehouse.execute("select max(newest_recorded_at) from audit.control_totals").fetchone()[0]
    boundary = listed["erased_at"] if listed else str(max(filter(None, (request.requested_at, newest))))
    suppressed = listed["identifiers"] if listed else _suppressions(warehouse, blocks, person)
    return Journal(
        deletion_id=record_key(secret, "erasure", request.request_id), request_id=request.request_id, request_key=request_key,
        regulation=request.regulation, requested_at=str(request.requested_at), erased_at=boundary, acted_at=str(now.replace(microsecond=0)),
        executor=executor, person=person, tables=tables, messages=outbox.messages(warehouse, person, graph.vendors),
        suppressed=suppressed,
    )


def resume(home: Home) -> Erased:
    """Carry an erasure that was begun to its end, from the first step: those that were done do nothing again."""
    journal = Journal.read(home.journal)
    left: list[Path] = []
    # steps in a row share one connection, but for those that need the files closed
    for is_of_files, steps in itertools.groupby(STEPS if home.is_in_files else STEPS_AT_ONCE, key=OF_FILES.__contains__):
        with nullcontext() if is_of_files else home.writing() as warehouse:
            left += [path for step in steps for path in step(home, journal) or ()]
            done = _done(warehouse, journal.request_key) if warehouse else None
    return replace(done, left_files=left)


def open_journal(home: Home, journal: Journal) -> None:
    """Tell the database that an erasure is open: a plain `dbt build` refuses then."""
    with home.writing() as warehouse, warehouse.transaction():
        _tell_open(warehouse, journal)


def delete_from_warehouse(home: Home, journal: Journal) -> None:
    """Evidence is pruned, everything keyed by the person goes, and the log says how much, in one transaction."""
    with home.writing() as warehouse:
        load(warehouse, journal.person)
        with warehouse.transaction():
            _delete_pseudonymous(warehouse, journal)


def delete_from_restricted(home: Home, journal: Journal) -> None:
    """Raw rows, key map and nonce go; the suppression list, the register and the outbox are told, in one transaction."""
    with home.writing() as warehouse:
        load(warehouse, journal.person)
        with warehouse.transaction():
            _delete_personal(warehouse, journal)


def check_residues(home: Home, journal: Journal) -> None:
    """No text of any table may still name the person by a key: what does is a fault to be known before the journal closes."""
    with home.writing() as warehouse:
        if found := _left_in(warehouse, journal):
            raise UserError(f"The person is still named in {found}: drop it or make it a model, then run segmentation erase --resume.")


def delete_at_once(home: Home, journal: Journal) -> None:
    """Both areas, in one transaction that also tells the database that the erasure is open: bytes and files are still to come.

    Raises UserError when a text still names the person: then nothing has happened, and nothing is open.
    """
    with home.writing() as warehouse:
        load(warehouse, journal.person)
        with warehouse.transaction():
            if warehouse.execute("select 1 from audit.deletion_log where deletion_id = ?", [journal.deletion_id]).fetchall():
                return
            _tell_open(warehouse, journal)
            _delete_pseudonymous(warehouse, journal)
            _delete_personal(warehouse, journal)
            if found := _left_in(warehouse, journal):
                deletion.shred(home.journal)
                raise UserError(f"The person would still be named in {found}: drop it or make it a model, then erase; nothing was erased.")


def rewrite_databases(home: Home, journal: Journal) -> None:
    """What held the person is written anew: the engines keep deleted bytes."""
    deletion.rewrite_tables(home, [relation for relation, _ in journal.tables] + ["warehouse.audit.deletion_log"])


def publish_again(home: Home, journal: Journal) -> None:
    """What BI tools read is copied anew, where there was a copy."""
    if home.published.exists():
        publish(home)


def clean_files(home: Home, journal: Journal) -> list[Path]:
    """Artefacts, logs and exports that the project wrote and that name the person go; of a log the lines that do.

    Returns the other files of the home that name the person: they are their owner's, raw files above all.
    """
    own, left = _own_folders(home), []
    for path in deletion.files_naming([home.folder, *own], journal.person.words, _kept(home)):
        if any(folder in path.parents for folder in own):
            deletion.remove_words(path, journal.person.words)
        else:
            left.append(path)
    return left


def remember(home: Home, journal: Journal) -> None:
    """The list of erasures outside the databases: after a restore of older ones it tells who is back."""
    with home.writing() as warehouse:
        _, blocks = record_secrets(warehouse)
    entry = {
        "deletion_id": journal.deletion_id, "request_id": journal.request_id, "regulation": journal.regulation,
        "requested_at": journal.requested_at, "erased_at": journal.erased_at, "acted_at": journal.acted_at,
        "identifiers": journal.suppressed,
        "keys": sorted(hmac_hex(blocks, f"erased_key|{key}") for key in journal.person.customer_keys),
    }
    entries = [one for one in read_list(home.erasures) if one["deletion_id"] != journal.deletion_id] + [entry]
    fresh = home.erasures.with_suffix(".new")
    fresh.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
    fresh.chmod(0o600)
    os.replace(fresh, home.erasures)


def close_journal(home: Home, journal: Journal) -> None:
    """Builds may run again."""
    with home.writing() as warehouse:
        warehouse.execute(f"delete from {warehouse.vault}.open_erasures")
    deletion.shred(home.journal)


STEPS: tuple[Callable[[Home, Journal], list[Path] | None], ...] = (
    open_journal, delete_from_warehouse, delete_from_restricted, check_residues, rewrite_databases, publish_again, clean_files,
    remember, close_journal,
)
OF_FILES = (rewrite_databases, publish_again, clean_files)
# where one transaction spans both areas; nothing is published there
STEPS_AT_ONCE = (delete_at_once, rewrite_databases, clean_files, remember, close_journal)


def _tell_open(warehouse: Session, journal: Journal) -> None:
    warehouse.execute(f"delete from {warehouse.vault}.open_erasures")
    warehouse.execute(f"insert into {warehouse.vault}.open_erasures values (?)", [journal.deletion_id])


def _delete_pseudonymous(warehouse: Session, journal: Journal) -> None:
    """Evidence is pruned, everything keyed by the person goes, and the log says how much. In the caller's transaction."""
    if warehouse.execute("select 1 from audit.deletion_log where deletion_id = ?", [journal.deletion_id]).fetchall():
        return
    _count_persons(warehouse)
    coarsen_sums(warehouse)
    deletion.prune(warehouse, "history.customer_key in (select value from own_keys)", "n_erased")
    rows = []
    for (relation, condition), number in zip(journal.tables, _counts(warehouse, journal), strict=True):
        if number:
            rows.append((relation.replace('"', ""), number))
        if number and relation.startswith("warehouse."):
            warehouse.execute(f"delete from {warehouse.sql_name(relation)} where {condition}")
    warehouse.execute("update audit.deletion_log set customer_key = null where customer_key in (select value from own_keys)")
    # of a device that only raw events name nothing is stored, and the log says that
    rows = rows or [("restricted.intermediate.int_events_checked", 0)]
    deletion.write_log(warehouse, [_entry(journal, relation, number) for relation, number in rows])


def _delete_personal(warehouse: Session, journal: Journal) -> None:
    """Raw rows, key map and nonce go; the suppression list, the register and the outbox are told. In the caller's transaction."""
    if warehouse.execute(f"select 1 from {warehouse.vault}.erased_identifiers where deletion_id = ?", [journal.deletion_id]).fetchall():
        return
    for relation, condition in journal.tables:
        if relation.startswith("restricted."):
            _delete(warehouse, warehouse.sql_name(relation), condition)
    _rename_choices(warehouse, journal.person)
    _forget_devices(warehouse, journal.person)
    for suppressed in journal.suppressed:
        warehouse.execute(f"insert into {warehouse.vault}.erased_identifiers values (?, ?, ?, ?, ?, ?, ?::timestamp)",
                          [journal.deletion_id, *suppressed, journal.erased_at])
    outbox.put(warehouse, journal.deletion_id, KIND, journal.acted_at, journal.messages)
    _register(warehouse, journal.request_id, journal.request_key, journal.deletion_id, journal.regulation, FULFILLED,
              journal.requested_at, journal.erased_at, journal.acted_at, journal.executor, None)


def _left_in(warehouse: Session, journal: Journal) -> str:
    """Where the person is still named, in words; of a database that holds other programs' tables only in the project's schemas."""
    schemas = {tuple(relation.split(".")[:2]) for relation, _ in journal.tables} if warehouse.is_shared else None
    return "; ".join(residues(warehouse, journal.person, {("restricted", "vault", "outbox")}, schemas))


def read_list(path: Path) -> list[dict]:
    """The erasures on the list outside the databases; none when there is no list. Raises UserError when it is damaged.

    Everything that erasing again reads is looked at: half way through the list it would be too late to find that an entry is no use.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(entries, list) or not all(map(_is_listed, entries)):
            raise ValueError
    except FileNotFoundError:
        return []
    except (OSError, ValueError, RecursionError):
        raise UserError(f"{path} is damaged: restore it from where you keep a copy.") from None
    return entries


def _is_listed(entry) -> bool:
    """Whether something is an entry as remember() writes it. Raises ValueError for texts that are no Unicode and instants that are none."""
    if not isinstance(entry, dict) or not isinstance(entry.get("keys"), list) or not isinstance(entry.get("identifiers"), list):
        return False
    suppressed = entry["identifiers"]
    if not all(isinstance(row, list) and [type(value) for value in row] == [str, str, int, int, int] for row in suppressed):
        return False
    instants = [entry.get(name) for name in ("requested_at", "erased_at")]
    texts = [entry.get(name) for name in ("deletion_id", "request_id", "regulation")] + entry["keys"]
    texts += [text for row in suppressed for text in row[:2]]
    if not all(isinstance(text, str) for text in instants + texts):
        return False
    for text in texts:
        text.encode()
    return all(datetime.fromisoformat(text).tzinfo is None for text in instants) and all(
        0 <= number < 1 << 31 for row in suppressed for number in row[2:])


def _refuse_unknown(warehouse: Session, blocks: tuple[str, str], person: Person) -> None:
    hashes = [erased_hash(blocks, *one) for one in person.identifiers]
    erased = warehouse.execute(
        f"select max(erased_at) from {warehouse.vault}.erased_identifiers where identifier_hash = any(?::text[])", [hashes]).fetchone()[0]
    if erased:
        raise UserError(f"The person of this request was erased already, with everything up to {erased} UTC; nothing was recorded since.")
    raise UserError("Nobody is known here under the identities of this request; customer ids must be written exactly as in the shop's data.")


def _refuse_held(warehouse: Session, blocks: tuple[str, str], person: Person, request: Request,
                 request_key: str, now: datetime, executor: str) -> None:
    hashes = [erased_hash(blocks, *one) for one in person.identifiers]
    holds = sorted(hold for (hold,) in warehouse.execute(
        f"select distinct hold_id from {warehouse.vault}.legal_holds where lifted_at is null and identifier_hash = any(?::text[])",
        [hashes]).fetchall())
    if not holds:
        return
    moment = str(now.replace(microsecond=0))
    _register(warehouse, request.request_id, request_key, None, request.regulation, HELD, str(request.requested_at), None, moment,
              executor, holds[0])
    raise UserError(
        f"The person of this request is under legal hold {', '.join(holds)} and is not erased; the refusal is recorded. "
        f"Run it again after segmentation hold lift {holds[0]}.")


def _suppressions(warehouse: Session, blocks: tuple[str, str], person: Person) -> list[list]:
    found = []
    for kind, identifier in person.identifiers:
        digest = erased_hash(blocks, kind, identifier)
        [(former,)] = warehouse.execute(
            f"select count(*) from {warehouse.vault}.erased_identifiers where identifier_hash = ?", [digest]).fetchall()
        found.append([kind, digest, *buckets(warehouse, identifier), former + 1])
    return found


def _register(warehouse: Session, *values) -> None:
    warehouse.execute(f"insert into {warehouse.vault}.erasure_requests values ({', '.join('?' * len(values))})", list(values))


def _entry(journal: Journal, relation: str, number: int) -> dict:
    moments = {name: datetime.fromisoformat(getattr(journal, name)) for name in ("requested_at", "acted_at")}
    return moments | {
        "deletion_id": journal.deletion_id, "kind": KIND, "request_key": journal.request_key,
        "effective_at": datetime.fromisoformat(journal.erased_at), "recorded_at": moments["requested_at"], "relation": relation,
        "n_rows": number, "reason": journal.regulation, "executor": journal.executor,
    }


def _count_persons(warehouse: Session) -> None:
    """How many persons each recorded evaluation has lost: others are ranked without them when it is evaluated again."""
    deletion.add_to_ledger(
        warehouse, "n_erased",
        f"""
        select evaluations.as_of, '{deletion.EVERYBODY}' as segment_id, evaluations.attempt, count(distinct customers.customer_key) as n_deleted
        from marts.customers as customers
        inner join (select distinct as_of, attempt from newest_evaluations) as evaluations
            on coalesce(customers.first_seen_at <= evaluations.as_of, true)
        where customers.customer_key in (select value from own_keys)
        group by evaluations.as_of, evaluations.attempt
        """)


def _counts(warehouse: Session, journal: Journal) -> list[int]:
    """How many rows of the person each table holds; one query, as each by itself takes DuckDB longer to plan than to run."""
    queries = [f"select {number}, count(*) from {warehouse.sql_name(relation)} where {condition}"
               for number, (relation, condition) in enumerate(journal.tables) if condition]
    counted = dict(warehouse.execute(" union all ".join(queries)).fetchall()) if queries else {}
    return [counted.get(number, 0) for number in range(len(journal.tables))]


def _delete(warehouse: Session, relation: str, condition: str) -> None:
    if condition:
        warehouse.execute(f"delete from {relation} where {condition}")
        return
    # ids of events without their person: the next build fills such a table anew
    warehouse.execute(f"delete from {relation}")


def _own_folders(home: Home) -> list[Path]:
    """The folders that hold nothing but what the project wrote: whatever else lies in a home is its owner's, raw files above all."""
    return [home.target, home.logs, home.folder / "exports"]


def _kept(home: Home) -> list[Path]:
    """Files of the project that an erasure treats by itself."""
    return [home.warehouse, home.restricted, home.journal, home.published, home.erasures]


def _rename_choices(warehouse: Session, person: Person) -> None:
    """What the person restricted on a shared address stands with its other holders: it stays there under the key that the next build gives it."""
    secret, _ = record_secrets(warehouse)
    renamed = [record_key(secret, "erased_choice", choice) for choice in person.choice_ids]
    for table in warehouse.tables():
        for column in sorted(table.columns & {"consent_event_id", "signal_event_id"}) if table.area == "restricted" else []:
            warehouse.execute(
                f"update {warehouse.sql_name(table.relation)} set {column} = renamed.fresh "
                f"from (select unnest(?::text[]) as former, unnest(?::text[]) as fresh) as renamed where {column} = renamed.former",
                [person.choice_ids, renamed])


def _forget_devices(warehouse: Session, person: Person) -> None:
    """What others did or chose on an erased device stays theirs, without the device."""
    devices = person.of_type("anonymous_id")
    for table in warehouse.tables() if devices else []:
        if table.area == "restricted" and "anonymous_id" in table.columns:
            warehouse.execute(f"update {warehouse.sql_name(table.relation)} set anonymous_id = null where anonymous_id = any(?::text[])", [devices])


def _done(warehouse: Session, request_key: str, is_new: bool = True) -> Erased:
    relations = warehouse.execute(
        "select relation, n_rows from audit.deletion_log where request_key = ? and kind = ? order by log_number", [request_key, KIND]).fetchall()
    messages = []
    if warehouse.has("restricted.vault.outbox"):
        messages = warehouse.execute(
            f"""
            select outbox_id, recipient from {warehouse.vault}.outbox
            where acknowledged_at is null and deletion_id in (select deletion_id from {warehouse.vault}.erasure_requests where request_key = ?)
            """, [request_key]).fetchall()
    return Erased(request_key, relations, sorted(messages), [], is_new)
