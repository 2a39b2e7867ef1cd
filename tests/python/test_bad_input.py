"""Bad input: one clear sentence, or a rejected row with its reason. Nothing is lost silently and nothing else changes."""

import contextlib
import csv
import math
import os
import re
import socket
import stat
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
import yaml
from conftest import SETTINGS, WITH_JSON, build, command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja_macros import Macros, Refused
from pyarrow import parquet

from segmentation.cli import check_environment, complain, executor, main, prepare, said_of_lost_refusals, show_segments
from segmentation.contract import CONTRACT
from segmentation.dbt_run import _sentence, environment, run_dbt
from segmentation.errors import UserError
from segmentation.home import PROJECT, Home, connect_read_only
from segmentation.session import PHONE
from segmentation.raw_input import TYPED, create_views, find_files, fingerprint, newest_change, unread, view_queries
from segmentation.vault import SEED_FILE, ensure_keys, new_seed, nonce_seed

ORDERS = "order_id,ordered_at,gross_amount\n"
ROW = "o1,2026-01-01 10:00:00,5.00\n"


def assert_one_sentence(text: str, *parts: str) -> None:
    """A complaint that a user can act on: one line, one full stop at the end, the given words in it."""
    text = text.strip()
    assert "\n" not in text and text.endswith(".") and "Traceback" not in text, text
    for part in parts:
        assert part in text, f"{part!r} is not in {text!r}"


def read(folder: Path) -> dict[str, str]:
    """The queries that read a raw folder, as `segmentation build` makes them."""
    return view_queries(find_files(folder))


