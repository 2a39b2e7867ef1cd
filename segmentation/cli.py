"""The `segmentation` command."""

import argparse
import csv
import gc
import getpass
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta, timezone
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from segmentation.errors import UserError
from segmentation.files import write_whole
from segmentation.home import DEFAULT_HOME, PROJECT, Home, connect_read_only, duckdb_settings, folder_setting

UNBOUNDED = 10_000  # characters
console = Console(highlight=False)
if not console.is_terminal:
    console.width = UNBOUNDED  # a pipe has no width; rich would cut tables at the eightieth character
TARGETS = ("duckdb", "postgres")
DEMO_AS_OFS = [datetime(2026, 1, 12) + timedelta(weeks=week) for week in range(12)]
# what must hold of any result (tests/singular) is checked in every build: what fails it is neither recorded nor published
WITHOUT_TESTS = ["--exclude", "test_type:unit", "test_type:generic", "path:tests/grains"]
ROWS_SHOWN = 50
# kept in step with segmentation.ask.KINDS by a test: importing that takes half a second, and --help needs none of it
ASK_PARAMETERS = {
    "segment": "a segment, for example vip",
    "on": "a date or UTC instant, for example 2026-03-03",
    "from": "beginning of the period",
    "to": "end of the period, not included",
    "customer": "a customer_key",
    "order": "an order_key",
    "request": "the id of a person's request",
    "spec-version": "a version of the segment's rule",
    "definition": "a definition of orders and revenue, for example shopify_net_sales",
    "period": "a month, for example 2026-02, or to_date",
    "shown-orders": "the number of orders that the platform shows",
    "shown-amount": "the amount that the platform shows",
}


def command() -> int:
    """Entry point of the installed command: `main` without Python's search for cycles, as the process ends after it."""
    gc.disable()
    try:
        return main()
    finally:
        gc.freeze()  # else the end of the process searches once more


def main(arguments: list[str] | None = None) -> int:
    """What the command does. Returns the exit code: 0 done, 1 the build failed or found a difference, 2 wrong use, 130 stopped."""
    parser = argparse.ArgumentParser(prog="segmentation", description="Auditable customer segmentation.")
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="build and test everything, then publish the read copy")
    build.add_argument("--without-tests", action="store_true", help="check the invariants only (several times faster on small data)")
    build.add_argument("--target", choices=TARGETS, help="where to build; default SEGMENTS_TARGET, else duckdb")
    build.set_defaults(run=lambda options: run_build(with_tests=not options.without_tests, target=options.target))
    demo = commands.add_parser("demo", help="evaluate twelve Mondays of the demo shop, for a history to look at")
    demo.set_defaults(run=lambda _: run_demo())
    again = commands.add_parser("replay", help="evaluate recorded dates again and compare with the record")
    again.add_argument("--mode", choices=("as_recorded", "as_corrected"), default="as_recorded",
                       help="know what was known then (default), or what is known now")
    again.add_argument("--as-of", metavar="INSTANT", help="one recorded date")
    again.add_argument("--from", dest="first", metavar="INSTANT", help="recorded dates from this one on")
    again.add_argument("--to", dest="last", metavar="INSTANT", help="recorded dates up to this one")
    again.set_defaults(run=run_replay)
    past = commands.add_parser("backfill", help="record past dates before the first build, then build")
    past.add_argument("--from", dest="first", metavar="INSTANT", required=True, help="the first date")
    past.add_argument("--to", dest="last", metavar="INSTANT", required=True, help="no date after this one")
    past.add_argument("--every", choices=("day", "week", "month"), default="week", help="the step (default: week)")
    past.set_defaults(run=run_backfill)
    new = commands.add_parser("new-segment", help="write the files of a new segment, to be filled in")
    new.add_argument("name", help="small letters, digits and _")
    new.set_defaults(run=lambda options: run_new_segment(options.name))
    fit = commands.add_parser("fit", help="fit the parameters of the predictions; they apply from the next evaluation on")
    fit.add_argument("--as-of", metavar="INSTANT", help="fit on what was known then (default: the newest build)")
    fit.add_argument("--csv", action="store_true", help="print the rows instead of recording them (the demo's stand in a seed)")
    fit.set_defaults(run=run_fit)
    release = commands.add_parser("release", help="lock the released versions of segments")
    release.add_argument("names", nargs="+")
    release.set_defaults(run=lambda options: run_release(options.names))
    verify = commands.add_parser("verify", help="compute every recorded hash again: was the history changed?")
    verify.add_argument("--anchor", metavar="HASH", help="head hash of an earlier build, kept elsewhere: finds a dropped end too")
    verify.set_defaults(run=lambda options: run_verify(options.anchor))
    erasing = commands.add_parser("erase", help="erase a person: a request for erasure (OpenDSR) as a file")
    what = erasing.add_mutually_exclusive_group(required=True)
    what.add_argument("--request", metavar="FILE", type=Path, help="the request, JSON in the shape of OpenDSR")
    what.add_argument("--resume", action="store_true", help="finish an erasure that was interrupted")
    erasing.set_defaults(run=run_erase)
    holding = commands.add_parser("hold", help="legal holds: persons who may not be erased for the time being")
    add_hold_options(holding)
    holding.set_defaults(run=run_hold)
    sending = commands.add_parser("outbox", help="messages to vendors about persons who were erased")
    add_outbox_options(sending)
    sending.set_defaults(run=run_outbox)
    restored = commands.add_parser("restore-check", help="after a restore: erase again who was erased since the backup")
    restored.add_argument("--list", dest="list_file", metavar="FILE", type=Path, help="the list of erasures; default erasures.json of the home")
    restored.set_defaults(run=lambda options: run_restore_check(options.list_file))
    purging = commands.add_parser("purge", help="delete membership history past its retention; to be run each night")
    purging.set_defaults(run=lambda _: run_purge())
    keeping = commands.add_parser("vault", help="epochs of the pseudonyms of devices and e-mail addresses")
    add_vault_options(keeping)
    keeping.set_defaults(run=run_vault)
    consent_ui = commands.add_parser("consent-ui", help="what each segment does, as JSON for the shop's preference centre")
    consent_ui.add_argument("--out", metavar="FILE", type=Path, help="where to write it; default: standard output")
    consent_ui.set_defaults(run=lambda options: run_consent_ui(options.out))
    exported = commands.add_parser("export", help="write aggregates as CSV without small numbers of persons; without a name: list them")
    exported.add_argument("relation", nargs="?", help="for example segment_metrics")
    exported.add_argument("--k", default="10", help="withhold numbers of fewer persons than this (default: 10)")
    exported.add_argument("--out", metavar="FILE", type=Path, help="where to write it; default: exports/ in SEGMENTS_HOME")
    exported.set_defaults(run=lambda options: run_export(options.relation, options.k, options.out))
    ask = commands.add_parser("ask", help="the auditor's questions; without a name: list them")
    add_ask_options(ask)
    ask.set_defaults(run=run_ask)
    options = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # a path may hold what the terminal's encoding does not
    try:
        return options.run(options) or 0
    except UserError as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        complain("stopped; the published copy is the old one, and the next build starts over.")
        return 130


