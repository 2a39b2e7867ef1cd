"""What leaves as a file: no number of few persons, none that could be worked out, nothing that a spreadsheet would run."""

import csv
import hashlib
import json
from collections import defaultdict
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from conftest import Built, command
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.ask import ask
from segmentation.ask import find as find_question
from segmentation.errors import UserError
from segmentation.export import WITHHELD, Count, Exportable, check_k, export, exportables, find, withheld
from segmentation.files import write_whole
from segmentation.home import Home
from segmentation.publish import DATABASE
from segmentation.verify import verify

MATRIX = Exportable("matrix", "marts", ("row", "column"), (Count("n", None, ("share",), (("row",), ("column",))),))


def cells(numbers: list[list[int]]) -> list[dict]:
    """A matrix of numbers of persons as the rows of a relation."""
    return [{"row": i, "column": j, "n": n, "share": n / 7} for i, line in enumerate(numbers) for j, n in enumerate(line)]


def hidden_of(rows: list[dict], k: int, exportable: Exportable = MATRIX) -> set[int]:
    columns, _, _ = withheld(rows, exportable, k)
    assert all(names in (set(), {"n", "share"}) for names in columns)
    return {i for i, names in enumerate(columns) if names}


def test_a_small_number_takes_the_smallest_of_its_row_and_column_with_it():
    rows = cells([[3, 40, 50], [60, 12, 70], [80, 90, 99]])
    # 3 is few; 40 (its row) and 60 (its column) would tell it; 12 would tell those two
    assert hidden_of(rows, k=10) == {0, 1, 3, 4}
    assert hidden_of(rows, k=2) == set()


def test_two_small_numbers_that_are_few_together_take_a_third():
    assert hidden_of(cells([[2, 3, 40, 50]]), k=10) >= {0, 1, 2}
    alone = Exportable("line", "marts", ("row",), (Count("n", None, ("share",), (("row",),)),))
    assert hidden_of(cells([[6, 7, 40, 50]]), 10, alone) == {0, 1}


def test_a_share_of_nearly_everybody_is_withheld_as_its_rest_is_few():
    part = Exportable("part", "marts", ("row",), (Count("n", "total", ("share",), ()),))
    rows = [{"row": 1, "n": 97, "total": 100, "share": 1}, {"row": 2, "n": 50, "total": 100, "share": 1}, {"row": 3, "n": 100, "total": 100, "share": 1}]
    assert hidden_of(rows, 10, part) == {0}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.integers(0, 30), min_size=4, max_size=4), min_size=1, max_size=4), st.integers(2, 12))
def test_no_total_gives_away_few_persons(numbers, k):
    rows = cells(numbers)
    hidden = hidden_of(rows, k)
    assert {i for i, row in enumerate(rows) if 0 < row["n"] < k} <= hidden
    for axis in ("row", "column"):
        totals = defaultdict(list)
        for i, row in enumerate(rows):
            totals[row[axis]].append(i)
        for members in totals.values():
            inside = [i for i in members if i in hidden]
            if inside and set(inside) != set(members):  # the reader knows the total and subtracts what is shown
                assert len(inside) > 1 and sum(rows[i]["n"] for i in inside) >= k
    assert hidden == hidden_of(rows, k)


def test_columns_named_for_an_export_exist_and_every_number_of_persons_is_named(demo: Built):
    found = exportables()
    assert set(found) >= {"segment_metrics", "segment_consent_metrics", "segment_migration", "retention_transitions", "segment_conversions",
                          "campaign_metrics"}
    for exportable in found.values():
        columns = {name: kind for name, kind in demo.rows(
            f"select column_name, data_type from information_schema.columns where table_schema = '{exportable.schema}' "
            f"and table_name = '{exportable.name}'")}
        named = {column for count in exportable.counts for column in (count.persons, count.of, *count.about) if column}
        assert named <= set(columns), exportable.name
        assert all(shared <= set(exportable.grain) for count in exportable.counts for shared in map(set, count.adds_up_over))
        counts = {count.persons for count in exportable.counts}
        assert {name for name in columns if name.startswith("n_") or name == "customers"} == counts, exportable.name


