"""segmentation verify: an honest record passes, and every kind of tampering is named."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from conftest import SEGMENT_FOLDERS, SETTINGS, Built
from processes import FIRST, SECOND, Shop, undisturbed_shop

from segmentation import verify as verifying
from segmentation.cli import main
from segmentation.deletion import append, prune, write_log
from segmentation.errors import UserError
from segmentation.home import Home, connect_read_only
from segmentation.publish import DATABASE, publish
from segmentation.purge import COPIES, purge
from segmentation.session import DuckDBSession
from segmentation.verify import CHAIN_START, DELETION, DELETIONS, EVALUATION, EXPORT, EXPORTS, MEMBERSHIP, RUN, Verified, canonical, check_hash, sha256, verify

SNAPSHOT, RUNS, EVALUATIONS = "snapshots.segment_membership", "audit.segment_runs", "audit.segment_evaluations"
# another value of the same type, as SQL over the column
OTHER = {"text": "coalesce({0}, '') || 'x'", "integer": "coalesce({0}, 0) + 1", "boolean": "not {0}",
         "instant": "coalesce({0}, timestamp '2026-01-01') + interval 1 microsecond"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Shop:
    """The small shop with two evaluations. Tests change copies."""
    return undisturbed_shop(tmp_path_factory)


class Tampered(Built):
    """A copy of a home whose databases a test changes behind the build's back."""

    def opened(self):
        """The databases as somebody with access to the files could open them."""
        return Home(self.folder).writing()

    def change(self, *statements: str) -> "Tampered":
        """Run SQL on the warehouse (and `restricted`)."""
        with self.opened() as session:
            for statement in statements:
                session.execute(statement)
        return self

    def log(self, **row) -> "Tampered":
        """Add a deletion from the history to the log, in its chain."""
        with self.opened() as session:
            write_log(session, [{"deletion_id": "d", "relation": "warehouse.snapshots.segment_membership"} | row])
        return self

    def hide(self, column: str) -> "Tampered":
        """Take a row out of the history and its copies and pass it for erased or purged (n_erased, n_purged), without a word in the log."""
        with self.opened() as session:
            qualified = one_row().replace("segment_id = ", "history.segment_id = ", 1).replace("and customer_key", "and history.customer_key", 1)
            prune(session, qualified, column)
            for copy in (*COPIES, "segments.segment_members", SNAPSHOT):
                session.execute(f"delete from {copy} where {one_row()}")
        return self

    def verify(self, anchor: str | None = None) -> Verified:
        """What verify finds."""
        return verify(Home(self.folder), anchor)

    def finds(self, *words: str, anchor: str | None = None) -> None:
        """At least one sentence holds all the words, and every sentence is one sentence."""
        found = self.verify(anchor).findings
        assert sentences_with(found, *words), found


def sentences_with(found: list[str], *words: str) -> list[str]:
    """Those of the findings that hold all the words; every finding is one sentence."""
    assert all(sentence.endswith(".") and "\n" not in sentence for sentence in found), found
    return [sentence for sentence in found if all(word in sentence for word in words)]


class InTransaction(Tampered):
    """The same within a transaction that is taken back at the end of a test: nothing is copied, written or opened anew."""

    def __init__(self, folder: Path, session: DuckDBSession):
        super().__init__(folder, 0)
        self.session = session

    def opened(self):
        return nullcontext(self.session)

    def rows(self, sql: str, parameters: list | None = None) -> list[tuple]:
        return self.session.execute(sql, parameters or []).fetchall()

    def verify(self, anchor: str | None = None) -> Verified:
        for made in ("recorded", "leaves", "computed"):  # by a former call
            self.session.execute(f"drop table if exists temp.{made}")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(verifying, "connect_read_only", lambda *_: nullcontext(self.session.connection))
            return super().verify(anchor)


def copy_of(shop: Shop, folder: Path) -> Path:
    """The databases of the home, without its published copy."""
    folder.mkdir()
    for name in ("warehouse.duckdb", "restricted.duckdb"):
        shutil.copy(shop.home / name, folder / name)
    return folder


@pytest.fixture
def files(shop: Shop, tmp_path: Path) -> Tampered:
    """The home in files of its own, for what takes more than the databases' words."""
    return Tampered(copy_of(shop, tmp_path / "home"), 0)


@pytest.fixture(scope="module")
def opened(shop: Shop, tmp_path_factory) -> Iterator[InTransaction]:
    """One copy for all tests that only change what the databases say."""
    home = Home(copy_of(shop, tmp_path_factory.mktemp("verify") / "home"))
    with home.writing() as session:
        session.execute("set TimeZone = 'UTC'")
        yield InTransaction(home.folder, session)