def complain(text: str) -> None:
    """One sentence on standard error, red on a terminal."""
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    errors.print(f"segmentation: {printable(text)}", style="red", markup=False)


def printable(text: str) -> str:
    """A text that may quote file names and settings, with what could steer a terminal written as escapes."""
    return "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text)


def run_build(with_tests: bool = True, target: str | None = None) -> None:
    """Build SEGMENTS_RAW (or the demo) as of AS_OF into SEGMENTS_HOME, run all tests, publish, print the result.

    Without tests the invariants still run: what is published is always a build that passed them.
    """
    check_environment()
    if (target or os.environ.get("SEGMENTS_TARGET")) == "postgres":
        run_build_on_postgres(with_tests)
        return
    home = Home.from_environment()
    with home.locked():
        with same_files("while the build read them: build again."):
            settings = prepare(home)
            evaluate(home, settings, ["build", *([] if with_tests else WITHOUT_TESTS)], "building")
        publish_and_show(home)


def run_build_on_postgres(with_tests: bool) -> None:
    """Build the schema SEGMENTS_RAW (or the demo) into the database of libpq's variables; nothing is published.

    SEGMENTS_HOME holds dbt's artefacts and logs only.
    """
    from segmentation.postgres import open_home, prepare

    with open_home() as home:
        database = home.database
        refuse_unready(home)
        settings = caller_settings() | {"SEGMENTS_TARGET": "postgres"} | prepare(database)
        evaluate(home, settings, ["build", *([] if with_tests else WITHOUT_TESTS)], "building")
        show_segments(lambda sql: database.execute(sql).fetchall())
        console.print(f"Look next:  database {printable(database.name)}, schemas marts and segments", markup=False)


def run_demo() -> None:
    """Evaluate DEMO_AS_OFS into a home of their own, made anew, all but the newest in one build, and show sizes by week."""
    from segmentation.backfill import CLOSING

    if os.environ.get("SEGMENTS_RAW"):
        raise UserError("The demo uses its own data: unset SEGMENTS_RAW.")
    check_environment()
    only_on_duckdb()
    home = Home.from_environment(default=DEFAULT_HOME / "demo")
    with home.locked():
        home.claim("demo")  # before anything is removed: the folder may hold a shop's history
        home.check_databases()
        for old in (home.warehouse, home.restricted):
            for path in (old, old.with_name(old.name + ".wal")):
                path.unlink(missing_ok=True)
        for path in (home.journal, home.erasures):  # of invented people, who are made anew
            path.unlink(missing_ok=True)
        settings = prepare(home)
        *past, newest = DEMO_AS_OFS
        record_past(home, settings, past, lambda: None)
        evaluate(home, settings | {"AS_OF": str(newest)}, [*CLOSING, *WITHOUT_TESTS], "building")
        publish_and_show(home)
        show_sizes(home)


def run_replay(options: argparse.Namespace) -> int:
    """Evaluate recorded dates again, show what differs from the record; 1 when a difference has no explanation."""
    from segmentation.replay import recorded_evaluations, replay

    check_environment()
    only_on_duckdb()
    instants = {name: instant(f"--{name}", getattr(options, field)) for name, field in
                (("as-of", "as_of"), ("from", "first"), ("to", "last"))}
    home = Home.from_environment()
    with home.locked():
        home.check_databases()
        refuse_unready(home)
        evaluations = recorded_evaluations(home, options.mode, *instants.values())
        outcome = replay(home, evaluations, options.mode, beside_the_record(home, {"SEGMENTS_REPLAY_MODE": options.mode}))
    show_replay(home, evaluations, options.mode, outcome)
    return 0 if outcome.is_explained else 1


def run_backfill(options: argparse.Namespace) -> None:
    """Give SEGMENTS_RAW (or the demo) its history: evaluate past dates, record them, then build the newest one."""
    from segmentation.backfill import CLOSING, dates, newest_recorded_at, refuse_recorded

    check_environment()
    only_on_duckdb()
    moments = list(dates(instant("--from", options.first), instant("--to", options.last), options.every))
    if not moments:
        raise UserError("--to lies before --from: there is no date to evaluate.")
    home = Home.from_environment()
    with home.locked():
        refuse_recorded(home)
        with same_files("while the backfill read them: backfill again, into another SEGMENTS_HOME."):
            settings = prepare(home)
            record_past(home, settings, moments, lambda: newest_recorded_at(home, moments[-1]))
            console.print(f"{len(moments):,} dates recorded, from {moments[0]} to {moments[-1]}.")
            evaluate(home, settings, [*CLOSING, *WITHOUT_TESTS], "building")
        publish_and_show(home)