def state(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content: what a refused build must not change. The lock file does not count."""
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


def rows(folder: Path, sql: str, parameters: list | None = None) -> list[tuple]:
    """Rows of a query on a home whose path may hold any character."""
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        restricted = str(folder / "restricted.duckdb").replace("'", "''")
        connection.execute(f"attach '{restricted}' as restricted (read_only)")
        return connection.execute(sql, parameters or []).fetchall()


# --- files that cannot be read: refused before anything is touched ---------------------------------------------------

def csv_file(text: str, name: str = "orders.csv", encoding: str = "utf-8"):
    """A writer of one file, as the cases below need it."""
    return lambda folder: (folder / name).write_bytes(text.encode(encoding))


def parquet_file(name: str = "orders.parquet", **columns):
    """A writer of one Parquet file with the given columns over the required ones."""
    def write(folder: Path) -> None:
        given = {"order_id": ["o1"], "ordered_at": ["2026-01-01"], "gross_amount": ["5"]} | columns
        parquet.write_table(pa.table({key: value for key, value in given.items() if value is not None}), folder / name)
    return write


def several(*writers):
    """A writer that calls others."""
    def write(folder: Path) -> None:
        for writer in writers:
            writer(folder)
    return write


def repeated(*names: str):
    """Writes orders.parquet with these columns, of which `x` is nested and has fields of the contract's names."""
    def write(folder: Path) -> None:
        given = [*names, "ordered_at", "gross_amount"]
        nested = pa.array([{"order_id": "o1", "email": {"email": ["a"]}}])
        parquet.write_table(pa.Table.from_arrays([nested if name == "x" else pa.array(["1"]) for name in given], names=given),
                            folder / "orders.parquet")
    return write


def truncated(folder: Path) -> None:
    parquet_file()(folder)
    whole = (folder / "orders.parquet").read_bytes()
    (folder / "orders.parquet").write_bytes(whole[: len(whole) // 2])


def table_folder(**files: str):
    """A writer of `orders/` with files of the given names (`__` for the dot) and texts."""
    def write(folder: Path) -> None:
        (folder / "orders").mkdir()
        for name, text in files.items():
            (folder / "orders" / name.replace("__", ".")).write_text(text)
    return write


UNREADABLE = {
    "empty folder": (lambda folder: None, ["orders.parquet or orders.csv is missing"]),
    "folder without orders": (csv_file("product_id\np1\n", "products.csv"), ["orders.parquet or orders.csv is missing"]),
    "missing column, CSV": (csv_file("order_id,ordered_at\no1,2026-01-01\n"), ["orders.csv: column gross_amount is missing"]),
    "missing column, Parquet": (parquet_file(gross_amount=None), ["orders.parquet: column gross_amount is missing"]),
    "missing column of an optional table": (
        several(csv_file(ORDERS + ROW), csv_file("refund_id,order_id,amount\n", "refunds.csv")),
        ["refunds.csv: column refunded_at is missing; table refunds requires it"],
    ),
    "missing column in the second part": (
        table_folder(a__csv=ORDERS + ROW, b__csv="order_id,ordered_at\no2,2026-01-01\n"), ["b.csv: column gross_amount is missing"],
    ),
    "semicolons": (csv_file((ORDERS + ROW).replace(",", ";")), ["column order_id is missing", "separated by commas"]),
    "truncated Parquet": (truncated, ["orders.parquet: cannot be read as Parquet"]),
    "text as Parquet": (csv_file(ORDERS + ROW, "orders.parquet"), ["orders.parquet: cannot be read as Parquet"]),
    "zero bytes, Parquet": (csv_file("", "orders.parquet"), ["orders.parquet: cannot be read as Parquet"]),
    "zero bytes, CSV": (csv_file(""), ["orders.csv: is empty"]),
    "too many fields": (csv_file(ORDERS + ROW + "o2,2026-01-01,5.00,more\n"), ["orders.csv", "line: 3", "Expected Number of Columns: 3"]),
    "too few fields": (csv_file(ORDERS + ROW + "o2,2026-01-01\n"), ["orders.csv", "line: 3", "Expected Number of Columns: 3"]),
    "every line too long": (csv_file(ORDERS + ROW.strip() + ",more\n"), ["orders.csv", "Expected Number of Columns: 3"]),
    "unterminated quote": (csv_file(ORDERS + 'o1,"2026-01-01,5.00\n'), ["orders.csv", "unterminated quote"]),
    "Latin-1 row": (csv_file("customer_id," + ORDERS + "M\xfcller,o1,2026-01-01,5\n", encoding="latin-1"), ["orders.csv"]),
    "Latin-1 header": (csv_file("K\xe4ufer," + ORDERS, encoding="latin-1"), ["orders.csv: is not UTF-8 text"]),
    "UTF-16": (csv_file(ORDERS + ROW, encoding="utf-16"), ["orders.csv: is not UTF-8 text"]),
    "duplicate column, CSV": (csv_file("order_id,ordered_at,gross_amount,Order_ID \n"), ["column order_id stands there twice"]),
    "duplicate column, Parquet": (parquet_file(**{" order_id ": ["o2"]}), ["column order_id stands there twice"]),
    "same column twice, Parquet": (repeated("order_id", "order_id"), ["orders.parquet: column order_id stands there twice"]),
    "column twice in other letters, Parquet": (repeated("order_id", "ORDER_ID"), ["orders.parquet: column order_id stands there twice"]),
    "optional column twice behind a nested one, Parquet": (
        repeated("order_id", "x", "email", "Email"), ["orders.parquet: column email stands there twice"]),
    "struct column": (parquet_file(customer_id=pa.array([{"id": 1}])), ["column customer_id holds STRUCT"]),
    "list column": (parquet_file(email=pa.array([["a@example.com"]])), ["column email holds VARCHAR[]"]),
    "bytes column": (parquet_file(phone=pa.array([b"\x00"])), ["column phone holds BLOB"]),
    "folder named orders.parquet": (lambda folder: (folder / "orders.parquet").mkdir(), ["orders.parquet: is not a file"]),
    "pipe": (lambda folder: os.mkfifo(folder / "orders.csv"), ["orders.csv: is not a file"]),
    "loop of links": (lambda folder: (folder / "orders.csv").symlink_to("orders.csv"), ["orders.csv: cannot be opened"]),
    "broken link to an optional table": (
        several(csv_file(ORDERS + ROW), lambda folder: (folder / "consents.csv").symlink_to("gone.csv")),
        ["consents.csv: cannot be opened"],
    ),
    "both formats": (several(csv_file(ORDERS + ROW), parquet_file()), ["Table orders is given more than once", "orders.csv"]),
    "file and folder": (several(csv_file(ORDERS + ROW), table_folder(a__csv=ORDERS)), ["Table orders is given more than once"]),
    "both formats in a folder": (
        several(table_folder(a__csv=ORDERS), lambda folder: parquet_file("orders/b.parquet")(folder)), ["orders is given more than once"],
    ),
    "folder with nothing to read": (table_folder(_SUCCESS=""), ["orders: the folder holds no .parquet or .csv file"]),
    "folder with other files": (table_folder(a__csv=ORDERS, b__csv__gz="x"), ["b.csv.gz", "move this away"]),
    "name in capitals": (csv_file(ORDERS + ROW, "Orders.CSV"), ["Orders.CSV: is not read under this name; call it orders.parquet"]),
    "compressed optional table": (
        several(csv_file(ORDERS + ROW), csv_file("x", "consents.csv.gz")), ["consents.csv.gz: is not read under this name"],
    ),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_unreadable_files_are_refused_with_one_sentence(case: str, tmp_path: Path):
    write, parts = UNREADABLE[case]
    write(tmp_path)
    with pytest.raises(UserError) as error:
        read(tmp_path)
    assert_one_sentence(str(error.value), *parts)


def test_a_complaint_about_a_csv_line_does_not_quote_the_line(tmp_path: Path):
    """A log of a build is no place for person data."""
    csv_file("order_id,ordered_at,gross_amount,email\no1,2026-01-01,5,secret@example.com,more\n")(tmp_path)
    with pytest.raises(UserError) as error:
        read(tmp_path)
    assert "secret@example.com" not in str(error.value)


# --- files that look odd and can be read ----------------------------------------------------------------------------

def values(folder: Path, table: str = "orders", columns: str = "order_id") -> list[tuple]:
    """What staging would see of a table."""
    with duckdb.connect() as connection:
        return connection.execute(f"select {columns} from ({read(folder)[table]}) order by all").fetchall()


def test_headers_may_be_padded_in_capitals_and_behind_a_byte_order_mark(tmp_path: Path):
    csv_file(" Order_ID , ORDERED_AT,\"Gross_Amount\"\n" + ROW, encoding="utf-8-sig")(tmp_path)
    assert values(tmp_path, columns="order_id, gross_amount") == [("o1", "5.00")]


@pytest.mark.parametrize("lines, expected", [
    ("#1001,2026-01-01,5\n#1002,2026-01-01,5\no3,2026-01-01,5\n", ["#1001", "#1002", "o3"]),  # no comments
    ("\ufeffo1,2026-01-01,5\n", ["\ufeffo1"]),
    ("NULL,2026-01-01,5\n", ["NULL"]),
    ('"two\nlines",2026-01-01,5\n', ["two\nlines"]),
    ("a\x00b,2026-01-01,5\na\x00c,2026-01-01,5\n", ["a\x00b", "a\x00c"]),
])
def test_no_line_of_a_csv_file_is_taken_for_something_else(lines: str, expected: list[str], tmp_path: Path):
    csv_file(ORDERS + lines)(tmp_path)
    assert values(tmp_path) == [(value,) for value in expected]


def test_parts_may_differ_in_the_order_and_case_of_their_columns(tmp_path: Path):
    table_folder(
        a__csv="order_id,ordered_at,gross_amount,email\no1,2026-01-01,5,a@example.com\n",
        b__csv="gross_amount,ORDER_ID,ordered_at\n6,o2,2026-01-02\n",
        _SUCCESS="",
    )(tmp_path)
    assert values(tmp_path, columns="order_id, gross_amount, email") == [("o1", "5", "a@example.com"), ("o2", "6", None)]


def test_parts_may_hold_a_column_in_different_types(tmp_path: Path):
    (tmp_path / "orders").mkdir()
    for number, kind in enumerate([pa.array([7]), pa.array([0], pa.date32()), pa.array(["x"]), pa.nulls(1), pa.array([True])]):
        parquet_file(f"orders/{number}.parquet", order_id=[str(number)], email=kind)(tmp_path)
    parquet_file("orders/none.parquet", order_id=["none"])(tmp_path)
    assert values(tmp_path, columns="order_id, email") == [
        ("0", "7"), ("1", "1970-01-01"), ("2", "x"), ("3", None), ("4", "true"), ("none", None)]


def test_fields_within_a_column_may_have_the_names_of_columns(tmp_path: Path):
    repeated("order_id", "x", "email")(tmp_path)
    assert values(tmp_path, columns="order_id, email") == [("1", "1")]


def test_a_boolean_is_not_an_amount(tmp_path: Path):
    parquet_file(gross_amount=pa.array([True]))(tmp_path)
    assert values(tmp_path, columns="try_cast(gross_amount as decimal(18, 2))") == [(None,)]


def test_an_id_that_became_a_floating_point_number_is_the_number_that_it_was(tmp_path: Path):
    """pandas makes one of whole numbers in a column with gaps: as 1001.0 it would be somebody else than the 1001 who objected."""
    parquet_file(customer_id=pa.array([1001.0, None, float("nan"), 7.5]), order_id=["a", "b", "c", "d"],
                 ordered_at=["2026-01-01"] * 4, gross_amount=["1"] * 4)(tmp_path)
    as_text = Macros(PROJECT / "macros" / "cross_db").as_text("customer_id")
    assert values(tmp_path, columns=f"order_id, {as_text}") == [("a", "1001"), ("b", None), ("c", None), ("d", "7.5")]
    # and beside a part that holds it as a whole number
    (tmp_path / "refunds").mkdir()
    for name, order, amount in (("a", [1001.0, math.nan], [1.5, math.nan]), ("b", [1001, 7], [1, 2])):
        parquet_file(f"refunds/{name}.parquet", refund_id=[f"{name}1", f"{name}2"], order_id=pa.array(order), refunded_at=["2026-01-01"] * 2,
                     amount=pa.array(amount), ordered_at=["2026-01-01"] * 2, gross_amount=["1"] * 2)(tmp_path)
    # where an amount is no number somebody has reckoned wrong: that is unreadable, as in a part by itself
    assert values(tmp_path, "refunds", "refund_id, order_id, amount") == [
        ("a1", "1001", "1.5"), ("a2", None, "nan"), ("b1", "1001", "1"), ("b2", "7", "2")]


def test_what_is_read_as_text_is_known_without_the_models():
    """raw_input tells it by the names of columns, staging by the types that it reads."""
    typed = {(path.stem.split("__")[1], column) for path in (PROJECT / "models/staging/generic").glob("*.sql")
             for column in re.findall(r"'(\w+)': '(?:timestamp|money|rate|integer|boolean|date)'", path.read_text())}
    assert typed == {(name, column) for name, table in CONTRACT.items() for column in table.columns if TYPED.fullmatch(column)}


@pytest.mark.parametrize("unit, zone", [("s", None), ("us", None), ("us", "UTC"), ("us", "Europe/Berlin")])
def test_an_instant_beyond_all_years_is_an_unreadable_one(unit: str, zone: str | None, tmp_path: Path):
    """DuckDB's cast of such a one would stop the build."""
    good, far = {"s": (1767261600, 10**12), "us": (1767261600_000_000, 2**62)}[unit]
    parquet_file(order_id=["good", "far", "before", "none"], ordered_at=pa.array([good, far, -far, None], pa.timestamp(unit, zone)),
                 gross_amount=["1"] * 4)(tmp_path)
    macros = Macros(PROJECT / "macros" / "cross_db", PROJECT / "macros" / "sources")
    read_as = f"order_id, ({macros.as_timestamp('ordered_at')})::varchar, {macros.unreadable({'ordered_at': 'timestamp'})}"
    assert values(tmp_path, columns=read_as) == [
        ("before", None, "ordered_at"), ("far", None, "ordered_at"), ("good", TEN, None), ("none", None, None)]


@pytest.mark.parametrize("far, is_told", [(2**62, True), (-(2**62), True), (1767261600_000, False)])
def test_an_instant_of_milliseconds_that_duckdb_cannot_hold_is_told_with_its_column(far: int, is_told: bool, tmp_path: Path):
    """With statistics and without, with gaps and without; a column that nobody reads may hold anything."""
    for number, (gap, options) in enumerate([(far, {}), (None, {}), (far, {"write_statistics": False}), (None, {"write_statistics": False})]):
        folder = tmp_path / f"shop {number}"
        folder.mkdir()
        instants = pa.array([1767261600_000, far, gap], pa.timestamp("ms", "UTC" if number else None))
        columns = {"order_id": ["a", "b", "c"], "gross_amount": ["1"] * 3, "ordered_at": ["2026-01-01"] * 3}
        parquet.write_table(pa.table(columns | {"notes_at": instants}), folder / "orders.parquet", **options)
        assert values(folder) == [("a",), ("b",), ("c",)]
        parquet.write_table(pa.table({**columns, "ordered_at": instants}), folder / "orders.parquet", **options)
        if not is_told:
            assert len(values(folder, columns="ordered_at")) == 3
            continue
        with pytest.raises(UserError) as error:
            read(folder)
        assert_one_sentence(str(error.value), f"{folder / 'orders.parquet'}: column ordered_at holds an instant of milliseconds beyond all years")


def test_what_duckdb_cannot_read_at_all_is_told_in_words():
    """Milliseconds it makes microseconds while it reads, and stops where they do not fit: no query can catch that.

    Files are asked beforehand, but are not the same any more where somebody writes them meanwhile.
    """
    message = "Runtime Error in model int_orders_checked\n  Conversion Error: Could not convert Timestamp(MS) to Timestamp(US)"
    assert_one_sentence(_sentence(message), "milliseconds beyond all years", "write it anew")


def test_a_parquet_text_that_is_not_utf_8_is_told_without_the_text(tmp_path: Path, capsys):
    text = b"somebody@example.org \xff\xfe"
    column = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(pa.array([0, len(text)], pa.int32()).buffers()[1]), pa.py_buffer(text)])
    parquet_file(email=column)(tmp_path)
    home = tmp_path / "home"
    said = failing_build(home, capsys, SEGMENTS_RAW=str(tmp_path), **WITH_JSON)
    assert "orders.parquet holds text that is not UTF-8: write the file anew" in said and "somebody" not in said
    assert (home / ".unpublished").exists()  # so that verify does not measure a published copy by what this build left
    kept = [path for path in home.rglob("*") if path.is_file() and b"somebody@" in path.read_bytes()]
    assert kept == []


def test_a_time_that_no_file_was_written_at_is_told(tmp_path: Path):
    csv_file(ORDERS + ROW)(tmp_path)
    for moment in (-99_999_999, 10_000_000_000):
        os.utime(tmp_path / "orders.csv", (moment, moment))
        with pytest.raises(UserError) as error:
            newest_change(find_files(tmp_path))
        assert_one_sentence(str(error.value), "orders.csv", "set INGESTED_AT")


def test_only_a_line_end_ends_the_line_of_a_header(tmp_path: Path):
    """Python takes other characters for one, too: a form feed, the separators of Unicode."""
    csv_file("x\x0c,y\u2028,z\x85," + ORDERS + "1,2,3," + ROW)(tmp_path)
    assert values(tmp_path, columns="order_id, gross_amount") == [("o1", "5.00")]


def test_a_file_without_lines_is_not_read_to_its_end(tmp_path: Path):
    with open(tmp_path / "orders.csv", "wb") as file:
        file.truncate(20_000_000)
    with pytest.raises(UserError) as error:
        read(tmp_path)
    assert_one_sentence(str(error.value), "orders.csv", "this is no CSV")


def test_variables_of_dbt_left_in_a_shell_leave_nothing_out(tmp_path: Path, monkeypatch):
    """DBT_RESOURCE_TYPES=model would leave out the snapshot and every check, and the build would still be green."""
    monkeypatch.setenv("DBT_RESOURCE_TYPES", "seed")
    monkeypatch.setenv("DBT_ENGINE_RESOURCE_TYPES", "seed")
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    listed = run_dbt(["list", "--output", "name"], Home(tmp_path))
    assert {"segment_membership", "assert_every_change_is_explained", "customers"} <= set(listed)
    assert os.environ["DBT_RESOURCE_TYPES"] == "seed"


def test_a_column_without_any_value_is_null(tmp_path: Path):
    parquet_file(email=pa.nulls(1))(tmp_path)
    assert values(tmp_path, columns="cast(email as varchar)") == [(None,)]


@pytest.mark.parametrize("name", [
    "it's", 'say "hi"', "a; drop table x", "new\nline", "üñï 漢字 😀", "[1]*?", "currency=USD", "{{ 1 }}", "back\\slash", "%41",
    "{a,b}", "-x",
])
def test_folder_names_are_data(name: str, tmp_path: Path):
    (tmp_path / name).mkdir()
    (tmp_path / "1xx").mkdir()  # what the name means when read as a pattern
    for folder, value in ((tmp_path / name, "right"), (tmp_path / "1xx", "wrong")):
        csv_file("order_id,ordered_at,gross_amount,currency\n" + f"{value},2026-01-01,5,EUR\n")(folder)
        parquet_file("products.parquet", product_id=[value])(folder)
    assert values(tmp_path / name, columns="order_id, currency") == [("right", "EUR")]
    assert values(tmp_path / name, "products", "product_id") == [("right",)]


def test_what_nobody_reads_is_told(tmp_path: Path):
    csv_file("order_id,ordered_at,gross_amount,e_mail\n")(tmp_path)
    csv_file("x\n", "refund.csv")(tmp_path)
    (tmp_path / "refunds").mkdir()
    for part, column in (("a", "amount"), ("b", "amuont")):
        csv_file(f"refund_id,order_id,refunded_at,{column}\n", f"refunds/{part}.csv")(tmp_path)
    assert unread(tmp_path, find_files(tmp_path)) == ["refund.csv", "orders.csv: e_mail", "refunds/b.csv: amuont"]


def test_a_file_changed_during_the_build_is_noticed(tmp_path: Path):
    csv_file(ORDERS + ROW)(tmp_path)
    files = find_files(tmp_path)
    before = fingerprint(files)
    csv_file(ORDERS + ROW + ROW)(tmp_path)
    assert fingerprint(files) != before
    (tmp_path / "orders.csv").unlink()
    assert fingerprint(files) != before


@pytest.mark.parametrize("arguments, reads, again", [
    (["build"], "evaluate", "the build read them: build again"),
    (["backfill", "--from", "2026-01-05", "--to", "2026-01-12"], "record_past", "the backfill read them: backfill again, into another SEGMENTS_HOME"),
])
def test_what_was_built_of_files_that_changed_meanwhile_is_not_published(
        arguments: list[str], reads: str, again: str, tmp_path: Path, monkeypatch, capsys):
    done: list[Home] = []
    csv_file(ORDERS + ROW)(tmp_path)
    monkeypatch.setattr("segmentation.cli.publish_and_show", done.append)
    monkeypatch.setattr("segmentation.cli.evaluate", lambda *_: None)
    assert command(tmp_path / "home", "build", SEGMENTS_RAW=str(tmp_path)).code == 0 and len(done) == 1
    monkeypatch.setattr(f"segmentation.cli.{reads}", lambda *_: csv_file(ORDERS + ROW + ROW)(tmp_path))
    assert command(tmp_path / "home", *arguments, SEGMENTS_RAW=str(tmp_path)).code == 1 and len(done) == 1
    assert capsys.readouterr().err == f"segmentation: The files of SEGMENTS_RAW were changed while {again}.\n"


TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=10) | st.sampled_from(
    ['"', '""', ",", "\n", "\r\n", "\r", "#x", "\ufeff", "\x00", " ", "NULL", "'", "\\", '\\"', "x\ny"]
)
COLUMNS = (*CONTRACT["orders"].required, "customer_id", "status")
# Python's writer leaves a lone "\r" unquoted unless it is part of the line end: such a file has no single reading
DIALECTS = [("\n", csv.QUOTE_ALL), ("\r\n", csv.QUOTE_MINIMAL), ("\r\n", csv.QUOTE_ALL)]


@settings(max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(
    table=st.lists(st.lists(TEXTS, min_size=len(COLUMNS), max_size=len(COLUMNS)), max_size=6),
    dialect=st.sampled_from(DIALECTS),
    encoding=st.sampled_from(["utf-8", "utf-8-sig"]),
)
def test_any_text_written_as_csv_is_read_back_unchanged(table: list[list[str]], dialect: tuple, encoding: str):
    """Or the file is refused with a sentence; the empty text alone is no text."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        with open(Path(folder, "orders.csv"), "w", encoding=encoding, newline="") as file:
            writer = csv.writer(file, lineterminator=dialect[0], quoting=dialect[1])
            writer.writerows([COLUMNS, *table])
        try:
            query = read(Path(folder))["orders"]
        except UserError as error:
            assert_one_sentence(str(error))
            return
        found = connection.execute(f"select {', '.join(COLUMNS)} from ({query})").fetchall()
    assert found == [tuple(value or None for value in row) for row in table]


# --- settings -------------------------------------------------------------------------------------------------------

INSTANTS = [
    "2026-01-01' as x); drop table marts.customers; --", "2026-02-30", "20260101", "latest ", " 2026-01-01", "2026-01-01\n",
    "2026-01-01T10:00:00Z", "2026-01-01 24:00:00", "1800-01-01", "9999-12-31", "２０２６-01-01", "{{ 1 }}", "now", "infinity",
    "x" * 10_000,
]
SETTINGS_REFUSED = [
    *[(name, value) for name in ("AS_OF", "KNOWN_AT", "INGESTED_AT") for value in INSTANTS],
    ("INGESTED_AT", "latest"),
    *[("REPORTING_CURRENCY", value) for value in ("eur", "EURO", "E'R", "'; drop table x; --", "EUR\n", "ÉUR")],
    *[("SEGMENTS_THREADS", value) for value in ("0", "-1", "two", "2; drop", "1e9")],
    *[("SEGMENTS_MEMORY", value) for value in ("0GB", "2", "2 GB", "80%", "2GB'; drop table x; --")],
]


@pytest.mark.parametrize("name, value", SETTINGS_REFUSED, ids=lambda text: ascii(text)[:30])
def test_hostile_settings_are_refused(name: str, value: str, monkeypatch):
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError) as error:
        check_environment()
    assert_one_sentence(str(error.value), f"{name} must be")


@pytest.mark.parametrize("name, value", [
    ("AS_OF", "latest"), ("AS_OF", ""), ("AS_OF", "2026-01-01"), ("AS_OF", "2026-01-01T10:00:00.5"), ("KNOWN_AT", "latest"),
    ("REPORTING_CURRENCY", "EUR"), ("REPORTING_CURRENCY", ""), ("SEGMENTS_THREADS", "4"), ("SEGMENTS_MEMORY", "2GB"),
])
def test_good_settings_pass(name: str, value: str, monkeypatch):
    monkeypatch.setenv(name, value)
    check_environment()


@pytest.mark.parametrize("value, sentence", [
    ("2026-01-01' as x); drop table marts.customers; --", "AS_OF must be a UTC instant like 2026-03-03 00:00:00"),
    ("2026-02-30", "AS_OF names a day that does not exist"),
])
def test_a_plain_dbt_build_refuses_a_hostile_date_too(value: str, sentence: str, tmp_path: Path):
    """Without the command's own check: the models check what reaches SQL."""
    home = Home(tmp_path)
    with environment({"AS_OF": value}), pytest.raises(UserError) as error:
        run_dbt(["compile", "--select", "evaluation_clock"], home)
    assert sentence in str(error.value) and "Traceback" not in str(error.value)


@pytest.mark.parametrize("name, value", [
    ("minimum_age_years", "sixteen"), ("minimum_age_years", -5), ("opt_in_age_years", True), ("metrics_window_days", 0), ("attribution_days", 7.5),
    ("history_retention_days", None), ("timezone", "UTC' or 1=1 --"), ("timezone", "Berlin"), ("retention_mode", "guess"),
])
def test_a_var_that_is_not_of_its_kind_is_refused_by_name(name: str, value: object):
    """Jinja's `int` makes 0 of what is no number, which would switch the age gate off."""
    macros = Macros(PROJECT / "macros/time", PROJECT / "macros/cross_db")
    declared = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]
    macros.context["var"] = declared.__getitem__
    macros.assert_vars()
    macros.context["var"] = (declared | {name: value}).__getitem__
    with pytest.raises(Refused, match=f"var {name} must be ") as error:
        macros.assert_vars()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name, value, setting, held, hostile", [
    ("SEGMENTS_MEMORY", "300MB", "memory_limit", "286.1 MiB", "300MB'; drop table x; --"),
    ("SEGMENTS_THREADS", "3", "threads", 3, "3; drop table x"),
])
def test_memory_and_threads_are_limited_where_that_is_asked_for(name: str, value: str, setting: str, held: object, hostile: str):
    def macros(given: str, engine: str = "duckdb") -> Macros:
        found = Macros(PROJECT / "macros/time", PROJECT / "macros/cross_db", engine=engine)
        found.context["env_var"] = lambda asked, default: given if asked == name and given else default
        return found

    assert (macros("").limit_resources() or "").strip() == ""
    assert (macros(value, "postgres").limit_resources() or "").strip() == ""
    with duckdb.connect() as connection:
        connection.execute(macros(value).limit_resources())
        assert connection.execute(f"select current_setting('{setting}')").fetchone() == (held,)
    with pytest.raises(Refused, match=f"{name} must look like"):
        macros(hostile).limit_resources()