@pytest.fixture
def home(opened: InTransaction) -> Iterator[InTransaction]:
    """The home, changed in a transaction."""
    opened.session.execute("begin")
    yield opened
    opened.session.execute("rollback")


def command(folder: Path, *arguments: str) -> int:
    """Exit code of `segmentation verify` on a home."""
    with pytest.MonkeyPatch.context() as patch:
        for name in SETTINGS:
            patch.delenv(name, raising=False)
        patch.setenv("SEGMENTS_HOME", str(folder))
        return main(["verify", *arguments])


def one_row() -> str:
    """A condition that one row of the snapshot meets: the first member of the largest segment."""
    key = "segment_id = 'existing_customer' and customer_key"
    return f"{key} = (select min(customer_key) from {SNAPSHOT} where segment_id = 'existing_customer')"


def test_an_honest_record_passes_and_says_what_is_not_proven(files: Tampered, capsys):
    found = files.verify()
    assert found.findings == [] and (found.runs, found.partitions) == (2, 2 * len(SEGMENT_FOLDERS)) and found.is_with_leaves
    assert command(files.folder) == 0
    said = capsys.readouterr().out
    assert "copy        not compared: there is none" in said
    assert "tail unproven" in said and found.head in said and "nothing changed" in said
    assert command(files.folder, "--anchor", found.head) == 0
    said = capsys.readouterr().out
    assert "tail unproven" not in said and "anchored" in said


def test_verify_writes_nothing(files: Tampered):
    def bytes_of() -> dict[str, str]:
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files.folder.iterdir()}

    before = bytes_of()
    assert command(files.folder) == 0
    assert bytes_of() == before


def test_the_hashes_are_what_the_documentation_says(home: Tampered):
    """From the database's values with nothing of verify's but the canonical form: the first run, one partition."""
    runs = home.rows(f"select {', '.join(name for name, _ in RUN)}, previous_hash, run_hash from {RUNS} order by run_number")
    first = dict(zip([name for name, _ in RUN], runs[0]))
    assert runs[0][-2] == "0" * 64 and runs[1][-2] == runs[0][-1]
    assert runs[0][-1] == hashlib.sha256(("0" * 64 + canonical(RUN, first)).encode()).hexdigest()
    members = home.rows(
        f"select nonce, {', '.join(name for name, _ in MEMBERSHIP)} from {SNAPSHOT} inner join restricted.vault.leaf_nonces "
        "using (customer_key) where segment_id = 'existing_customer' and dbt_valid_from <= ? "
        "and coalesce(dbt_valid_to > ?, true)", [FIRST, FIRST])
    leaves = sorted(sha256(row[0] + "\x1f" + canonical(MEMBERSHIP, dict(zip([n for n, _ in MEMBERSHIP], row[1:])))) for row in members)
    assert len(leaves) > 10
    assert home.rows(f"select partition_hash from {EVALUATIONS} where as_of = ? and segment_id = 'existing_customer'", [FIRST]) == [
        (sha256("".join(leaves)),)]


@pytest.mark.parametrize("column, kind", MEMBERSHIP)
def test_a_changed_value_in_the_history_is_found(home: Tampered, column: str, kind: str):
    change = f"set {column} = {OTHER[kind].format(column)}"
    history = one_row().replace(SNAPSHOT, "segments.segment_membership_history")
    home.change(f"update segments.segment_membership_history {change} where {history}", f"update {SNAPSHOT} {change} where {one_row()}")
    home.finds("existing_customer", FIRST)


@pytest.mark.parametrize("column", ["dbt_valid_from", "dbt_valid_to", "as_of", "dbt_updated_at"])
def test_a_changed_instant_in_the_history_is_found(home: Tampered, column: str):
    home.change(f"update {SNAPSHOT} set {column} = {OTHER['instant'].format(column)} where {one_row()}").finds("existing_customer")


def test_an_interval_moved_to_another_evaluation_is_found(home: Tampered):
    home.change(f"update {SNAPSHOT} set dbt_valid_to = timestamp '{SECOND}' where {one_row()}").finds("existing_customer", SECOND)


def test_a_changed_scd_id_is_found(home: Tampered):
    home.change(f"update {SNAPSHOT} set dbt_scd_id = md5('x') where {one_row()}").finds("existing_customer", "dbt_scd_id")


@pytest.mark.parametrize("copy", ["segment_membership_history", "membership_by_customer"])
def test_a_row_changed_only_where_people_read_it_is_found(home: Tampered, copy: str):
    home.change(f"update segments.{copy} set consent_version = 'v9' where {one_row().replace(SNAPSHOT, f'segments.{copy}')}")
    home.finds(copy, "existing_customer")