def record_past(home: Home, settings: dict[str, str], moments: list[datetime], permitted_at: Callable[[], datetime | None]) -> None:
    """Record dates of the past in a home without history, all evaluated together; permitted_at is asked once rows are loaded."""
    from segmentation.backfill import HELD, STATIC, backfill

    evaluate(home, settings, STATIC, "loading")
    until = permitted_at()
    evaluate(home, settings | {"AS_OF": str(moments[0])}, HELD, "keeping")
    backfill(home, moments, beside_the_record(home, settings | {"SEGMENTS_ORIGIN": "backfill"}), until)


def beside_the_record(home: Home, settings: dict[str, str]) -> Callable[[list[str], str], None]:
    """How dbt is started for past dates: with schemas, artefacts and settings of a replay."""
    from segmentation.replay import PREFIX

    settings = settings | {"SEGMENTS_SCHEMA_PREFIX": PREFIX}
    if home.kind == "shop":
        settings["SEGMENTS_RAW"] = "given"  # the raw views stand since the last build
    return lambda arguments, title: evaluate(home, settings, arguments, title, folder="replay")


def run_new_segment(name: str) -> None:
    """Scaffold a segment and say what is left to do."""
    from segmentation.new_segment import new_segment

    for path in new_segment(name):
        console.print(str(path), markup=False)
    console.print("Fill in rule, spec and golden rows; `segmentation build` names what is missing, `segmentation release` locks it.")


def run_fit(options: argparse.Namespace) -> None:
    """Fit the predictions' parameters to the newest build (or to a date, --as-of) and record them from the next evaluation on."""
    from segmentation.fit import fit_on_postgres, fit_on_duckdb

    check_environment()
    moment = instant("--as-of", options.as_of)
    console.stderr = options.csv  # the rows alone go to standard output
    if os.environ.get("SEGMENTS_TARGET") == "postgres":
        if moment:
            raise UserError("--as-of works on DuckDB only: build the date first, then fit without it.")
        outcome = fit_on_postgres(is_recorded=not options.csv)
    else:
        home = Home.from_environment()
        with home.locked():
            if moment:
                settings = prepare(home)
                if not home.warehouse.exists():
                    from segmentation.backfill import STATIC

                    evaluate(home, settings, STATIC, "loading")
            outcome = fit_on_duckdb(home, moment, not options.csv, beside_the_record(home, caller_settings()))
    if options.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([outcome.columns, *outcome.rows])
        return
    for sentence in outcome.sentences:
        console.print(sentence, markup=False, soft_wrap=True)


def run_release(names: list[str]) -> None:
    """Lock the current versions of the named segments in seeds/reference/segment_locks.csv."""
    from segmentation.release import release

    release(names, getpass.getuser(), datetime.now(tz=timezone.utc).date())


def run_verify(anchor: str | None) -> int:
    """Recompute the proof of SEGMENTS_HOME's history and print it; returns 1 when anything does not agree."""
    from segmentation.verify import check_hash, verify

    found = verify(Home.to_read(), check_hash(anchor) if anchor is not None else None)
    lines = {"runs": f"{found.runs:,}", "partitions": f"{found.partitions:,} (segment and date)", "head hash": found.head}
    if not found.is_with_leaves:
        lines["partitions"] += ", counts only: the leaf nonces are in restricted.duckdb, which is not here"
    if found.unproven_runs is None:
        lines["tail"] = "tail unproven: a dropped last run shows only with --anchor, a head hash kept elsewhere"
    else:
        lines["tail"] = f"{found.unproven_runs} run(s) after the anchor: tail unproven" if found.unproven_runs else "anchored"
    lines["copy"] = found.published
    lines["found"] = f"{len(found.findings)} that should not be" if found.findings else "nothing changed"
    for name, text in lines.items():
        console.print(f"{name:<12}{text}", soft_wrap=True)
    for sentence in found.findings:
        complain(sentence)
    return 1 if found.findings else 0


def run_consent_ui(path: Path | None) -> None:
    """Write what each active segment of the last build does, in plain words, to a file or to standard output."""
    from segmentation.consent_ui import as_json

    text = as_json(Home.to_read())
    if path is None:
        sys.stdout.write(text)
        return
    write_whole(path, text)
    console.print(f"Written: {printable(str(path))}", markup=False, soft_wrap=True)


def run_export(name: str | None, k: str, path: Path | None) -> None:
    """Write an aggregate of the last build as CSV with k-anonymity and a manifest; without a name, list what can be exported."""
    from segmentation.export import check_k, export, exportables, find

    only_on_duckdb()
    if name is None:
        for exportable in exportables().values():
            console.print(f"{exportable.name}  (a row per {', '.join(exportable.grain)})", markup=False, soft_wrap=True)
        return
    done = export(Home.to_read(), find(name), check_k(k), present(), executor(), path)
    console.print(f"Written: {printable(str(done.path))}, {done.n_rows:,} rows; withheld: {done.n_few:,} numbers of fewer than {k} persons, "
                  f"{done.n_complementary:,} that would have told them.", markup=False, soft_wrap=True)
    console.print(f"Manifest: {printable(str(done.manifest))}", markup=False, soft_wrap=True)