def test_the_limits_hold_for_the_connections_of_the_commands(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("SEGMENTS_THREADS", "3")
    monkeypatch.setenv("SEGMENTS_MEMORY", "300MB")
    home = Home(tmp_path)
    with home.writing() as connection:
        held = connection.execute("select current_setting('threads'), current_setting('memory_limit')").fetchone()
    assert held == (3, "286.1 MiB")
    with connect_read_only(home.warehouse) as connection:
        assert connection.execute("select current_setting('threads'), current_setting('memory_limit')").fetchone() == held
    monkeypatch.setenv("SEGMENTS_THREADS", "many")
    with pytest.raises(UserError, match="SEGMENTS_THREADS must be a number from 1 to 999, not 'many'."), home.writing():
        pass


def test_every_var_that_is_a_number_is_checked():
    text = (PROJECT / "macros/time/settings.sql").read_text()
    numbers = {name for name, value in yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"].items() if isinstance(value, int)}
    assert numbers and all(f"'{name}': " in text for name in numbers)


def test_two_different_rows_never_read_alike():
    """A cell may hold what the canonical row puts between its fields."""
    macros = Macros(PROJECT / "macros/sources", PROJECT / "macros/cross_db", PROJECT / "macros/audit")
    row = macros.canonical_row(["status", "coupon_code", "channel"])
    cells = [("x", "y\x1fchannel=z", None), ("x\x1fcoupon_code=y", "z", None), ("x", "y", "z"), ("x", "y", "\x1e"), ("x", "y", None),
             ("x", "y", "\x1b1"), ("x", "", "")]
    with duckdb.connect() as connection:
        texts = [connection.execute(f"select {row} from (select ? as status, ? as coupon_code, ? as channel)", cell).fetchone()[0] for cell in cells]
    assert len(set(texts)) == len(cells)


@pytest.mark.parametrize("text", ["0", "+0", "000 000", "000-0000", "0000000000", "00"])
def test_zeros_are_nobodys_phone_number(text: str):
    """Typed into a field that must not be empty, they would make one person of all who typed them."""
    macros = Macros(PROJECT / "macros/cross_db")
    with duckdb.connect() as connection:
        assert connection.execute(f"select {macros.normalised_phone('value')}, {PHONE.format('value')} from (select ? as value)", [text]).fetchall() == [
            (None, None)]


def test_what_could_steer_a_terminal_is_printed_as_an_escape(capsys):
    complain("no folder /tmp/\x1b[2J\u202e\udcff.")
    assert capsys.readouterr().err == "segmentation: no folder /tmp/\\x1b[2J\\u202e\\udcff.\n"


@pytest.mark.parametrize("name, value", [("SEGMENTS_SCHEMA_PREFIX", "replay_"), ("SEGMENTS_ORIGIN", "backfill")])
def test_a_build_does_not_pretend_to_be_a_replay_or_a_backfill(name: str, value: str, monkeypatch):
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError) as error:
        check_environment()
    assert_one_sentence(str(error.value), name)


def test_a_long_setting_is_not_repeated_in_full(monkeypatch):
    monkeypatch.setenv("AS_OF", "x" * 10_000)
    with pytest.raises(UserError) as error:
        check_environment()
    assert len(str(error.value)) < 200


def test_a_name_that_the_system_does_not_know_does_not_stop_a_build(monkeypatch):
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")
    monkeypatch.setattr("getpass.getuser", nobody)
    assert re.fullmatch(r"uid-\d+", executor())


# --- the whole command: exit code, one sentence on standard error, nothing changed -----------------------------------

@pytest.fixture
def held_home(tmp_path: Path) -> Path:
    """A home with something in it that a refused build must not change."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "home.json").write_text('{"data": "shop"}\n')
    for name in ("warehouse", "restricted"):
        with duckdb.connect(str(folder / f"{name}.duckdb")) as connection:
            connection.execute("create table kept as select 42 as answer")
    return folder


def refused(folder: Path, capsys, **given: str) -> str:
    """Run the command, check that it refuses as it should, and return the sentence."""
    before = state(folder) if os.path.isdir(folder) else None
    built = build(folder, "--without-tests", **given)
    out, err = capsys.readouterr()
    assert built.code == 1
    assert out.strip() == ""
    assert_one_sentence(err)
    assert (state(folder) if os.path.isdir(folder) else None) == before
    return err


@pytest.mark.parametrize("name, value", [
    ("AS_OF", "2026-02-30"), ("KNOWN_AT", "x'"), ("REPORTING_CURRENCY", "euro"), ("INGESTED_AT", "now"),
])
def test_the_command_refuses_hostile_settings_and_changes_nothing(name: str, value: str, held_home: Path, capsys, raw_folder):
    raw = raw_folder(orders=[{"order_id": "o1", "ordered_at": "2026-01-01", "gross_amount": "5"}])
    assert f"segmentation: {name} must be" in refused(held_home, capsys, SEGMENTS_RAW=str(raw), **{name: value})


@pytest.mark.parametrize("case", ["missing column, CSV", "truncated Parquet", "too few fields", "folder without orders"])
def test_the_command_refuses_bad_files_and_changes_nothing(case: str, held_home: Path, capsys, tmp_path: Path):
    write, parts = UNREADABLE[case]
    raw = tmp_path / "raw"
    raw.mkdir()
    write(raw)
    assert_one_sentence(refused(held_home, capsys, SEGMENTS_RAW=str(raw)), *parts)


@pytest.mark.parametrize("path", ["no/such", "x" * 5000, "loop", "\udcff"])
def test_the_command_refuses_a_folder_that_is_not_there(path: str, held_home: Path, capsys, tmp_path: Path):
    (tmp_path / "loop").symlink_to("loop")
    assert "SEGMENTS_RAW" in refused(held_home, capsys, SEGMENTS_RAW=f"{tmp_path}/{path}")


@pytest.mark.parametrize("path", ["file", "file/below", "loop", "x" * 5000, "\udcff"])
def test_the_command_refuses_a_home_that_cannot_be_one(path: str, capsys, tmp_path: Path):
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    assert "SEGMENTS_HOME" in refused(tmp_path / path, capsys)


def test_a_missing_home_is_made_and_a_tilde_is_the_users_folder(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SEGMENTS_HOME", "~/new/home")
    assert Home.from_environment().folder == (tmp_path / "new" / "home").resolve()
    assert (tmp_path / "new" / "home").is_dir()


def test_a_home_for_demo_data_is_refused_for_a_shop_and_the_reverse(held_home: Path, capsys, raw_folder):
    raw = raw_folder(orders=[{"order_id": "o1", "ordered_at": "2026-01-01", "gross_amount": "5"}])
    assert "holds the shop's history" in refused(held_home, capsys)
    (held_home / "home.json").write_text('{"data": "demo"}\n')
    assert "holds the demo's history" in refused(held_home, capsys, SEGMENTS_RAW=str(raw))
    (held_home / "home.json").unlink()  # as after a plain `dbt build`
    assert "holds the demo's history" in refused(held_home, capsys, SEGMENTS_RAW=str(raw))
    (held_home / "home.json").write_text('{"da')
    assert "home.json is damaged" in refused(held_home, capsys, SEGMENTS_RAW=str(raw))


def test_the_demo_never_removes_the_history_of_a_shop(held_home: Path, capsys, monkeypatch):
    monkeypatch.setenv("SEGMENTS_HOME", str(held_home))
    monkeypatch.delenv("SEGMENTS_RAW", raising=False)
    for marked in (True, False):
        if not marked:
            (held_home / "home.json").unlink()
            with duckdb.connect(str(held_home / "restricted.duckdb")) as connection:
                ensure_keys(connection, None)
        before = state(held_home)
        assert main(["demo"]) == 1
        assert_one_sentence(capsys.readouterr().err, "holds the shop's history")
        assert state(held_home) == before


def test_new_keys_are_not_made_for_an_old_history(held_home: Path, capsys, raw_folder):
    """restricted.duckdb lost, warehouse.duckdb kept: silently made keys would give every person a second pseudonym."""
    raw = raw_folder(orders=[{"order_id": "o1", "ordered_at": "2026-01-01", "gross_amount": "5"}])
    assert "keys of this SEGMENTS_HOME's history are gone" in refused(held_home, capsys, SEGMENTS_RAW=str(raw))


KEYS = ["ab" * 32, "cd" * 32]


MALFORMED = [[], KEYS[:1], [*KEYS, "ef" * 32, "01" * 32], ["zz" * 32, KEYS[1]], ["é" * 64], [KEYS[0], KEYS[0]], [KEYS[0][1:], KEYS[1]]]


@pytest.mark.parametrize("text", ["\n".join(lines) for lines in MALFORMED])
def test_a_malformed_key_file_is_refused_without_showing_it(text: str, tmp_path: Path):
    path = tmp_path / "keys"
    path.write_text(text, encoding="utf-8")
    with duckdb.connect() as connection, pytest.raises(UserError) as error:
        ensure_keys(connection, path)
    assert_one_sentence(str(error.value), "SEGMENTS_KEY_FILE")
    assert "ab" * 8 not in str(error.value) and "cd" * 8 not in str(error.value)


def test_a_key_file_that_never_ends_is_refused():
    for path in ("/dev/zero", "/dev"):
        with pytest.raises(UserError) as error:
            new_seed(Path(path))
        assert_one_sentence(str(error.value), f"SEGMENTS_KEY_FILE {path}", "is not a file")


def test_the_seed_is_a_file_of_its_own(tmp_path: Path):
    """A link in its place would have the seed, and then zeros, written over somebody's file."""
    home, other = Home(tmp_path), tmp_path / "other"
    with duckdb.connect(str(home.restricted)) as restricted:
        restricted.execute("create schema vault")
    other.write_text("mine")
    (tmp_path / SEED_FILE).symlink_to(other)
    with nonce_seed(home, None):
        assert (tmp_path / SEED_FILE).stat().st_mode & 0o777 == 0o600 and not (tmp_path / SEED_FILE).is_symlink()
    assert other.read_text() == "mine" and not (tmp_path / SEED_FILE).exists()
    (tmp_path / SEED_FILE).mkdir()
    with pytest.raises(UserError) as error, nonce_seed(home, None):
        pass
    assert_one_sentence(str(error.value), SEED_FILE, "remove it")


def test_a_home_that_says_nothing_sensible_of_itself_is_refused(tmp_path: Path):
    (tmp_path / "home.json").write_text("[" * 200_000)
    with pytest.raises(UserError) as error:
        Home(tmp_path).kind
    assert_one_sentence(str(error.value), "home.json is damaged")


def a_socket(path: Path) -> None:
    """A socket, whose name may be no longer than a hundred characters where it is made."""
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, a_socket, lambda path: path.symlink_to("nowhere")], ids=["pipe", "folder", "socket", "link"])
@pytest.mark.parametrize("name", ["home.json", "warehouse.duckdb", "restricted.duckdb.wal", ".lock", ".purge", ".erasure.json", "erasures.json", SEED_FILE])
def test_what_is_no_file_is_not_opened_as_one(name: str, make, held_home: Path, capsys):
    """A pipe in place of a file of the home: to open it waits for somebody to write."""
    (held_home / name).unlink(missing_ok=True)
    make(held_home / name)
    assert f"{held_home / name}: is not a file, and the commands keep one there" in refused(held_home, capsys)
    assert command(held_home, "verify").code == 1
    assert_one_sentence(capsys.readouterr().err, "is not a file")