def test_an_exported_file_holds_no_few_persons_and_says_what_it_withholds(demo_copy: Built, tmp_path, capsys):
    demo, path = demo_copy, tmp_path / "out.csv"
    assert command(demo.folder, "export", "segment_metrics", "--out", str(path)).code == 0
    said = capsys.readouterr().out
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == demo.rows("select count(*) from marts.segment_metrics")[0][0]
    for count in find("segment_metrics").counts:
        shown = [row for row in rows if row[count.persons]]
        assert not [row for row in shown if 0 < int(row[count.persons]) < 10], count.persons
        assert all(not row[about] for row in rows if count.persons in row[WITHHELD].split(";") for about in count.about)
    assert any(row["n_members"] for row in rows) and any("n_members" in row[WITHHELD].split(";") for row in rows)
    manifest = json.loads((tmp_path / "out.csv.manifest.json").read_text())
    assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest() and manifest["formula_safe"] is True
    assert (manifest["k"], manifest["n_rows"], manifest["relation"]) == (10, len(rows), "marts.segment_metrics")
    assert manifest["head_hash"] == demo.rows("select run_hash from audit.segment_runs order by run_number desc limit 1")[0][0]
    assert manifest["n_withheld_as_few"] > 0 and f"{manifest['n_withheld_as_few']:,} numbers of fewer than 10" in said
    named = sum(len([name for name in row[WITHHELD].split(";") if name]) for row in rows)
    assert 0 < manifest["n_withheld_as_few"] + manifest["n_withheld_as_complement"] <= manifest["n_cells_withheld"] <= named
    # and the same is on record, for the auditor
    assert demo.rows("select export_number, exported_relation, as_of::varchar, k, n_rows, n_few, n_complementary, n_cells_withheld, n_cells_escaped, "
                     "is_formula_safe, n_key_columns, file_sha256, head_hash from audit.export_log") == [
        (1, *(manifest[name] for name in ("relation", "as_of", "k", "n_rows", "n_withheld_as_few", "n_withheld_as_complement", "n_cells_withheld",
                                          "n_cells_escaped", "formula_safe")), 0, manifest["sha256"], manifest["head_hash"])]


def answer(folder: Path) -> dict[str, list[dict]]:
    """The answer to q24, by what its rows are about."""
    found = ask(Home(folder), find_question("q24"), {})
    rows = [dict(zip(found.columns, row)) for row in found.rows]
    return {what: [row for row in rows if row["what"] == what] for what in ("export", "audience", "not on record")}


def test_every_export_is_on_record_before_it_is_written_and_none_that_failed(demo_copy: Built, tmp_path, capsys):
    home = Home(demo_copy.folder)
    before = answer(home.folder)
    assert before["export"] == [] and len(before["not on record"]) == 1, "what was exported before the log is not known, and it says so"
    first, second = datetime(2026, 4, 1, 9, 30), datetime(2026, 4, 2)
    # texts that a spreadsheet would run are counted where they are quoted
    with duckdb.connect(str(home.published / DATABASE)) as connection:
        connection.execute("update marts.segment_metrics set breakdown_value = '=1+1' where breakdown_value = 'v2'")
        [escaped] = connection.execute("select count(*) from marts.segment_metrics where breakdown_value = '=1+1'").fetchone()
    export(home, find("segment_metrics"), 10, first, "anna", tmp_path / "a.csv")
    export(home, find("retention_transitions"), 25, second, "ben", tmp_path / "b.csv")
    with pytest.raises(UserError, match="cannot be written"):
        export(home, find("segment_migration"), 10, second, "ben", tmp_path / "no such folder" / "c.csv")
    assert command(home.folder, "export", "segment_metrics", "--out", "/no/such/place/x.csv").code == 1
    said = capsys.readouterr().err.strip()
    assert "cannot be written" in said and "\n" not in said and "Traceback" not in said
    newest, oldest = answer(home.folder)["export"]
    assert [oldest[name] for name in ("number", "subject", "exported_at", "executor", "k")] == [1, "marts.segment_metrics", first, "anna", 10]
    assert [newest[name] for name in ("number", "subject", "exported_at", "executor", "k")] == [2, "marts.retention_transitions", second, "ben", 25]
    assert oldest["n_cells_escaped"] == escaped > 0 and oldest["is_formula_safe"] and not oldest["holds_persons"]
    assert oldest["file_sha256"] == hashlib.sha256((tmp_path / "a.csv").read_bytes()).hexdigest()
    # while a build may be writing, nothing leaves, since it could not be recorded
    with home.locked():
        assert command(home.folder, "export", "segment_metrics", "--out", str(tmp_path / "d.csv")).code == 1
    assert "Another build is running" in capsys.readouterr().err and not (tmp_path / "d.csv").exists()


def test_the_next_build_knows_still_what_was_exported(weeks_in_april: Built):
    """Two builds later: the same date again, and another."""
    found = answer(weeks_in_april.folder)["export"]
    assert [(row["number"], row["subject"]) for row in found] == [(2, "marts.retention_transitions"), (1, "marts.segment_metrics")]
    assert [row["file_sha256"] for row in found] == [
        hashlib.sha256(weeks_in_april.folder.with_name(f"{name}.csv").read_bytes()).hexdigest() for name in ("retention_transitions", "segment_metrics")]