def add_hold_options(parser: argparse.ArgumentParser) -> None:
    """The options of `segmentation hold`."""
    actions = parser.add_subparsers(dest="action", required=True)
    place = actions.add_parser("place", help="hold the person that a file names")
    place.add_argument("--request", metavar="FILE", type=Path, required=True, help="who: JSON as for segmentation erase")
    place.add_argument("--id", dest="hold_id", required=True, help="name of the hold")
    place.add_argument("--reason", required=True, help="why the person may not be erased")
    lift = actions.add_parser("lift", help="end a hold")
    lift.add_argument("hold_id", metavar="ID")
    actions.add_parser("list", help="all holds")


def add_outbox_options(parser: argparse.ArgumentParser) -> None:
    """The options of `segmentation outbox`."""
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="all messages, without their payloads")
    show = actions.add_parser("show", help="the payload of a message, to be sent; counts as an attempt")
    show.add_argument("outbox_id", metavar="ID")
    done = actions.add_parser("acknowledge", help="record that the recipient deleted, and destroy the payload")
    done.add_argument("outbox_id", metavar="ID")
    done.add_argument("--reference", required=True, help="the recipient's confirmation, or why there is none")


@contextmanager
def lifecycle_home() -> Iterator[Home]:
    """The home that a command of the lifecycle works on, locked. Raises UserError where there was no build, or by an older version."""
    from segmentation.deletion import check_tables

    with opened_home() as home:
        if not home.holds_build():
            raise UserError(f"{home.place} holds no build yet: there is nobody to erase.")
        check_tables(home)
        yield home


@contextmanager
def opened_home() -> Iterator[Home]:
    """The home that SEGMENTS_HOME names, locked, on the engine that SEGMENTS_TARGET names."""
    if os.environ.get("SEGMENTS_TARGET") == "postgres":
        from segmentation.postgres import open_home

        with open_home() as home:
            yield home
        return
    home = Home.to_read()
    with home.locked():
        yield home


def present() -> datetime:
    """The present instant (UTC), for the record of who did what when."""
    return datetime.now(tz=timezone.utc).replace(tzinfo=None)


def run_erase(options: argparse.Namespace) -> None:
    """Erase the person of a request, or finish an erasure that was interrupted; say what was done, not to whom."""
    from segmentation.dbt_run import project_graph
    from segmentation.erase import erase, resume
    from segmentation.erasure_request import read_request

    check_environment()
    with lifecycle_home() as home:
        if options.resume:
            if not home.journal.exists():
                home.refuse_open_erasure()
                raise UserError(f"No erasure in {home.place} is unfinished.")
            done = resume(home)
        else:
            request = read_request(options.request, present())
            refuse_unready(home)
            done = erase(home, request, project_graph(home), present(), executor())
    show_erasure(done)


def show_erasure(done) -> None:
    """Print what an erasure deleted and whom to tell."""
    if not done.is_new:
        console.print("This request was fulfilled before: nothing to do.")
    rows = sum(number for _, number in done.relations)
    console.print(f"Erased: {rows:,} rows of {len(done.relations)} tables (audit.deletion_log, request_key {done.request_key})", soft_wrap=True)
    for path in done.left_files:
        console.print(f"Yours, not touched, and still naming the person: {printable(str(path))}", markup=False, soft_wrap=True)
    for outbox_id, recipient in done.messages:
        console.print(f"To tell: {printable(recipient)}  segmentation outbox show {outbox_id}", markup=False, soft_wrap=True)
    if done.messages:
        console.print("Until each is acknowledged, the outbox in the vault still holds what the messages say.")


def run_hold(options: argparse.Namespace) -> None:
    """Place, lift or list legal holds."""
    from segmentation import holds
    from segmentation.erasure_request import read_request

    check_environment()
    with lifecycle_home() as home:
        home.refuse_open_erasure()
        if options.action == "place":
            number = holds.place(home, options.hold_id, read_request(options.request, present()), options.reason, present(), executor())
            console.print(f"Held: one person, {number} identifier(s). Requests for erasure are refused until segmentation hold lift {options.hold_id}.")
        elif options.action == "lift":
            waiting = holds.lift(home, options.hold_id, present(), executor())
            console.print(f"Hold {printable(options.hold_id)} has ended.", markup=False)
            if waiting:
                console.print(f"Refused because of it, to be run again: {printable(', '.join(waiting))}", markup=False, soft_wrap=True)
        else:
            show_answer("Legal holds", ("hold", "reason", "placed at", "by", "lifted at", "by"), holds.listed(home))


def run_outbox(options: argparse.Namespace) -> None:
    """List messages, show one, or record its acknowledgement."""
    from segmentation import outbox

    check_environment()
    with lifecycle_home() as home:
        home.refuse_open_erasure()
        if options.action == "show":
            sys.stdout.write(outbox.payload_of(home, options.outbox_id) + "\n")
        elif options.action == "acknowledge":
            left = outbox.acknowledge(home, options.outbox_id, options.reference, present(), executor())
            console.print("Acknowledged; other recipients have not answered yet." if left else "Acknowledged: every recipient has answered.")
        else:
            show_answer("Outbox", ("message", "recipient", "format", "kind", "created", "attempts", "acknowledged", "reference"), outbox.listed(home))