@pytest.mark.parametrize("name", ["published", "target", "logs", "exports", "warehouse.duckdb.tmp"])
def test_what_is_no_folder_is_not_used_as_one(name: str, held_home: Path, capsys):
    """And within a folder, however deep, a pipe is found as well."""
    (held_home / name).write_text("mine")
    assert f"{held_home / name}: is not a folder, and the commands keep one there" in refused(held_home, capsys)
    (held_home / name).unlink()
    (held_home / name / "below").mkdir(parents=True)
    os.mkfifo(held_home / name / "below" / "pipe")
    assert "pipe: is not a file" in refused(held_home, capsys)


def test_what_else_lies_in_a_home_is_its_owners(held_home: Path):
    """Also a pipe, and a link of the published copy to nothing, which a build sets anew."""
    os.mkfifo(held_home / "mine")
    (held_home / "published").mkdir()
    (held_home / "published" / "parquet").symlink_to(".new-gone")
    assert command(held_home, "verify").code == 1  # for want of a record


@pytest.mark.parametrize("is_made_anew", [True, False])
def test_a_home_that_is_moved_under_a_command_is_told(is_made_anew: bool, tmp_path: Path):
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    with pytest.raises(UserError) as error, home.locked():
        home.folder.rename(tmp_path / "elsewhere")
        if is_made_anew:  # as dbt does for its log
            home.logs.mkdir(parents=True)
        (home.folder / "no" / "such").write_text("")
    assert_one_sentence(str(error.value), f"{home.folder} was moved or removed while the command worked")