def test_a_failed_export_takes_no_link_out_of_the_chain(demo_copy: Built, tmp_path: Path, monkeypatch):
    """Its row goes again, unless another export was recorded meanwhile and follows on it; the manifest tells which row is its own."""
    home, when = Home(demo_copy.folder), datetime(2026, 4, 1)

    def log() -> list[tuple]:
        return demo_copy.rows("select export_number, exported_relation from audit.export_log order by 1")

    def fails(path, content):
        raise UserError("disk full")

    def fails_late(path, content):
        monkeypatch.setattr("segmentation.export.write_whole", write_whole)
        export(home, find("retention_transitions"), 10, when, "ben", tmp_path / "b.csv")
        raise UserError("disk full")

    export(home, find("segment_metrics"), 10, when, "anna", tmp_path / "a.csv")
    for write, expected in ((fails, [(1, "marts.segment_metrics")]), (fails_late, [
            (1, "marts.segment_metrics"), (2, "marts.segment_migration"), (3, "marts.retention_transitions")])):
        monkeypatch.setattr("segmentation.export.write_whole", write)
        with pytest.raises(UserError, match="disk full"):
            export(home, find("segment_migration"), 10, when, "anna", tmp_path / "c.csv")
        assert log() == expected and not (tmp_path / "c.csv").exists()
    assert verify(home).findings == []
    for name, number in (("a", 1), ("b", 3)):
        manifest = json.loads((tmp_path / f"{name}.csv.manifest.json").read_text())
        assert demo_copy.rows("select log_hash, file_sha256 from audit.export_log where export_number = ?", [number]) == [
            (manifest["log_hash"], manifest["sha256"])]
        assert manifest["export_number"] == number
    # whoever drops the last export is found out by who holds its manifest only
    with duckdb.connect(str(home.warehouse)) as warehouse:
        warehouse.execute("delete from audit.export_log where export_number = 3")
    assert verify(home).findings == []
    assert demo_copy.rows("select 1 from audit.export_log where log_hash = ?", [manifest["log_hash"]]) == []


def test_audiences_leave_under_the_keys_of_their_receivers(demo: Built):
    rows = answer(demo.folder)["audience"]
    sizes = dict(demo.rows("select audience_id, count(*) from activation.audience_memberships group by 1"))
    assert {row["subject"]: row["n_rows"] for row in rows if row["n_rows"]} == sizes and sizes
    assert {(row["subject"], row["keys_of"], row["key_epoch"]) for row in rows} == set(demo.rows(
        "select audience_id, key_domain, key_epoch from activation.audiences"))


def test_an_export_without_a_place_for_its_record_is_refused(demo_copy: Built, tmp_path):
    home = Home(demo_copy.folder)
    arguments = find("retention_transitions"), 10, datetime(2026, 4, 1), "anna", tmp_path / "out.csv"
    keyed = Exportable("customers", "marts", ("customer_key",), ())
    with pytest.raises(UserError, match="has keys of persons or records .customer_key.: it is no aggregate"):
        export(home, keyed, *arguments[1:])
    with duckdb.connect(str(home.warehouse)) as warehouse:
        warehouse.execute("alter table audit.export_log drop column log_hash")
    with pytest.raises(UserError, match="was no chain: it must be built anew"):
        export(home, *arguments)
    with duckdb.connect(str(home.warehouse)) as warehouse:
        warehouse.execute("drop table audit.export_log")
    with pytest.raises(UserError, match="kept no record of exports: build again"):
        export(home, *arguments)
    home.warehouse.unlink()
    with pytest.raises(UserError, match="holds a copy only"):
        export(home, *arguments)
    assert list(tmp_path.glob("out.csv*")) == []


def test_an_export_is_the_same_again_and_lies_in_the_home_unless_said_otherwise(demo_copy: Built, capsys):
    folder = demo_copy.folder / "exports"

    def written() -> tuple[bytes, dict]:
        assert {path.name for path in folder.iterdir()} == {"retention_transitions.csv", "retention_transitions.csv.manifest.json"}
        return ((folder / "retention_transitions.csv").read_bytes(),
                json.loads((folder / "retention_transitions.csv.manifest.json").read_text()))

    assert command(demo_copy.folder, "export", "retention_transitions").code == 0
    first, manifest = written()
    assert command(demo_copy.folder, "export", "retention_transitions").code == 0
    # all but its row in the log
    of_the_log = {"export_number", "log_hash"}
    assert written()[0] == first and {name for name, value in written()[1].items() if manifest[name] != value} == of_the_log
    capsys.readouterr()
    assert command(demo_copy.folder, "export").code == 0 and "segment_migration" in capsys.readouterr().out


@pytest.mark.parametrize("arguments, words", [
    (["customers"], "nothing that can be exported"),
    (["segment_metrics; drop table x"], "nothing that can be exported"),
    (["segment_metrics", "--k", "1"], "--k must be a whole number from 2 on"),
    (["segment_metrics", "--k", "ten"], "--k must be a whole number from 2 on"),
])
def test_a_wrong_export_is_refused_in_one_sentence(demo: Built, capsys, arguments, words):
    assert command(demo.folder, "export", *arguments).code == 1
    said = capsys.readouterr().err.strip()
    assert words in said and "\n" not in said and "Traceback" not in said


def test_k_is_a_number():
    assert check_k("25") == 25
    with pytest.raises(UserError):
        check_k("٣٣")