def run_restore_check(path: Path | None) -> None:
    """After a restore of older databases: say how many erased persons are back, and erase them again."""
    from segmentation.dbt_run import project_graph
    from segmentation.erase import read_list
    from segmentation.restore import erase_again, lost_erasures, record_check

    check_environment()
    with lifecycle_home() as home:
        home.refuse_open_erasure()
        if path is not None and not path.is_file():
            raise UserError(f"--list: there is no file {path}.")
        entries = read_list(path or home.erasures)
        lost = lost_erasures(home, entries)
        graph = project_graph(home) if lost else None
        for entry in lost:
            done = erase_again(home, entry, graph, present(), executor())
            rows = sum(number for _, number in done.relations)
            console.print(f"Was back, erased again: request {printable(entry['request_id'])}, {rows:,} rows of {len(done.relations)} tables",
                          markup=False, soft_wrap=True)
        left = record_check(home, entries, len(lost), present(), executor())
    console.print(f"{len(entries):,} erasures on the list, {len(lost):,} of them were missing in the databases.")
    if left:
        raise UserError(f"{left:,} keys of erased persons are still in the key map of {home.place}: restore both databases from one backup, and check again.")


def run_purge() -> None:
    """Delete what the retention of history no longer allows to keep, and say how much."""
    from segmentation.purge import history_retention_days, purge, salt_retention_days

    check_environment()
    days, salt_days = history_retention_days(), salt_retention_days()
    with lifecycle_home() as home:
        refuse_unready(home)
        done = purge(home, days, present(), executor(), salt_days)
    console.print(f"Memberships that ended until {done.cutoff} ({days} days before the newest evaluation): {sum(done.rows.values()):,} rows purged.", soft_wrap=True)
    for segment, number in done.rows.items():
        console.print(f"  {segment:<30} {number:>9,}")
    if done.n_salts:
        console.print(f"Salts destroyed: {done.n_salts:,} (their epochs ended {salt_days} days before the newest evaluation, or earlier)")
    for outbox_id, recipient in done.messages:
        console.print(f"To tell: {printable(recipient)}  segmentation outbox show {outbox_id}", markup=False, soft_wrap=True)


def add_vault_options(parser: argparse.ArgumentParser) -> None:
    """The options of `segmentation vault`."""
    actions = parser.add_subparsers(dest="action", required=True)
    rotate = actions.add_parser("rotate", help="begin a new epoch: devices and e-mail addresses get new pseudonyms")
    rotate.add_argument("--at", metavar="INSTANT", help="when (UTC), after the newest evaluation on record; default: now, or just after it")
    actions.add_parser("list", help="all epochs, without their salts")


def run_vault(options: argparse.Namespace) -> None:
    """Begin an epoch of the pseudonyms, or list them."""
    check_environment()
    at = instant("--at", getattr(options, "at", None))
    if os.environ.get("SEGMENTS_TARGET") == "postgres":
        from segmentation.postgres import VAULT, PostgresHome, open_database

        with open_database() as database:
            refuse_unready(PostgresHome(folder_setting("SEGMENTS_HOME") or DEFAULT_HOME / "postgres", database))
            tend_vault(database, VAULT, database.has(f"{VAULT}.demo_hmac_keys"), f"The database {database.name}", at, options.action)
        return
    home = Home.to_read()
    if not home.warehouse.exists() or not home.restricted.exists():
        raise UserError(f"{home.folder} holds no build yet: run `segmentation build` first.")
    with home.locked():
        refuse_unready(home)
        with home.writing() as warehouse:
            tend_vault(warehouse, "restricted.vault", home.kind == "demo", str(home.folder), at, options.action)


def tend_vault(database, schema: str, is_demo: bool, owner: str, at: datetime | None, action: str) -> None:
    """What `segmentation vault` does on either engine. `database` is DuckDB's connection or a postgres.Database."""
    from segmentation.purge import salt_retention_days
    from segmentation.vault import epochs, rotate

    if is_demo:
        raise UserError("The demo has one epoch, a seed of the project: set SEGMENTS_RAW to your own data and build, then rotate.")
    if action == "rotate":
        recorded = database.execute("select count(*) from information_schema.tables where table_name = 'segment_evaluations'").fetchone()[0]
        newest = database.execute("select max(as_of) from audit.segment_evaluations").fetchone()[0] if recorded else None
        soon = max(filter(None, (present().replace(microsecond=0), newest and newest + timedelta(seconds=1))))
        begun = rotate(database, at or soon, newest, present(), executor(), schema, owner)
        console.print(f"Epoch {begun.number} begins at {begun.valid_from}: from then on devices and e-mail addresses have new pseudonyms.", soft_wrap=True)
        return
    kept = timedelta(days=salt_retention_days())
    rows = [
        (one.number, one.valid_from, one.valid_to, one.rotated_at, one.rotated_by,
         f"destroyed {one.destroyed_at}" if one.destroyed_at else f"kept until {one.valid_to + kept}" if one.valid_to else "in use")
        for one in epochs(database, schema, owner)]
    show_answer("Epochs of the pseudonyms", ["epoch", "from", "to", "begun at", "by", "salt"], rows)


def refuse_unready(home: Home) -> None:
    """Raise UserError while an erasure is half done, or databases older than an erasure on record were restored."""
    home.refuse_open_erasure()
    if home.erasures.exists():
        from segmentation.erase import read_list
        from segmentation.restore import refuse_restored

        refuse_restored(home, read_list(home.erasures))


def add_ask_options(parser: argparse.ArgumentParser) -> None:
    """The options of `segmentation ask`: every parameter that a question may have, and the form of the answer."""
    parser.add_argument("question", nargs="?", metavar="QUESTION", help="number or name, for example q01")
    for name, text in ASK_PARAMETERS.items():
        parser.add_argument(f"--{name}", dest=f"asked {name}", metavar=name.upper(), help=text)
    parser.add_argument("--format", choices=("table", "csv"), default="table", help="csv: all columns and rows in full, for files")
    parser.add_argument("--sql", action="store_true", help="print the query for any SQL client instead of asking")