def test_a_key_file_in_the_folder_of_nobody_is_refused(tmp_path: Path, capsys, raw_folder):
    raw = raw_folder(orders=[{"order_id": "o1", "ordered_at": "2026-01-01", "gross_amount": "5"}])
    assert build(tmp_path / "home", SEGMENTS_RAW=str(raw), SEGMENTS_KEY_FILE="~nosuchuser/keys").code == 1
    assert_one_sentence(re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().err), "SEGMENTS_KEY_FILE ~nosuchuser/keys", "cannot be read")
    assert not (tmp_path / "home" / "warehouse.duckdb").exists()


def test_a_missing_and_a_changed_key_file_are_refused(tmp_path: Path):
    path = tmp_path / "keys"
    with duckdb.connect() as connection:
        with pytest.raises(UserError) as error:
            ensure_keys(connection, path)
        assert_one_sentence(str(error.value), "SEGMENTS_KEY_FILE", "cannot be read")
        path.write_text("\n".join(KEYS))
        ensure_keys(connection, path)
        kept = connection.execute("from vault.hmac_keys order by all").fetchall()
        ensure_keys(connection, path)
        ensure_keys(connection, None)
        path.write_text("\n".join(reversed(KEYS)))
        with pytest.raises(UserError) as error:
            ensure_keys(connection, path)
        assert_one_sentence(str(error.value), "not the keys that this SEGMENTS_HOME was made with")
        connection.rollback()
        assert connection.execute("from vault.hmac_keys order by all").fetchall() == kept