def test_a_member_added_to_the_current_list_only_is_found(home: Tampered):
    home.change("insert into segments.segment_members by name (select * replace ('vip' as segment_id) from segments.segment_members "
                "where segment_id = 'existing_customer' order by customer_key limit 1)")
    home.finds("segments.segment_members", "vip")


def test_a_deleted_row_is_found(home: Tampered):
    home.change(f"delete from {SNAPSHOT} where {one_row()}").finds("existing_customer", FIRST, "the history shows")


def test_an_inserted_row_is_found(home: Tampered):
    home.change(f"insert into {SNAPSHOT} by name (select * replace ('vip' as segment_id, md5('vip|' || customer_key || '|' || "
                f"dbt_updated_at::varchar) as dbt_scd_id) from {SNAPSHOT} where {one_row()})").finds("vip", "the history shows")


def test_a_row_inserted_between_two_evaluations_is_found(home: Tampered):
    """No recorded partition holds it, yet it would answer for its days."""
    home.change(f"insert into {SNAPSHOT} by name (select * replace ('vip' as segment_id, timestamp '2026-03-02' as dbt_valid_from, "
                f"timestamp '2026-03-03' as dbt_valid_to) from {SNAPSHOT} where {one_row()})").finds("vip", "2026-03-02")


def test_two_people_who_change_places_are_found(home: Tampered):
    """Same count in each segment, other members."""
    home.change(f"update {SNAPSHOT} set customer_key = (select max(customer_key) from restricted.vault.customer_keys "
                f"where customer_key not in (select customer_key from {SNAPSHOT})) where {one_row()}").finds("existing_customer")


@pytest.mark.parametrize("column", ["executor", "n_rows", "run_hash"])
def test_a_changed_value_of_a_run_is_found(home: Tampered, column: str):
    change = "coalesce({0}, 0) + 1" if column == "n_rows" else "coalesce({0}, '') || 'x'"
    home.change(f"update {RUNS} set {column} = {change.format(column)} where as_of = '{FIRST}'").finds("Run 1")


@pytest.mark.parametrize("column", ["n_members", "n_objected", "partition_hash"])
def test_a_changed_value_of_an_evaluation_is_found(home: Tampered, column: str):
    change = "{0} || 'x'" if column == "partition_hash" else "coalesce({0}, 0) + 1"
    home.change(f"update {EVALUATIONS} set {column} = {change.format(column)} where as_of = '{FIRST}' and segment_id = 'vip'")
    home.finds("Run 1", FIRST, "segment_evaluations")


def other_value(value, kind: str):
    """Another value of the same type."""
    if kind == "instant":
        return (value or datetime(2026, 1, 1)) + timedelta(microseconds=1)
    return (value or 0) + 1 if kind == "integer" else (value or "") + "x"


@pytest.mark.parametrize("table, column, kind", [
    *(("runs", *field) for field in (*RUN, ("previous_hash", "text"), ("run_hash", "text"))),
    *(("evaluations", *field) for field in EVALUATION),
])
def test_every_column_of_the_record_is_in_the_chain(shop: Shop, table: str, column: str, kind: str):
    """The rows as verify reads them, one value changed."""
    with connect_read_only(shop.home / "warehouse.duckdb") as connection:
        rows = {name: verifying._rows(connection, f"audit.segment_{name}") for name in ("runs", "evaluations")}
    assert list(verifying._chain(rows["runs"], rows["evaluations"])) == []
    row = rows[table][-1]
    row[column] = other_value(row[column], kind)
    assert list(verifying._chain(rows["runs"], rows["evaluations"]))
    assert {name for name, _ in RUN} | {"previous_hash", "run_hash"} == rows["runs"][0].keys()
    assert {name for name, _ in EVALUATION} == rows["evaluations"][0].keys()


def test_counts_that_cannot_be_are_found_even_when_every_hash_is_computed_anew(home: Tampered):
    home.change(f"update {EVALUATIONS} set n_objected = n_objected + 1 where as_of = '{FIRST}' and segment_id = 'vip'")
    recompute_chain(home)
    home.finds("vip", FIRST, "counts")


def test_a_deleted_and_an_added_evaluation_are_found(home: Tampered):
    home.change(f"delete from {EVALUATIONS} where as_of = '{FIRST}' and segment_id = 'vip'").finds("Run 1", "segment_evaluations")
    home.finds("vip", FIRST, "no evaluation")
    home.change(f"insert into {EVALUATIONS} by name (select * replace (7 as attempt) from {EVALUATIONS} where as_of = '{FIRST}' limit 1)")
    home.finds(FIRST, "attempt 7", "no run")


def test_two_runs_swapped_are_found(home: Tampered):
    home.change(f"update {RUNS} set run_number = 3 - run_number").finds("Run 1", SECOND)
    home.finds("Run 2", FIRST, "older")