def run_ask(options: argparse.Namespace) -> None:
    """Ask SEGMENTS_HOME one of the questions of analyses/ and print the answer; without a question, list them."""
    from segmentation.ask import as_csv, ask, check, find, plain_sql, questions

    if options.question is None:
        for question in questions():
            console.print(f"{question.number}  {question.title}", markup=False, soft_wrap=True)
            console.print(f"     segmentation ask {question.number} {question.usage}", style="dim", markup=False, soft_wrap=True)
        return
    question = find(options.question)
    values = check(question, {name: getattr(options, f"asked {name}") for name in ASK_PARAMETERS})
    if options.sql:
        print(plain_sql(question, values))
        return
    answer = ask(Home.to_read(), question, values)
    if options.format == "csv":
        sys.stdout.write(as_csv(answer.columns, answer.rows))
        return
    show_answer(question.title, answer.columns, answer.rows[:ROWS_SHOWN])
    more = f", {ROWS_SHOWN} shown" if len(answer.rows) > ROWS_SHOWN else ""
    console.print(f"{len(answer.rows):,} row{'' if len(answer.rows) == 1 else 's'}{more}. Keys and hashes are shortened; --format csv gives all in full.", soft_wrap=True)


def show_answer(title: str, columns: Sequence[str], rows: Sequence[tuple], numbers: Sequence[str] = ()) -> None:
    """Rows as a table, or one below the other where the terminal is too narrow for it. `numbers`: columns whose values end at one edge."""
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold", justify="right" if column in numbers else "left")
    for row in rows:
        table.add_row(*(cell_text(value) for value in row))
    if Console(width=UNBOUNDED).measure(table).maximum <= console.width:
        console.print(table)
        return
    console.print(Text(title, style="italic"))
    for row in rows:
        record = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        record.add_column(no_wrap=True)
        record.add_column(overflow="fold")
        for column, value in zip(columns, row):
            if value is not None:
                record.add_row(Text(column, style="dim"), cell_text(value))
        console.print(record, "")


def cell_text(value) -> Text:
    """A value in a table: long hex digits by their first twelve, nothing that could steer a terminal, null as nothing."""
    if value is None:
        return Text("")
    text = printable(str(value))
    return Text(re.sub("^([0-9a-f]{12})[0-9a-f]{20,}(-dirty)?$", r"\1…\2", text))


def prepare(home: Home) -> dict[str, str]:
    """Check the raw files, make keys and raw views; returns the settings for dbt.

    Everything that can be wrong with files and home is found before anything is written.
    """
    from segmentation.prediction_document import ensure_document
    from segmentation.raw_input import create_views, find_files, newest_change, unread, view_queries
    from segmentation.vault import ensure_epochs, ensure_keys, key_file_setting

    settings = caller_settings() | {"SEGMENTS_TARGET": "duckdb"}
    raw = folder_setting("SEGMENTS_RAW")
    if not raw:
        home.claim("demo")
        home.check_databases()
        refuse_unready(home)
        home.open_restricted().close()  # so that only its owner can read the file
        return settings
    files = find_files(raw)
    settings["INGESTED_AT"] = os.environ.get("INGESTED_AT") or str(newest_change(files))
    queries = view_queries(files)
    home.claim("shop")
    home.check_databases()
    refuse_unready(home)
    restricted = home.open_restricted()
    try:
        ensure_keys(restricted, key_file_setting(), has_history=home.warehouse.exists())
        ensure_epochs(restricted, key_file_setting())
        create_views(restricted, queries)
        ensure_document(restricted)
    finally:
        restricted.close()
    if notes := unread(raw, files):
        unknown = printable("; ".join(notes))
        console.print(f"Not read, because the input contract does not know it: {unknown}", markup=False, soft_wrap=True)
    # dbt needs to know that there is a folder, not which: another path would make it parse the whole project again
    settings["SEGMENTS_RAW"] = "given"
    return settings


def caller_settings() -> dict[str, str]:
    """What the record of runs is told about this call: when, by whom, with which code."""
    return {
        "SEGMENTS_EXECUTED_AT": f"{datetime.now(tz=timezone.utc):%Y-%m-%d %H:%M:%S}",
        "SEGMENTS_EXECUTOR": executor(),
        "SEGMENTS_CODE_SHA": code_sha(),
    }


@contextmanager
def same_files(otherwise: str) -> Iterator[None]:
    """Read the shop's folder, more than once, as one state of its files. Raises UserError, which ends as given, when they have changed by the end."""
    before = raw_state()
    yield
    if raw_state() != before:
        raise UserError(f"The files of SEGMENTS_RAW were changed {otherwise}")


def raw_state() -> list[tuple]:
    """Which files the shop's folder holds, and when each was written."""
    from segmentation.raw_input import find_files, fingerprint

    raw = folder_setting("SEGMENTS_RAW")
    return fingerprint(find_files(raw)) if raw else []


def executor() -> str:
    """Who runs this, for the record of runs: the user's name, or its number where a container gives it none."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = f"uid-{os.getuid()}"
    return re.sub(r"[^A-Za-z0-9_.@-]", "_", name)[:64]


def check_environment() -> None:
    """Refuse settings that no model would accept, before anything is read. Raises UserError."""
    for name in ("AS_OF", "KNOWN_AT", "INGESTED_AT"):
        value = os.environ.get(name, "")
        words = ("",) if name == "INGESTED_AT" else ("", "latest")
        if value not in words:
            instant(name, value, also=", or latest" if "latest" in words else "")
    target = os.environ.get("SEGMENTS_TARGET", "")
    if target not in ("", *TARGETS):
        raise UserError(f"SEGMENTS_TARGET must be {' or '.join(TARGETS)}, not {target[:60]!r}.")
    duckdb_settings()
    if os.environ.get("SEGMENTS_SCHEMA_PREFIX"):
        raise UserError("SEGMENTS_SCHEMA_PREFIX is for replays: a build that writes history must not have it set, so unset it.")
    if os.environ.get("SEGMENTS_ORIGIN"):
        raise UserError("SEGMENTS_ORIGIN is what `segmentation backfill` tells the record about itself, so unset it.")
    currency = os.environ.get("REPORTING_CURRENCY", "")
    if currency and not re.fullmatch("[A-Z]{3}", currency):
        raise UserError(f"REPORTING_CURRENCY must be three capital letters like EUR, not {currency[:60]!r}.")


def only_on_duckdb() -> None:
    """Refuse a command that works on DuckDB's files, when Postgres is asked for. Raises UserError."""
    if os.environ.get("SEGMENTS_TARGET") == "postgres":
        raise UserError("This command works on DuckDB only: unset SEGMENTS_TARGET. On Postgres there are build, fit, vault, erase, hold, outbox, "
                        "purge and restore-check.")