def test_views_are_made_all_or_none(tmp_path: Path):
    csv_file(ORDERS + ROW)(tmp_path)
    queries = read(tmp_path)
    with duckdb.connect() as connection:
        create_views(connection, queries)
        with pytest.raises(duckdb.Error):
            create_views(connection, queries | {"orders": "select 1 as order_id", "events": "select nonsense"})
        connection.rollback()
        assert connection.execute("select count(*) from information_schema.columns where table_name = 'orders'").fetchone() == (15,)


def test_the_process_ends_with_one_sentence_on_standard_error_and_code_1(tmp_path: Path):
    given = {key: value for key, value in os.environ.items() if not key.startswith(("SEGMENTS_", "AS_OF"))}
    result = subprocess.run([sys.executable, "-m", "segmentation.cli", "build"], cwd=PROJECT, capture_output=True, text=True,
                            env=given | {"SEGMENTS_HOME": str(tmp_path / "home"), "SEGMENTS_RAW": str(tmp_path / "none")})
    assert (result.returncode, result.stdout) == (1, "")
    assert_one_sentence(result.stderr, "segmentation: SEGMENTS_RAW: there is no folder")
    assert sorted(path.name for path in (tmp_path / "home").iterdir()) in ([], [".lock"])


# --- refused by the models ------------------------------------------------------------------------------------------

def failing_build(folder: Path, capsys, **given: str) -> str:
    """A build that the data itself stops; returns what it says."""
    built = build(folder, "--without-tests", **given)
    err = capsys.readouterr().err
    assert built.code == 1
    assert_one_sentence(err)
    return err


def test_data_that_cannot_be_evaluated_stops_the_build_with_one_sentence(tmp_path: Path, raw_folder, capsys):
    order = {"order_id": "o1", "ordered_at": "2026-01-01", "gross_amount": "5", "currency": "EUR"}
    home = tmp_path / "home"
    raw = raw_folder(orders=[order, order | {"order_id": "o2", "currency": "USD"}])
    said = failing_build(home, capsys, SEGMENTS_RAW=str(raw))
    assert "orders are in several currencies: set REPORTING_CURRENCY" in said
    # an amount and a rate that can both be, their product is none that money can be
    absurd = {"currency": "USD", "rate_date": "2025-01-01", "rate": "9999999999"}
    raw_large = raw_folder("large", orders=[order, order | {"order_id": "o2", "currency": "USD", "gross_amount": "99999999"}], exchange_rates=[absurd])
    said = failing_build(tmp_path / "absurd", capsys, SEGMENTS_RAW=str(raw_large), REPORTING_CURRENCY="EUR")
    assert "Amounts are larger than money can be" in said and " orders)" in said and "absurd exchange_rates" in said
    # no order at all, and of the rest no row that can be used
    csv_file(ORDERS)(raw)
    csv_file("event_id,occurred_at,event_type\ne1,never,page_view\n,2026-01-01,page_view\n", "events.csv")(raw)
    said = failing_build(home, capsys, SEGMENTS_RAW=str(raw))
    assert "no usable row in the input: set AS_OF, or look at audit.rejected_rows" in said
    assert rows(home, "select reason from audit.rejected_rows order by all") == [("missing event_id",), ("unreadable occurred_at",)]
    tables = "select table_name from duckdb_tables() where database_name = 'warehouse'"
    assert rows(home, f"{tables} and schema_name in ('marts', 'snapshots')") == []
    assert rows(home, f"{tables} and table_name in ('segment_members', 'segment_runs', 'run_started')") == []
    assert not (home / "published").exists()


# --- rejected rows and hostile values: one folder, one build ---------------------------------------------------------

INGESTED_AT = "2026-06-01 00:00:00"
LATER = "recorded_at lies after the data was ingested"
TEN = "2026-01-01 10:00:00"

# (reason, or the class of an accepted row; columns that differ from a good row)
ORDER_ROWS = [
    ("accepted", {}),
    ("accepted", {"order_id": "offset", "ordered_at": "2026-01-01T12:00:00+02:00"}),
    ("accepted", {"order_id": "five minutes", "ordered_at": "2026-01-01 10:05:00", "recorded_at": TEN}),
    ("accepted", {"order_id": "dollar", "currency": " usd ", "ordered_at": "2026-03-01"}),
    ("accepted", {"order_id": "no currency", "currency": ""}),
    ("duplicate", {"order_id": "twice"}), ("accepted", {"order_id": "twice"}),
    ("revision", {"order_id": "revised", "recorded_at": "2026-01-02"}),
    ("accepted", {"order_id": "revised", "recorded_at": "2026-01-03", "status": "cancelled"}),
    ("missing order_id", {"order_id": ""}), ("missing order_id", {"order_id": "  "}),
    ("missing ordered_at", {"ordered_at": ""}),
    *[("unreadable ordered_at", {"ordered_at": value}) for value in
      ("yesterday", "2026-02-30", "now", "today", "infinity", "-infinity", "true", "1767261600", "10:00", "2026-01-01 25:00:00")],
    # C38: a local time that does not exist, one that comes twice; times without an offset are UTC
    *[("unreadable ordered_at", {"ordered_at": value}) for value in ("2026-03-29 02:30:00 Europe/Paris", "2026-10-25 02:30:00 CET")],
    ("accepted", {"ordered_at": "2026-03-29 02:30:00"}), ("accepted", {"ordered_at": "2026-01-29 02:30:00 utc"}),
    *[("unreadable recorded_at", {"recorded_at": value}) for value in ("soon", "infinity")],
    ("missing gross_amount", {"gross_amount": ""}),
    *[("unreadable gross_amount", {"gross_amount": value}) for value in
      ("twelve", "NaN", "inf", "-inf", "1e400", "12,50", "99999999999999999999", "0x10", "true", "€5")],
    # a trillion and more: a sum of such amounts would stop the build
    ("accepted", {"customer_id": "billionaire", "gross_amount": "999999999999.99"}),
    *[("unreadable gross_amount", {"gross_amount": value}) for value in ("999999999999.995", "1000000000000", "9999999999999999.99")],
    ("unreadable discount_amount", {"discount_amount": "NaN"}),
    ("negative gross_amount", {"gross_amount": "-0.01"}),
    ("negative discount_amount", {"discount_amount": "-5"}),
    ("ordered_at lies after recorded_at", {"ordered_at": "2026-01-01 10:05:01", "recorded_at": TEN}),
    (LATER, {"recorded_at": "2026-06-01 00:00:01"}),
    (LATER, {"ordered_at": "2026-06-02"}),
    (LATER, {"ordered_at": "9999-12-31"}),
    ("no exchange rate for currency XYZ", {"currency": "XYZ"}),
    ("no exchange rate for currency USD", {"currency": "USD", "ordered_at": "2026-01-31"}),
    ("accepted", {"order_id": "two currencies", "recorded_at": "2026-03-02"}),
    ("currency differs from the first row of the same order_id",
     {"order_id": "two currencies", "currency": "USD", "ordered_at": "2026-03-01", "recorded_at": "2026-03-03"}),
]
GOOD_ORDER = {"ordered_at": TEN, "gross_amount": "5.00", "customer_id": "buyer", "currency": "EUR"}