def test_swapped_runs_with_their_links_rewritten_are_found(home: Tampered):
    home.change(f"update {RUNS} set run_number = 3 - run_number")
    recompute_chain(home)
    home.finds("Run 2", FIRST, "older")


def test_a_first_run_left_out_is_found(home: Tampered):
    home.change(f"delete from {RUNS} where run_number = 1").finds("Run 2", "number 1")
    home.finds(FIRST, "no run")


def drop_last_run(home: Tampered) -> None:
    """Everything that the last evaluation left, removed without a trace."""
    late = f"= timestamp '{SECOND}'"
    home.change(
        f"delete from {RUNS} where as_of {late}", f"delete from {EVALUATIONS} where as_of {late}",
        f"delete from {SNAPSHOT} where dbt_valid_from {late}", f"update {SNAPSHOT} set dbt_valid_to = null where dbt_valid_to {late}",
        f"delete from segments.segment_membership_history where valid_from {late}",
        f"update segments.segment_membership_history set valid_to = null where valid_to {late}",
        "drop table segments.membership_by_customer",
        "create table segments.membership_by_customer as from segments.segment_membership_history",
        "delete from segments.segment_members",
        "insert into segments.segment_members by name (select * replace (timestamp '" + FIRST + "' as as_of), null as expires_at "
        f"from (select {', '.join(n for n, _ in MEMBERSHIP)}, as_of from {SNAPSHOT}))",
    )


def test_a_dropped_last_run_shows_only_against_the_anchor(files: Tampered, capsys):
    anchor = files.verify().head
    drop_last_run(files)
    assert files.verify().findings == [], "nothing in the record itself can tell"
    files.finds("anchor", anchor[:12], "dropped", anchor=anchor)
    assert command(files.folder, "--anchor", anchor) == 1
    assert "anchor" in capsys.readouterr().err


def recompute_chain(home: Tampered) -> None:
    """All hashes of runs, made to fit what the tables now say: what an owner of the database can do."""
    names = [name for name, _ in RUN]
    previous, statements = CHAIN_START, []
    for row in home.rows(f"select {', '.join(names)} from {RUNS} order by run_number"):
        run = dict(zip(names, row))
        evaluations = home.rows(f"select {', '.join(name for name, _ in EVALUATION)} from {EVALUATIONS} where as_of = ? and attempt = ?",
                                [run["as_of"], run["attempt"]])
        leaves = sorted(sha256(canonical(EVALUATION, dict(zip([n for n, _ in EVALUATION], one)))) for one in evaluations)
        run["evaluations_hash"] = sha256("".join(leaves))
        own = sha256(previous + canonical(RUN, run))
        statements.append(f"update {RUNS} set evaluations_hash = '{run['evaluations_hash']}', previous_hash = '{previous}', "
                          f"run_hash = '{own}' where run_number = {run['run_number']}")
        previous = own
    home.change(*statements)


def test_a_chain_computed_anew_shows_only_against_the_anchor(home: Tampered):
    anchor = home.verify().head
    home.change(f"update {RUNS} set executor = 'somebody_else' where run_number = 1")
    recompute_chain(home)
    assert home.verify().findings == [], "nothing in the record itself can tell"
    home.finds("anchor", "computed anew", anchor=anchor)


def test_an_older_anchor_proves_what_came_before_it(files: Tampered, capsys):
    [(anchor,)] = files.rows(f"select run_hash from {RUNS} where run_number = 1")
    found = files.verify(anchor)
    assert found.findings == [] and found.unproven_runs == 1
    assert command(files.folder, "--anchor", anchor.upper()) == 0
    assert "1 run(s) after the anchor: tail unproven" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "abc", "g" * 64, "0" * 65, "0" * 63 + "'"])
def test_an_anchor_that_is_no_hash_is_refused(text: str):
    with pytest.raises(UserError, match="64 hex digits"):
        check_hash(text)