def code_sha() -> str:
    """The commit this code is at, with `-dirty` when files differ from it; empty outside a git checkout."""
    # inside a git hook, GIT_DIR and its kin name the repository of the hook
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        sha, changed = (
            subprocess.run(command, cwd=PROJECT, env=own, capture_output=True, text=True, check=True).stdout.strip()
            for command in (["git", "rev-parse", "HEAD"], ["git", "status", "--porcelain"])
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return sha + ("-dirty" if changed else "")


def instant(name: str, text: str | None, also: str = "") -> datetime | None:
    """A UTC instant given as text; None when not given. Raises UserError naming the setting and what it may `also` be."""
    if not text:
        return None
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}:\d{2}(\.\d{1,6})?)?", text):
            raise ValueError
        moment = datetime.fromisoformat(text)
        if not 1900 <= moment.year <= 2199:
            raise ValueError
        return moment
    except ValueError:
        raise UserError(f"{name} must be a UTC instant like 2026-03-03 00:00:00{also}; not {text[:60]!r}.") from None


def evaluate(home: Home, settings: dict[str, str], arguments: list[str], title: str, folder: str = "") -> None:
    """One dbt command with a progress bar, and with a nonce seed for its time (the demo's is committed).

    On Postgres the seed is among the settings.
    """
    from segmentation.dbt_run import environment, run_dbt
    from segmentation.publish import UNPUBLISHED
    from segmentation.vault import key_file_setting, nonce_seed

    if home.is_in_files and not folder:  # a replay has tables of its own
        home.mark(UNPUBLISHED).touch(mode=0o600)
    is_shop_of_files = settings.get("SEGMENTS_RAW") and settings.get("SEGMENTS_TARGET") != "postgres"
    seed = nonce_seed(home, key_file_setting()) if is_shop_of_files else nullcontext()
    columns = (TextColumn("{task.description:<28}"), BarColumn(40), MofNCompleteColumn(), TextColumn("{task.fields[node]}"))
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=None, node="")

        def on_node(name: str, status: str, index: int, total: int) -> None:
            progress.update(task, completed=index, total=total, node=name[:50])

        with seed, environment(settings):
            run_dbt(arguments, home, on_node, folder)
        progress.update(task, node="done")


def publish_and_show(home: Home) -> None:
    """Swap in the read copy and print the segments of the newest evaluation."""
    from segmentation.publish import DATABASE, publish
    from segmentation.verify import head_of

    publish(home)
    with connect_read_only(home.warehouse) as warehouse:
        show_segments(lambda sql: warehouse.execute(sql).fetchall())
        head = head_of(warehouse)
    database = printable(str(home.published / DATABASE))
    console.print(f"Look next:  {database}  (open it in any DuckDB client)", markup=False, soft_wrap=True)
    console.print("            make docs   make demo   README.md, 'Ask a past date'")
    # rich would break a hash at the edge of a narrow terminal
    said = f"Head hash:  {head}  (keep it elsewhere, for segmentation verify --anchor)" if head else (
        "Nothing was recorded: no usable row of the input names a customer.")
    console.print(said, soft_wrap=True)