# (table, good row, [(reason, columns that differ)]); "accepted" rows as above
OTHER_ROWS = {
    "refunds": ({"order_id": "order-0", "refunded_at": "2026-01-02", "amount": "1"}, [
        ("accepted", {}), ("missing refund_id", {"refund_id": ""}), ("missing order_id", {"order_id": ""}),
        ("unknown order_id", {"order_id": "nobody's"}), ("unreadable amount", {"amount": "NaN"}), ("unreadable amount", {"amount": "1e12"}), ("negative amount", {"amount": "-1"}),
        ("missing amount", {"amount": ""}), ("missing refunded_at", {"refunded_at": ""}),
        ("unreadable refunded_at", {"refunded_at": "x"}),
        ("refunded_at lies before the order", {"refunded_at": "2025-12-31"}), (LATER, {"refunded_at": "2026-06-02"}),
        ("refunded_at lies after recorded_at", {"recorded_at": "2026-01-01"}),
    ]),
    "order_lines": ({"order_id": "order-0", "product_id": "p", "quantity": "1", "unit_price": "5"}, [
        ("accepted", {"line_number": "1"}), ("accepted", {"line_number": "11", "quantity": "3", "unit_price": "900000000000"}),
        ("unknown order_id", {"line_number": "2", "order_id": "nobody's"}),
        ("missing line_number", {"line_number": ""}), ("unreadable line_number", {"line_number": "first"}),
        ("unreadable quantity", {"line_number": "3", "quantity": "99999999999"}),
        ("negative quantity", {"line_number": "4", "quantity": "-1"}),
        ("negative unit_price", {"line_number": "5", "unit_price": "-1"}), ("missing product_id", {"line_number": "6", "product_id": ""}),
        *[("unreadable unit_price", {"line_number": "9", "unit_price": value}) for value in ("nan", "inf", "-inf", "1e12", "1e300")],
        ("unreadable discount_amount", {"line_number": "7", "discount_amount": "x"}),
        ("negative discount_amount", {"line_number": "10", "discount_amount": "-1"}),
        (LATER, {"line_number": "8", "recorded_at": "2026-07-01"}),
    ]),
    "products": ({}, [("accepted", {"product_id": "p", "product_category": "villas"}), ("missing product_id", {"product_id": "", "product_name": "x"})]),
    "customers": ({}, [
        ("accepted", {"customer_id": "buyer"}), ("missing customer_id", {"customer_id": " ", "email": "x@example.com"}),
        ("unreadable birth_date", {"customer_id": "c1", "birth_date": "13/13/1990"}),
        ("unreadable created_at", {"customer_id": "c2", "created_at": "infinity"}),
        (LATER, {"customer_id": "c3", "created_at": "2026-06-02"}),
        ("created_at lies after recorded_at", {"customer_id": "c4", "created_at": "2026-01-02", "recorded_at": "2026-01-01"}),
    ]),
    "events": ({"occurred_at": TEN, "event_type": "page_view", "customer_id": "buyer"}, [
        ("accepted", {}), ("accepted", {"event_type": "'; drop table x; --"}), ("missing event_id", {"event_id": ""}),
        ("missing event_type", {"event_type": ""}), ("missing occurred_at", {"occurred_at": ""}),
        ("unreadable amount", {"amount": "1e400"}),
        ("unreadable occurred_at", {"occurred_at": "2026-13-01"}), (LATER, {"occurred_at": "2026-06-02"}),
        ("occurred_at lies after recorded_at", {"recorded_at": "2025-12-31"}),
    ]),
    "consents": ({"purpose": "*", "status": "granted", "effective_at": TEN, "customer_id": "buyer", "recorded_at": TEN}, [
        ("accepted", {}), ("accepted", {"effective_at": "2026-12-24"}), ("missing consent_event_id", {"consent_event_id": ""}),
        ("unknown purpose", {"purpose": "world.domination"}), ("unknown status", {"status": "maybe"}), ("missing status", {"status": ""}),
        ("missing effective_at", {"effective_at": ""}), ("unreadable effective_at", {"effective_at": "-infinity"}),
        ("nobody named", {"customer_id": ""}), (LATER, {"recorded_at": "2026-06-02"}),
        ("unreadable recorded_at", {"recorded_at": "soon"}),
        # refusals, and what may be one, that are lost whatever else the row says
        ("unknown purpose", {"purpose": "newsletter", "status": "Withdrawn "}), ("nobody named", {"customer_id": "", "status": "restricted"}),
        ("unknown purpose", {"purpose": "tracking", "event_type": "gpc_signal"}), ("unknown purpose", {"purpose": "tracking", "status": "no"}),
        ("unreadable effective_at", {"effective_at": "last week", "status": "objected"}),
        ("missing consent_event_id", {"consent_event_id": "", "status": "denied"}),
        # a restriction is heard whatever its recording says
        *[("accepted", {"status": "withdrawn", "recorded_at": value, "customer_id": "refuser"}) for value in ("2026-06-02", "soon")],
    ]),
    "notices": ({"text_sha256": "00", "published_at": "2026-01-01"}, [
        ("accepted", {}), ("missing text_sha256", {"text_sha256": ""}), ("unreadable material_change", {"material_change": "perhaps"}),
        ("accepted", {"published_at": "2027-01-01"}),
    ]),
    "identity_links": (
        {"left_type": "customer_id", "left_id": "1", "right_type": " Email", "right_id": "B@example.com", "match_class": "deterministic",
         "effective_at": TEN},
        [("accepted", {}), ("unknown match_class", {"match_class": "magic"}), ("unreadable score", {"score": "high"}),
         ("unknown left_type", {"left_type": "loyalty_card"}), ("missing right_id", {"right_id": ""}), ("unreadable right_id", {"right_id": "unknown"}),
         (LATER, {"effective_at": "2026-06-02"})],
    ),
    "exchange_rates": ({"currency": "USD", "rate": "0.5"}, [
        ("accepted", {"rate_date": "2026-02-01"}), ("rate is not positive", {"rate_date": "2026-01-01", "rate": "0"}),
        ("rate is not positive", {"rate_date": "2026-01-02", "rate": "-1"}),
        ("unreadable rate", {"rate_date": "2026-01-03", "rate": "NaN"}),
        ("missing rate_date", {"rate_date": ""}), ("unreadable rate_date", {"rate_date": "x"}),
        (LATER, {"rate_date": "2026-06-02"}), ("accepted", {"rate_date": "2027-01-01", "recorded_at": "2026-02-01"}),
    ]),
    "scheduled_sends": ({"channel": "email", "scheduled_at": "2027-01-01"}, [
        ("accepted", {}), ("missing channel", {"channel": ""}), ("unreadable scheduled_at", {"scheduled_at": "x"}),
    ]),
}
IDS = {"refunds": "refund_id", "events": "event_id", "consents": "consent_event_id", "notices": "consent_version",
       "identity_links": "link_id", "scheduled_sends": "send_id"}

# every one of these is an order_id, a customer_id and the text of every free column of one order
HOSTILE = [
    "'; drop table marts.customers; --", "' or 1=1 --", '"quoted"', "a,b", "two\nlines", "two\r\nlines", "tab\there", "{{ 1 / 0 }}",
    "{% raise %}", "${HOME}", "$(reboot)", "%s%n", "\\", "\\'", "\\x00", "😀", "\u202egnirts", "\u200b", "\ufeffmark",
    "x" * 10_000, "nul\x00byte", "nul\x00other",
    "NULL", "null", "None", "nan", "#1001", "-1", "0", "00", "0.0", "=cmd|'/c calc'!A1", "../../etc/passwd", "<script>alert(1)</script>",
    "Ann", "ann", "ANN", "Ann ", " Ann", "Ann\t", "caf\u00e9", "cafe\u0301", "\u00df", "ss", "\u0130", "a|b", "a|b|0",
    "customer_id|a", "\x1e", "a\x1fb",
]
TEXT_COLUMNS = ("status", "coupon_code", "channel", "device_type", "country", "region")


class Awkward:
    """The home of the one build over rejected and hostile rows, and what must come out."""

    def __init__(self, folder: Path, expected: Counter, code: int):
        self.folder = folder
        self.expected = expected  # (table, reason or class) -> rows
        self.code = code

    def rows(self, sql: str, parameters: list | None = None) -> list[tuple]:
        return rows(self.folder, sql, parameters)