def test_an_erased_person_is_gone_and_the_root_still_verifies(files: Tampered):
    """Rows and nonce are destroyed, leaves kept: privacy.md 3.2."""
    [(key,)] = files.rows(f"select customer_key from {SNAPSHOT} group by all having count(*) > 2 order by all limit 1")
    names = [name for name, _ in MEMBERSHIP]
    rows = files.rows(f"select nonce, dbt_valid_from::varchar, dbt_valid_to::varchar, {', '.join(names)} from {SNAPSHOT} inner join "
                     "restricted.vault.leaf_nonces using (customer_key) where customer_key = ?", [key])
    pruned = [(row[3], row[1], row[2], sha256(row[0] + "\x1f" + canonical(MEMBERSHIP, dict(zip(names, row[3:]))))) for row in rows]
    gone = f"where customer_key = '{key}'"
    files.change(f"delete from {SNAPSHOT} {gone}", f"delete from segments.segment_membership_history {gone}",
                f"delete from segments.membership_by_customer {gone}", f"delete from segments.segment_members {gone}", f"delete from restricted.vault.leaf_nonces {gone}")
    files.finds("the history shows")
    values = ", ".join(f"('{segment}', '{start}', {end and repr(end) or 'null'}, 2, '{leaf}')" for segment, start, end, leaf in pruned)
    files.change(f"insert into audit.pruned_leaves values {values}")
    files.finds("the ledger of deletions counts 0")
    files.change("""
        insert into audit.deletion_ledger
        select as_of, segment_id, attempt, count(*), 0 from audit.segment_evaluations
        inner join audit.pruned_leaves as pruned using (segment_id)
        where as_of >= valid_from and (as_of < valid_to or valid_to is null) group by all""")
    files.finds(f"{len(pruned)} leaves are pruned, but audit.deletion_log tells of 0 deleted row(s)")
    files.log(kind="erasure", n_rows=len(pruned))
    assert files.verify().findings == []
    # a leaf counts up to the run that was the newest when it was pruned
    files.change("update audit.pruned_leaves set last_run = 1")
    files.finds(SECOND)


@pytest.mark.parametrize("column", ["n_erased", "n_purged"])
def test_a_member_hidden_as_erased_or_purged_is_found_without_a_row_of_the_log(home: Tampered, column: str):
    """Leaf, ledger and counts agree: all that lacks is a deletion on record."""
    anchor = home.verify().head
    home.hide(column).finds("1 leaves are pruned", "audit.deletion_log tells of 0", anchor=anchor)
    home.finds(FIRST, "the ledger counts", column.removeprefix("n_"))
    # a deletion of the other kind accounts for nothing
    kind = "purge" if column == "n_erased" else "erasure"
    home.log(kind=kind, n_rows=1, segment_id="vip" if kind == "purge" else None, effective_at=datetime(2026, 4, 1))
    home.finds(FIRST, "the ledger counts", column.removeprefix("n_"))


def test_a_member_hidden_beside_true_deletions_is_found(files: Tampered):
    purge(Home(files.folder), 0, datetime(2026, 3, 9), "nightly")
    assert files.verify().findings == []
    [(told,)] = files.rows("select sum(n_rows)::bigint from audit.deletion_log")
    files.hide("n_purged").finds(f"{told + 1} leaves are pruned", f"tells of {told}")


def test_a_purge_accounts_for_what_had_ended_by_its_cutoff_only(home: Tampered):
    home.hide("n_purged").log(kind="purge", n_rows=1, segment_id="existing_customer", effective_at=datetime(2026, 3, 1))
    home.finds("existing_customer", FIRST, "counts 1 membership(s) as purged", "tells of 0 at most")


def test_persons_that_the_ledger_takes_away_without_a_row_of_the_log_are_found(home: Tampered):
    home.change(f"insert into audit.deletion_ledger values ('{FIRST}', '(all)', 1, 1, 0)").finds(FIRST, "1 person(s)", "tells of 0")


def test_a_log_of_deletions_that_was_dropped_accounts_for_nothing(files: Tampered):
    purge(Home(files.folder), 0, datetime(2026, 3, 9), "nightly")
    files.change("drop table audit.deletion_log").finds("audit.deletion_log tells of 0")


def test_purged_rows_in_the_log_without_their_leaves_are_found(home: Tampered):
    home.log(kind="purge", n_rows=3, segment_id="vip", effective_at=datetime(2026, 3, 8)).finds("vip", "0 leaves are pruned", "3 purged")


def test_a_destroyed_nonce_of_somebody_still_in_the_history_is_named(home: Tampered):
    home.change(f"delete from restricted.vault.leaf_nonces where customer_key = (select customer_key from {SNAPSHOT} where {one_row()})")
    home.finds("existing_customer", "leaf nonce")


def test_without_the_restricted_database_chain_and_counts_are_checked(files: Tampered, capsys):
    (files.folder / "restricted.duckdb").unlink()
    assert command(files.folder) == 0
    assert "counts only" in capsys.readouterr().out
    with duckdb.connect(str(files.folder / "warehouse.duckdb")) as connection:
        connection.execute(f"delete from {SNAPSHOT} where {one_row()}")
    assert command(files.folder) == 1
    assert "existing_customer" in capsys.readouterr().err