def show_segments(rows_of: Callable[[str], list[tuple]]) -> None:
    """Print the segments of the newest evaluation. `rows_of` runs a query (in SQL that every engine reads) on the warehouse."""
    as_of = rows_of("select as_of from marts.evaluation_clock")[0][0]
    rows = rows_of(
        """
        with clock as (
            select as_of from marts.evaluation_clock
        ),

        ends as (
            -- a new version of the same membership is neither an entry nor an exit
            select
                segment_id,
                bool_or(valid_from = as_of) and not coalesce(bool_or(valid_to = as_of), false) as is_entered,
                coalesce(bool_or(valid_to = as_of), false) and not bool_or(valid_from = as_of) as is_left
            from segments.segment_membership_history
            cross join clock
            group by segment_id, customer_key
        ),

        changes as (
            select
                segment_id,
                count(*) filter (where is_entered) as n_entered,
                count(*) filter (where is_left) as n_left
            from ends
            group by segment_id
        ),

        evaluations as (
            select * from audit.segment_evaluations
            inner join clock using (as_of)
        )

        select segment_id, spec_version, n_members, n_not_permitted, n_population,
            coalesce(n_entered, 0), coalesce(n_left, 0)
        from evaluations
        left join changes using (segment_id)
        where attempt = (select max(attempt) from evaluations)
        order by segment_id
        """
    )
    rejected = rows_of("select coalesce(sum(n_rejected), 0) from audit.control_totals")[0][0]
    blocked = rows_of(
        """
        select states.vendor_id, states.blocked_reason, states.blocked_from, states.source_kinds, registry.segments
        from marts.vendor_states as states
        inner join marts.evaluation_clock as clock on states.as_of = clock.as_of
        left join audit.vendor_registry as registry on states.vendor_id = registry.vendor_id
        where states.is_blocked
        order by states.vendor_id
        """
    )
    table = Table(title=f"Segments as of {as_of} UTC", title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("segment", no_wrap=True)
    for heading in ("rule", "members", "not\npermitted", "people", "entered", "left"):
        table.add_column(heading, justify="right")
    for segment_id, version, *numbers in rows:
        table.add_row(segment_id, f"v{version}", *(f"{n:,}" for n in numbers))
    console.print(table)
    for vendor, reason, since, kinds, segments in blocked:
        effects = [f"its data ({kinds.replace(';', ', ')}) are left out"] if kinds else []
        effects += [f"segments {segments.replace(';', ', ')} neither read nor reach it"] if segments else []
        since = f" since {since}" if since else ""
        console.print(f"Vendor {vendor} is blocked{since}: {reason.replace('_', ' ')}; {'; '.join(effects) or 'no segment names it'}"
                      " (models/activation/vendors)", markup=False, soft_wrap=True)
    console.print(f"Rejected rows: {rejected:,} (why: audit.rejected_rows; every row: audit.control_totals)")
    note = said_of_lost_refusals(rows_of(
        """
        select
            reason,
            coalesce(sum(n_rows) filter (where is_lost_refusal), 0),
            coalesce(sum(n_rows) filter (where is_lost_refusal is null), 0)
        from audit.rejected_rows
        where coalesce(is_lost_refusal, true)
        group by reason
        order by reason
        """
    ))
    if note:
        console.print(note, markup=False, soft_wrap=True)
    for segment_id, version in rows_of(
        """
        select distinct purposes.segment_id, registry.min_notice_version
        from segments.segment_purposes as purposes
        inner join segments.segment_registry as registry
            on purposes.segment_id = registry.segment_id and purposes.spec_version = registry.spec_version
        inner join marts.evaluation_clock as clock
            on purposes.effective_from <= clock.as_of and (purposes.effective_to is null or purposes.effective_to > clock.as_of)
        inner join audit.control_totals as totals on totals.table_name = 'notices' and totals.n_accepted > 0
        where registry.status = 'active' and purposes.is_consent_needed and purposes.min_notice_published_at is null
        order by 1
        """
    ):
        console.print(f"Note: segment {segment_id}: min_notice_version {version} is not among the notices; until it is, grants under any "
                      "notice count.", markup=False, soft_wrap=True)


def said_of_lost_refusals(rows: list[tuple[str, int, int]]) -> str:
    """What a build says of refusals among the rejected rows of consents: whoever said no may go on being used.

    Each row: the reason of rejection, how many rows of it refuse, and of how many nobody can tell. Nothing where there are none.
    """
    found = []
    for number, kind in ((1, "refusal"), (2, "possible refusal")):
        counts = {row[0]: row[number] for row in rows if row[number]}
        if n_rows := sum(counts.values()):
            found.append((n_rows, f"{n_rows:,} {kind}{'s' * (n_rows != 1)} ({', '.join(f'{reason} {n:,}' for reason, n in counts.items())})"))
    if not found:
        return ""
    return (f"Note: nobody obeys the rejected rows of consents yet, and among them {'is' if found[0][0] == 1 else 'are'} "
            f"{' and '.join(text for _, text in found)}: look at is_lost_refusal in audit.rejected_rows and correct these rows where they come "
            "from (the words that count stand in seeds/reference: purposes.csv, consent_statuses.csv).")


def show_replay(home: Home, evaluations: list, mode: str, outcome) -> None:
    """Print what a replay found, date by date where it differs."""
    with connect_read_only(home.warehouse) as warehouse:
        rows = warehouse.execute(
            """
            select as_of, known_at, sum(n_recorded), sum(n_identical), sum(n_added), sum(n_removed), sum(n_modified),
                count(*) filter (not is_root_equal)
            from audit.replay_partitions where mode = ? and list_contains(?, as_of) group by all order by as_of
            """,
            [mode, [one.as_of for one in evaluations]],
        ).fetchall()
    headings = ("as of", "known at", "on record", "identical", "added", "removed", "modified", "other hashes")
    show_answer(f"Replay {mode} of {outcome.n_dates:,} date{'s' * (outcome.n_dates != 1)}", headings,
                [(as_of, known_at, *(f"{n:,}" for n in numbers)) for as_of, known_at, *numbers in rows], headings[2:])
    console.print(f"{outcome.n_identical:,} of {outcome.n_recorded:,} recorded memberships identical, "
                  f"{outcome.n_roots_equal:,} of {outcome.n_partitions:,} partition hashes equal.")
    for cause, count in sorted(outcome.causes.items()):
        console.print(f"{count:,} differences: {cause}")
    if not outcome.is_explained:
        console.print("Look at audit.replay_differences; the code of each recorded run stands in audit.segment_runs.")


def show_sizes(home: Home) -> None:
    """Print members by segment and evaluation."""
    with connect_read_only(home.warehouse) as warehouse:
        rows = warehouse.execute(
            """
            select segment_id, list(n_members order by as_of), list(as_of order by as_of)
            from audit.segment_evaluations group by segment_id order by segment_id
            """
        ).fetchall()
    table = Table(title="Members by evaluation", title_justify="left", box=None, padding=(0, 1, 0, 0))
    table.add_column("segment", no_wrap=True)
    for as_of in rows[0][2]:
        table.add_column(f"{as_of:%d\n%b}", justify="right")
    for segment_id, sizes, _ in rows:
        table.add_row(segment_id, *(f"{size:,}" for size in sizes))
    console.print(table)


if __name__ == "__main__":
    sys.exit(command())