@pytest.fixture(scope="module")
def awkward(tmp_path_factory) -> Awkward:
    """All rejections and hostile values in one folder, built once; folder and home have hostile names themselves."""
    place = tmp_path_factory.mktemp("awkward")
    raw, home = place / "raw; it's [1]*? {{ x }} 漢", place / 'home "quoted" [red] it\'s\nnew {{ y }}'
    raw.mkdir()
    tables: dict[str, list[dict]] = {"orders": []}
    expected: Counter = Counter()
    for number, (outcome, columns) in enumerate(ORDER_ROWS):
        tables["orders"].append({"order_id": f"order-{number}"} | GOOD_ORDER | columns)
        expected["orders", outcome] += 1
    for text in HOSTILE:
        tables["orders"].append(GOOD_ORDER | {"order_id": text, "customer_id": text} | dict.fromkeys(TEXT_COLUMNS, text))
        expected["orders", "accepted"] += 1
    for table, (good, cases) in OTHER_ROWS.items():
        for number, (outcome, columns) in enumerate(cases):
            own = {IDS[table]: f"{table}-{number}"} if table in IDS else {}
            tables.setdefault(table, []).append(own | good | columns)
            expected[table, outcome] += 1
    for table, given in tables.items():
        names = list(dict.fromkeys(name for row in given for name in row))
        with open(raw / f"{table}.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(given)
    # the same folder holds Parquet: order lines as a data frame would write them
    (raw / "order_lines.csv").unlink()
    lines = tables["order_lines"]
    columns: dict[str, list] = {name: [line.get(name) or None for line in lines] for name in (*CONTRACT["order_lines"].columns,)}
    columns["unit_price"] = [value and float(value) for value in columns["unit_price"]]
    columns["quantity"] = [value and int(value) for value in columns["quantity"]]
    parquet.write_table(pa.table(columns), raw / "order_lines.parquet")
    home.mkdir()
    (home / ".env").write_text("AS_OF=garbage\nSEGMENTS_RAW=\n")  # dbt would read it
    built = build(home, "--without-tests", SEGMENTS_RAW=str(raw), INGESTED_AT=INGESTED_AT, REPORTING_CURRENCY="EUR", AS_OF="2026-05-01")
    return Awkward(home, expected, built.code)


def test_c38_a_local_time_is_unreadable_and_a_time_without_an_offset_is_utc():
    """Local times jump in spring and repeat in autumn, so the name of a zone decides nothing; an offset does. Nor does a row
    that names one move the rows after it, which DuckDB's own cast reads in the same zone."""
    read = {
        "2026-03-29 02:30:00 Europe/Paris": None, "2026-10-25 02:30:00 Europe/Paris": None, "2026-10-25T02:30:00 CET": None,
        "2026-03-29 02:30:00": "2026-03-29 02:30:00", "2026-10-25T02:30:00+01:00": "2026-10-25 01:30:00",
        "2026-10-25T02:30:00+02:00": "2026-10-25 00:30:00", "2026-03-29 02:30:00 UTC": "2026-03-29 02:30:00",
    }
    cast = Macros(PROJECT / "macros" / "cross_db").as_timestamp("given")
    with duckdb.connect() as memory:
        memory.execute("set TimeZone = 'UTC'")
        found = memory.execute(f"select given, ({cast})::varchar from (select unnest(?::varchar[]) as given)", [list(read)]).fetchall()
    assert dict(found) == read


def test_a_typed_column_has_the_limits_of_a_text():
    """What Parquet holds as an instant or as money is unreadable where the same text would be, and only there."""
    macros = Macros(PROJECT / "macros" / "cross_db", PROJECT / "macros" / "sources")
    cases = {
        ("timestamp", "timestamp"): {"0999-12-31 23:59:59.999999": None, "1000-01-01 00:00:00": "1000-01-01 00:00:00",
                                     "9999-12-31 23:59:59.999999": "9999-12-31 23:59:59.999999", "10000-01-01 00:00:00": None, "infinity": None},
        ("date", "date"): {"0999-12-31": None, "1000-01-01": "1000-01-01", "9999-12-31": "9999-12-31", "10000-01-01": None},
        ("decimal(18, 2)", "money"): {"999999999999.99": "999999999999.99", "1000000000000.00": None, "-999999999999.99": "-999999999999.99",
                                      "-1000000000000.00": None, "9999999999999999.99": None},
        ("double", "money"): {"999999999999.5": "999999999999.50", "1e12": None, "nan": None},
    }
    with duckdb.connect() as memory:
        for (column_type, read), values in cases.items():
            memory.execute(f"create or replace table raw as select given::varchar as text, given::{column_type} as given "
                           "from (select unnest(?::varchar[]) as given) union all select null, null", [list(values)])
            found = memory.execute(f"select text, ({macros.read_as('given', read)})::varchar, {macros.unreadable({'given': read})} from raw").fetchall()
            expected = [(text, value, "given" if value is None else None) for text, value in values.items()]
            assert sorted(found, key=str) == sorted([*expected, (None, None, None)], key=str), column_type


def test_every_rejected_row_has_the_right_reason(awkward: Awkward):
    assert awkward.code == 0
    found = {(table, reason): n for table, reason, n in awkward.rows(
        "select table_name, reason, cast(sum(n_rows) as integer) from audit.rejected_rows group by all")}
    classes = ("accepted", "duplicate", "revision")
    assert found == {key: n for key, n in awkward.expected.items() if key[1] not in classes}


def test_all_other_rows_are_counted_and_the_totals_balance(awkward: Awkward):
    found = awkward.rows("select table_name, n_rows_in, n_accepted, n_revisions, n_duplicates, n_rejected from audit.control_totals")
    assert len(found) == len(CONTRACT)
    for table, n_in, *counts in found:
        assert n_in == sum(counts), table
        outcomes = {outcome: n for (name, outcome), n in awkward.expected.items() if name == table}
        classes = [outcomes.pop(name, 0) for name in ("accepted", "revision", "duplicate")]
        assert counts == [*classes, sum(outcomes.values())], table


def test_a_refusal_among_the_rejected_rows_is_known_as_one(awkward: Awkward):
    found = awkward.rows("select reason, is_lost_refusal, sum(n_rows)::integer from audit.rejected_rows where table_name = 'consents' group by all")
    # a status that is missing or unknown may have been meant as a refusal
    of_refusals = [(reason, is_lost, n) for reason, is_lost, n in found if is_lost is not False]
    assert sorted(of_refusals, key=str) == [
        ("missing consent_event_id", True, 1), ("missing status", None, 1), ("nobody named", True, 1), ("unknown purpose", None, 1),
        ("unknown purpose", True, 2), ("unknown status", None, 1), ("unreadable effective_at", True, 1)]
    assert awkward.rows("select distinct is_lost_refusal from audit.rejected_rows where table_name != 'consents'") == [(False,)]


def test_the_build_says_how_many_rejected_rows_are_refusals_and_nothing_of_their_text(awkward: Awkward, capsys):
    show_segments(awkward.rows)
    [said] = [line for line in capsys.readouterr().out.splitlines() if "refus" in line]
    assert said == (
        "Note: nobody obeys the rejected rows of consents yet, and among them are 5 refusals (missing consent_event_id 1, nobody named 1, unknown "
        "purpose 2, unreadable effective_at 1) and 3 possible refusals (missing status 1, unknown purpose 1, unknown status 1): look at is_lost_refusal in "
        "audit.rejected_rows and correct these rows where they come from (the words that count stand in seeds/reference: purposes.csv, "
        "consent_statuses.csv).")
    assert said_of_lost_refusals([("unknown purpose", 1, 0)]).startswith(
        "Note: nobody obeys the rejected rows of consents yet, and among them is 1 refusal (unknown purpose 1): look")
    assert said_of_lost_refusals([("unknown status", 0, 1)]).startswith(
        "Note: nobody obeys the rejected rows of consents yet, and among them is 1 possible refusal (unknown status 1): look")
    assert said_of_lost_refusals([]) == ""


def test_rejected_payloads_stay_in_the_restricted_database(awkward: Awkward):
    columns = awkward.rows("select column_name from duckdb_columns() where schema_name = 'audit' and table_name = 'rejected_rows'")
    assert columns == [("table_name",), ("reason",), ("row_key",), ("is_lost_refusal",), ("n_rows",)]
    kept = "select count(*) from restricted.intermediate.int_rejected_rows where payload like '%unreadable=yesterday%'"
    assert awkward.rows(kept) == [(1,)]


def test_an_offset_in_a_timestamp_is_honoured(awkward: Awkward):
    assert awkward.rows("select ordered_at::varchar from restricted.intermediate.int_orders where order_id = 'offset'") == [(TEN,)]


def test_hostile_ids_are_people_and_orders_of_their_own(awkward: Awkward):
    ids = {(text,) for text in HOSTILE} | {("buyer",), ("billionaire",), ("refuser",)}
    # whom only a link names has a key, and is no customer
    keyed = "select identifier from restricted.vault.customer_keys where identifier_type = 'customer_id'"
    assert set(awkward.rows(keyed)) == ids | {("1",)}
    assert awkward.rows("select count(*), count(distinct customer_key) from marts.customers") == [(len(ids), len(ids))]
    assert awkward.rows("select count(*), count(distinct order_key) from marts.orders") == [(awkward.expected["orders", "accepted"],) * 2]
    assert awkward.rows("select count(*) from marts.customer_features") == [(len(ids),)]


def test_hostile_texts_arrive_unchanged(awkward: Awkward):
    for column in TEXT_COLUMNS:
        found = {value for value, in awkward.rows(f"select distinct {column} from restricted.intermediate.int_orders")}
        assert found - {"cancelled", None} == set(HOSTILE), column


def test_what_the_build_writes_is_for_its_owner_and_the_published_copy_for_readers(awkward: Awkward):
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (awkward.folder, *awkward.folder.iterdir())}
    for name in ("restricted.duckdb", "warehouse.duckdb", "home.json"):
        assert modes[name] == 0o600, name
    for name in ("logs", "target"):
        assert modes[name] == 0o700, name
    shared = stat.S_IMODE(awkward.folder.stat().st_mode) & 0o755
    assert modes["published"] == shared
    for path in (awkward.folder / "published").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (shared if path.is_dir() else shared & 0o644), path


def test_nothing_of_the_home_stays_open_after_a_build(awkward: Awkward):
    """dbt-duckdb would keep the databases open, so that a reader is locked out and the next home's build writes here."""
    held = {os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")}
    assert not [path for path in held if path.startswith(str(awkward.folder)) and path.endswith((".duckdb", ".wal", ".lock"))]


def test_the_lock_gives_back_the_users_file_permissions(tmp_path: Path):
    before = os.umask(0o022)
    try:
        with Home(tmp_path).locked():
            assert os.umask(0o077) == 0o077
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


def test_write_ahead_logs_are_for_their_owner_only(tmp_path: Path, monkeypatch):
    """While a build runs, the key and person data stand in the log beside the database first."""
    monkeypatch.delenv("SEGMENTS_RAW", raising=False)
    home = Home(tmp_path)
    with home.locked():
        prepare(home)
        connection = home.open_restricted()
        connection.execute("create table secret as select 42 as answer")
        log = tmp_path / "restricted.duckdb.wal"
        assert stat.S_IMODE(log.stat().st_mode) == 0o600
        connection.close()