def test_a_published_copy_alone_has_no_record_to_verify(shop: Shop, tmp_path: Path, capsys):
    shutil.copytree(shop.home / "published", tmp_path / "home" / "published", symlinks=True)
    assert command(tmp_path / "home") == 1
    assert "published copy does not" in capsys.readouterr().err
    assert command(tmp_path / "nowhere") == 1
    assert "there is no folder" in capsys.readouterr().err and not (tmp_path / "nowhere").exists()


@pytest.fixture
def copied(shop: Shop, files: Tampered) -> Tampered:
    """The home in files of its own, with the copy that the build published."""
    shutil.copytree(shop.home / "published", files.folder / "published", symlinks=True)
    return files


def edit_copy(home: Tampered, *statements: str) -> None:
    """Run SQL on the published copy, as somebody who may write to the folder could."""
    with duckdb.connect(str(home.folder / "published" / DATABASE)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_an_honest_published_copy_says_whose_it_is_and_passes(copied: Tampered):
    found = copied.verify()
    assert found.findings == []
    with duckdb.connect(str(copied.folder / "published" / DATABASE), read_only=True) as connection:
        assert connection.execute("select newest_run()").fetchone() == (found.head,)


def test_each_published_table_that_was_edited_is_named(copied: Tampered):
    """Of the record and of marts: where a build since has failed, of the record only."""
    recorded = [f"segments.{table}" for table in (*verifying.RECORDED, "segment_registry")]
    tables = {name: "segment_id" for name in [*recorded, "marts.segment_metrics"]} | {"marts.customers": "customer_key", "marts.orders": "order_key"}
    keys = {name: copied.rows(f"select min({column}) from {name}")[0][0] for name, column in tables.items()}
    edits = ["update {name} set {column} = 'nobody' where {column} = '{key}'", "delete from {name} where {column} = 'nobody'",
             "insert into {name} from {name} limit 1", "alter table {name} add column more integer", "drop table {name}"]
    for edit in edits:
        for name, key in keys.items():
            edit_copy(copied, edit.format(name=name, key=key, column=tables[name]))
        found = copied.verify().findings
        for name in tables:
            said = f"{name} is missing" if edit.startswith(("drop", "alter")) else f"of {name} are missing"
            assert len(sentences_with(found, f"published/{DATABASE}", said)) == 1, (edit, name, found)
        assert len(found) == len(tables)
    (copied.folder / ".unpublished").touch()
    assert len(copied.verify().findings) == len(recorded)


def test_nothing_is_published_but_the_tables_of_marts_and_segments(shop: Shop, files: Tampered):
    """Whatever somebody put into the warehouse; with it, the copy is still that of the build."""
    files.change(
        "create view marts.own_view as select 'own word' as word", "create table main.own_table as select 'own word' as word",
        'create schema "own ""schema"', 'create table "own ""schema".customers as from marts.customers', "create view main.own_view as from marts.own_view",
        "create macro own_macro(x) as x || 'own word'", "create macro marts.own_rows(x) as table select x || 'own word' as word")
    publish(Home(files.folder))

    def said(home: Path) -> list[list[tuple]]:
        with duckdb.connect(str(home / "published" / DATABASE), read_only=True) as connection:
            own = "where database_name = current_database() and not internal"
            return [connection.execute(query).fetchall() for query in (
                f"select schema_name, table_name, comment from duckdb_tables() {own} order by all",
                f"select schema_name, table_name, column_name, data_type, comment from duckdb_columns() {own} order by all",
                f"select schema_name from duckdb_schemas() {own} order by all", f"select view_name from duckdb_views() {own}",
                f"select function_name, macro_definition from duckdb_functions() {own}")]

    assert said(files.folder) == said(shop.home) and all(comment for *_, comment in said(files.folder)[0])
    assert not [path for path in (files.folder / "published").rglob("*") if path.is_file() and b"own word" in path.read_bytes()]


def test_rows_that_two_relations_do_not_share_are_counted_in_any_order():
    """What is empty is a value, and a row that says nothing is a row."""
    with duckdb.connect() as connection:
        for one, other, expected in (
            ([], [], (0, 0)), ([(1, "a"), (2, None)], [(1, "a"), (2, None)], (0, 0)), ([(1, "a"), (2, "b")], [(2, "b"), (1, "a")], (0, 0)),
            ([(1, None)], [(1, "")], (1, 1)), ([(None, None)], [], (1, 0)), ([(None, None)], [(None, None)] * 2, (0, 1)),
            ([(1, "a"), (1, "a"), (2, "b")], [(1, "a"), (2, "b"), (2, "b")], (1, 1)), ([(1, "a")] * 4, [(2, "a")], (4, 1)),
        ):
            for name, rows in (("one", one), ("other", other)):
                connection.execute(f"create or replace table {name} (number integer, text varchar)")
                for row in rows:
                    connection.execute(f"insert into {name} values (?, ?)", row)
            assert verifying._unlike(connection, "one", "other") == expected


def test_a_table_put_into_the_published_copy_is_named(copied: Tampered):
    edit_copy(copied, 'create table marts."stran.gers" as select 1 as n')
    copied.finds(f"published/{DATABASE}", "marts.stran.gers is no table of the warehouse")


def test_a_published_table_without_one_of_its_columns_is_named(copied: Tampered):
    edit_copy(copied, "alter table segments.segment_registry drop column lawful_basis")
    copied.finds(f"published/{DATABASE}", "segments.segment_registry", "other columns")


def test_a_copy_of_an_older_run_or_before_an_erasure_is_published_is_not_compared(shop: Shop, copied: Tampered, tmp_path: Path):
    """A build failed after recording; an erasure or purge was killed before it published."""
    assert copied.verify().published == "all tables as in the warehouse, Parquet as in the copy"
    changed = "update segments.segment_sizes set n_members = n_members + 1"
    edit_copy(copied, changed)
    for mark, words in ((".erasure.json", "an erasure is not finished (segmentation erase --resume)"),
                        (".purge", "a purge is not finished (segmentation purge)")):
        (copied.folder / mark).touch()
        found = copied.verify()
        assert found.findings == [] and found.published == f"not compared: {words}"
        (copied.folder / mark).unlink()
    copied.finds("segments.segment_sizes")
    older = tmp_path / "older"
    shutil.copytree(shop.homes[FIRST], older, symlinks=True)
    publish(Home(older))
    shutil.copy(older / "published" / DATABASE, copied.folder / "published" / DATABASE)
    edit_copy(copied, changed)
    found = copied.verify()
    assert found.findings == [] and found.published == "not compared: it is of an earlier run (build again)"
    # nor is one that an older version made, nor none
    edit_copy(copied, "drop macro newest_run")
    found = copied.verify()
    assert found.findings == [] and found.published == "not compared: it does not say of which run it is (build again)"
    shutil.rmtree(copied.folder / "published")
    found = copied.verify()
    assert found.findings == [] and found.published == "not compared: there is none"


def test_a_copy_is_not_measured_by_a_warehouse_that_does_not_hold_together(copied: Tampered):
    copied.change(f"delete from {SNAPSHOT} where {one_row()}")
    found = copied.verify().findings
    assert found and not [sentence for sentence in found if DATABASE in sentence]


def test_what_a_failed_build_wrote_is_no_measure_for_the_copy(copied: Tampered):
    """Marts and the registry are built before the run is recorded."""
    copied.change("update segments.segment_registry set rule_hash = sha256('next'), segment_name = 'next' where segment_id = 'vip'")
    copied.change("delete from marts.customers")
    (copied.folder / ".unpublished").touch()
    found = copied.verify()
    assert found.findings == []
    assert found.published == "tables of the record as in the warehouse (a build since was not published), Parquet as in the copy"


def test_a_copy_of_a_run_that_is_not_on_record_is_named(shop: Shop, copied: Tampered):
    for name in ("warehouse.duckdb", "restricted.duckdb"):
        shutil.copy(shop.homes[FIRST] / name, copied.folder / name)
    copied.finds(f"published/{DATABASE}", "not on record")


def test_a_damaged_copy_is_named(copied: Tampered):
    (copied.folder / "published" / DATABASE).write_bytes(b"no database" * 1000)
    copied.finds(f"published/{DATABASE}", "cannot be opened")


def parquet_of(home: Tampered, table: str) -> Path:
    return home.folder / "published" / "parquet" / f"{table}.parquet"


REWRITTEN = ("segments.segment_members", "segments.segment_changes", "marts.segment_metrics", "marts.customers")


def rewrite(path: Path, query: str) -> None:
    """Write a Parquet file anew as a query of what it holds."""
    fresh = path.with_name("fresh")
    rows = query.format(file=f"read_parquet('{path}')")
    duckdb.execute(f"copy ({rows}) to '{fresh}' (format parquet, compression zstd)")
    fresh.replace(path)


@pytest.mark.parametrize("query", [
    "select * from {file} limit (select count(*) - 1 from {file})", "from {file} union all (from {file} limit 1)",
    "select * replace (case when row_number() over () = 1 then as_of + interval 1 microsecond else as_of end as as_of) from {file}",
    "select * exclude (as_of) from {file}", "select *, 1 as more from {file}", "select * replace (as_of::varchar as as_of) from {file}",
])
def test_each_changed_parquet_file_is_named(copied: Tampered, query: str):
    for table in REWRITTEN:
        rewrite(parquet_of(copied, table), query)
    found = copied.verify().findings
    for table in REWRITTEN:
        assert len(sentences_with(found, f"parquet/{table}.parquet", "does not hold what")) == 1, (table, found)
    assert len(found) == len(REWRITTEN)


def test_another_parquet_file_with_the_same_rows_is_as_good(copied: Tampered):
    for table in REWRITTEN:
        rewrite(parquet_of(copied, table), "from {file}")
    assert copied.verify().findings == []


def test_a_parquet_file_that_is_missing_damaged_or_of_no_table_is_named(copied: Tampered):
    parquet_of(copied, "marts.customers").rename(parquet_of(copied, "marts.strangers"))
    parquet_of(copied, "marts.orders").write_bytes(b"no parquet")
    copied.finds("marts.customers.parquet", "is missing")
    copied.finds("marts.strangers.parquet", "is no published table")
    copied.finds("marts.orders.parquet", "cannot be read")
    assert len(copied.verify().findings) == 3


def exported(home: Tampered, number: int = 4) -> Tampered:
    """The home after some exports."""
    with home.opened() as session:
        for one in range(number):
            append(session, EXPORTS, [{
                "exported_at": datetime(2026, 3, 9, 10, one), "executor": "anna", "exported_relation": "marts.segment_metrics",
                "as_of": datetime(2026, 3, 8), "head_hash": None if one == 0 else "ab", "k": 10, "n_rows": 3, "n_few": one, "n_complementary": 0,
                "n_cells_withheld": 0, "n_cells_escaped": 0, "is_formula_safe": True, "n_key_columns": 0, "file_sha256": f"{one}"}])
    return home


@pytest.mark.parametrize(("change", "words"), [
    *((f"update audit.export_log set {column} = {OTHER[kind].format(column)} where export_number = 2", "changed") for column, kind in EXPORT[1:]),
    ("update audit.export_log set export_number = 9 where export_number = 2", "does not follow"),
    ("delete from audit.export_log where export_number = 2", "does not follow"),
    ("delete from audit.export_log where export_number = 1", "does not follow"),
    ("insert into audit.export_log by name select * replace (5 as export_number) from audit.export_log where export_number = 2", "does not follow"),
    ("insert into audit.export_log by name select * from audit.export_log where export_number = 2", "does not follow"),
    ("update audit.export_log set export_number = 5 - export_number where export_number in (2, 3)", "does not follow"),
    ("update audit.export_log set log_hash = null, previous_hash = null where export_number = 4", "changed"),
])
def test_an_export_that_was_changed_removed_or_put_in_is_found(home: Tampered, change: str, words: str):
    assert exported(home).verify().findings == []
    home.change(change).finds("of audit.export_log", words)


def test_the_logs_are_hashed_as_the_documentation_says(home: Tampered):
    exported(home).log(kind="erasure", n_rows=0)
    for log, fields in ((EXPORTS, EXPORT), (DELETIONS, DELETION)):
        columns = {name for (name,) in home.rows("select column_name from duckdb_columns() where database_name = 'warehouse' and "
                                                 f"schema_name || '.' || table_name = '{log.relation}'")}
        assert columns == {name for name, _ in fields} | {"previous_hash", "log_hash"} | ({"customer_key"} if log is DELETIONS else set())
        previous = "0" * 64
        rows = home.rows(f"select {', '.join(name for name, _ in fields)}, log_hash from {log.relation} order by {log.number}")
        assert rows
        for *values, digest in rows:
            text = canonical(fields, dict(zip([name for name, _ in fields], values, strict=True)))
            previous = hashlib.sha256((previous + text).encode()).hexdigest()
            assert previous == digest


def test_a_build_that_was_never_recorded_is_named(home: Tampered):
    """Killed after the snapshot: its rows stand in the history, and no evaluation says so."""
    late = "2026-03-15"
    home.change(f"update {SNAPSHOT} set dbt_valid_to = timestamp '{late}' where {one_row()} and dbt_valid_to is null")
    home.finds("existing_customer", late, "no evaluation is recorded")


def test_many_dates_are_few_queries(home: Tampered, monkeypatch):
    """365 dates are not 365 queries: they go together until their members fill memory."""
    with duckdb.connect() as connection:
        connection.execute("create table recorded as select date '2025-01-01' + d::int as as_of, 's' || s as segment_id, "
                           "1000 as n_members from range(365) as days(d), range(20) as segments(s)")
        chunks = list(verifying._chunks(connection))
    assert sum(len(chunk) for chunk in chunks) == 365 and len(chunks) == 2
    monkeypatch.setattr(verifying, "LEAVES_AT_ONCE", 1)
    assert home.verify().findings == []
    home.change(f"delete from {SNAPSHOT} where {one_row()}").finds("existing_customer", FIRST)
