"""Builds, readers and the published copy at the same time: nobody waits, nobody sees half of anything."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from conftest import build
from processes import SECOND, Command, Shop, shop_settings, undisturbed_shop

from segmentation import publish as publishing
from segmentation.errors import UserError
from segmentation.home import PROJECT, Home
from segmentation.publish import DATABASE, SCHEMAS, publish

THIRD = "2026-03-09 00:00:00"

# reads the published copy again and again, by database and by Parquet, until it is told to stop; a line for each look
READER = """
import sys, time, duckdb, pathlib
from pyarrow import parquet
published, stop = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
while not stop.exists():
    with duckdb.connect(str(published / "segmentation.duckdb"), read_only=True) as reader:
        seen = reader.execute("select as_of::varchar, (select count(*) from segments.segment_members), "
                              "(select count(distinct as_of) from marts.customer_features) from marts.evaluation_clock").fetchall()
    print("database", seen, flush=True)
    seen = parquet.read_table(published / "parquet" / "marts.evaluation_clock.parquet")["as_of"]
    print("parquet", [str(as_of) for as_of in seen], flush=True)
    time.sleep(0.1)
"""

# opens a database, tells so, and holds it until its input ends
HOLDER = """
import sys, duckdb
held = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "reading")
print("open", flush=True)
sys.stdin.read()
"""


def python(program: str, *arguments) -> subprocess.Popen:
    """Another process that runs a Python program, in the project's folder."""
    return subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)], cwd=PROJECT, text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Shop:
    return undisturbed_shop(tmp_path_factory)


class Busy:
    """One build at THIRD on a copy of the shop's home, with readers and a second build at its side."""

    def __init__(self, shop: Shop, folder: Path):
        self.home = Path(shutil.copytree(shop.home, folder / "home", symlinks=True))
        self.shop = shop
        published = self.home / "published"
        old_files = {path.name: path.read_bytes() for path in (published / "parquet").iterdir()}
        opened = {name: open(published / "parquet" / name, "rb") for name in old_files}
        stop = folder / "stop"
        reader = python(READER, published, stop)
        with duckdb.connect(str(published / DATABASE), read_only=True) as held:
            look = "select as_of::varchar, (select count(*) from segments.segment_members) from marts.evaluation_clock"
            self.held_before = held.execute(look).fetchall()
            first = Command(self.home, **shop_settings(shop.raw, THIRD))
            first.wait_until(r"OK created")
            self.second = Command(self.home, **shop_settings(shop.raw, THIRD)).finish()
            self.was_running = first.process.poll() is None
            self.first = first.finish()
            self.held_after = held.execute(look).fetchall()
        self.parquet_unchanged = all(opened[name].read() == content for name, content in old_files.items())
        for file in opened.values():
            file.close()
        time.sleep(0.5)  # the reader takes another look
        stop.touch()
        out, self.reader_errors = reader.communicate(timeout=60)
        self.seen = out.splitlines()


@pytest.fixture(scope="module")
def busy(shop: Shop, tmp_path_factory) -> Busy:
    return Busy(shop, tmp_path_factory.mktemp("busy"))


def test_of_two_builds_at_once_the_second_gives_up_at_once_with_one_sentence(busy: Busy):
    code, out, err = busy.second
    assert busy.was_running, "it must not wait for the first"
    assert (code, out) == (1, "")
    assert err.strip() == f"segmentation: Another build is running in {busy.home}: wait for it, or set another SEGMENTS_HOME."
    assert busy.first[0] == 0, busy.first


def test_a_reader_with_the_published_copy_open_blocks_nothing_and_keeps_what_it_opened(busy: Busy):
    assert busy.first[0] == 0
    assert busy.held_before == busy.held_after
    assert busy.held_before[0][0] == SECOND
    assert busy.parquet_unchanged
    with duckdb.connect(str(busy.home / "published" / DATABASE), read_only=True) as reopened:
        assert reopened.execute("select as_of::varchar from marts.evaluation_clock").fetchall() == [(THIRD,)]


def test_a_reader_that_opens_again_and_again_sees_the_old_copy_or_the_new_one(busy: Busy):
    assert busy.reader_errors == ""
    for kind in ("database", "parquet"):
        looks = [line for line in busy.seen if line.startswith(kind)]
        distinct = list(dict.fromkeys(looks))
        assert len(looks) > 20 and len(distinct) == 2, distinct
        assert SECOND in distinct[0] and THIRD in distinct[1]


def test_the_published_copy_holds_what_bi_may_see_with_descriptions(busy: Busy):
    with duckdb.connect(str(busy.home / "published" / DATABASE), read_only=True) as reader:
        schemas = {name for name, in reader.execute("select distinct schema_name from duckdb_tables()").fetchall()}
        assert schemas == set(SCHEMAS)
        assert reader.execute("select count(*) from duckdb_views() where not internal").fetchone() == (0,)
        tables = reader.execute("select schema_name || '.' || table_name, comment from duckdb_tables()").fetchall()
        columns = reader.execute(
            "select table_name, column_name from duckdb_columns() where not internal and coalesce(comment, '') = ''").fetchall()
        tables = [(name, comment, reader.execute(f"select count(*) from {name}").fetchone()[0]) for name, comment in tables]
    assert all(comment for _, comment, _ in tables)
    assert columns == []
    files = {path.stem for path in (busy.home / "published" / "parquet").iterdir()}
    assert files == {name for name, _, _ in tables}
    with duckdb.connect() as reader:
        for name, _, count in tables:
            path = busy.home / "published" / "parquet" / f"{name}.parquet"
            assert reader.execute("select count(*) from read_parquet(?)", [str(path)]).fetchone() == (count,), name


# --- a program that holds a database open ----------------------------------------------------------------------------

@pytest.mark.parametrize("mode", ["reading", "writing"])
@pytest.mark.parametrize("name", ["warehouse", "restricted"])
def test_a_program_that_holds_a_database_open_stops_the_build_with_one_sentence(mode: str, name: str, shop: Shop, tmp_path: Path, capsys):
    home = tmp_path / "home"
    home.mkdir()
    for file in ("warehouse.duckdb", "restricted.duckdb", "home.json"):
        shutil.copy(shop.home / file, home / file)
    before = {path.name: path.read_bytes() for path in home.iterdir()}
    holder = python(HOLDER, home / f"{name}.duckdb", mode)
    try:
        assert holder.stdout.readline() == "open\n"
        built = build(home, "--without-tests", **shop_settings(shop.raw, THIRD))
    finally:
        holder.communicate("")
    assert built.code == 1
    assert capsys.readouterr().err.strip() == (
        f"segmentation: {home}/{name}.duckdb is open in another program (PID {holder.pid}): close it, and read published/ instead.")
    assert {path.name: path.read_bytes() for path in home.iterdir() if path.name in before} == before


def test_a_damaged_database_is_named(shop: Shop, tmp_path: Path):
    (tmp_path / "restricted.duckdb").write_bytes(b"no database" * 1000)
    with pytest.raises(UserError, match="restricted.duckdb cannot be opened") as error:
        Home(tmp_path).check_databases()
    assert "\n" not in str(error.value)


# --- stopping by hand ------------------------------------------------------------------------------------------------

def test_ctrl_c_stops_a_build_with_one_sentence(shop: Shop, tmp_path: Path):
    home = Path(shutil.copytree(shop.home, tmp_path / "home", symlinks=True))
    command = Command(home, **shop_settings(shop.raw, THIRD))
    command.wait_until(r"OK created")
    code, out, err = command.signal(signal.SIGINT)
    assert code == 130
    assert err.strip() == "segmentation: stopped; the published copy is the old one, and the next build starts over."
    assert "Traceback" not in out
    with Home(home).locked():
        Home(home).check_databases()


# --- publishing ------------------------------------------------------------------------------------------------------

@pytest.fixture
def small(tmp_path: Path) -> Home:
    """A home whose warehouse holds little, and a published copy of it."""
    home = Home(tmp_path)
    set_answer(home, 1)
    publish(home)
    return home


def set_answer(home: Home, number: int) -> None:
    with duckdb.connect(str(home.warehouse)) as connection:
        for schema in (*SCHEMAS, "audit"):
            connection.execute(f"create schema if not exists {schema}; create or replace table {schema}.answer as select {number} as n")
            connection.execute(f"comment on table {schema}.answer is 'it''s the answer'")
            connection.execute(f"comment on column {schema}.answer.n is 'a \"number\"'")


def answers(home: Home) -> list[int]:
    """What a reader sees: by database in both schemas, and by Parquet."""
    with duckdb.connect(str(home.published / DATABASE), read_only=True) as reader:
        seen = [reader.execute(f"select n from {schema}.answer").fetchone()[0] for schema in SCHEMAS]
        parquet = home.published / "parquet" / "marts.answer.parquet"
        return [*seen, reader.execute("select n from read_parquet(?)", [str(parquet)]).fetchone()[0]]


def names(home: Home) -> list[str]:
    """What lies in published/, the folder that `parquet` points at left out."""
    return sorted(path.name for path in home.published.iterdir() if path != (home.published / "parquet").resolve())


def test_names_with_their_schema_work_in_the_published_copy(small: Home):
    """A file `segments.duckdb` would make every `segments.x` ambiguous: DuckDB names the catalog after the file."""
    assert answers(small) == [1, 1, 1]
    with duckdb.connect(str(small.published / DATABASE), read_only=True) as reader:
        assert reader.execute("select comment from duckdb_tables() where schema_name = 'marts'").fetchone() == ("it's the answer",)
        columns = "select comment from duckdb_columns() where schema_name = 'segments' and table_name = 'answer'"
        assert reader.execute(columns).fetchone() == ('a "number"',)


@pytest.mark.parametrize("place", ["_copy", "_point", "os.replace"])
@pytest.mark.parametrize("error", [OSError("No space left"), duckdb.IOException("could not write"), KeyboardInterrupt()], ids=ascii)
def test_an_error_while_publishing_leaves_the_old_copy_and_no_rubbish(place: str, error: BaseException, small: Home, monkeypatch):
    def fail(*arguments):
        raise error
    set_answer(small, 2)
    with monkeypatch.context() as patch:
        patch.setattr(publishing if not place.startswith("os.") else os, place.removeprefix("os."), fail)
        with pytest.raises(UserError if isinstance(error, Exception) else KeyboardInterrupt):
            publish(small)
    assert answers(small)[2] == 1
    assert names(small) == ["parquet", DATABASE]
    publish(small)
    assert answers(small) == [2, 2, 2]
    assert names(small) == ["parquet", DATABASE]


def test_a_folder_in_place_of_the_link_to_the_files_is_refused_in_one_sentence_and_kept(small: Home):
    """Somebody copied published/ without keeping links, or put files of their own there."""
    link = small.published / "parquet"
    files = link.resolve()
    link.unlink()
    shutil.copytree(files, link)
    set_answer(small, 2)
    with pytest.raises(UserError) as refused:
        publish(small)
    assert str(refused.value) == f"{link} is a folder, where a build puts a link to its files: move it away."
    assert answers(small) == [1, 1, 1] and (files / "marts.answer.parquet").exists()
    shutil.move(link, small.folder / "moved away")
    publish(small)
    assert answers(small) == [2, 2, 2] and names(small) == ["parquet", DATABASE]


def test_a_kill_while_publishing_leaves_the_old_copy_and_the_next_one_cleans_up(small: Home):
    set_answer(small, 2)
    killed = (
        "import os, signal, sys; from pathlib import Path; from segmentation import publish as p; from segmentation.home import Home;"
        "p.{place} = lambda *a: os.kill(os.getpid(), signal.SIGKILL); p.publish(Home(Path(sys.argv[1])))"
    )
    for place in ("_sign", "_point"):
        process = python(killed.format(place=place), small.folder)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert answers(small)[2] == 1
    assert len(names(small)) > 2
    (small.published / ".new-old.link").symlink_to("nowhere")
    publish(small)
    assert answers(small) == [2, 2, 2]
    assert names(small) == ["parquet", DATABASE]


def test_a_reader_never_misses_a_file_while_copies_are_swapped(small: Home, tmp_path: Path):
    reader = (
        "import sys, duckdb\n"
        "for _ in range(50):\n"
        "    whole = open(sys.argv[1], 'rb').read()\n"
        "    assert whole[:4] == whole[-4:] == b'PAR1'\n"
        "    with duckdb.connect(sys.argv[2], read_only=True) as c: c.execute('select n from segments.answer').fetchall()\n"
    )
    process = python(reader, small.published / "parquet" / "marts.answer.parquet", small.published / DATABASE)
    while process.poll() is None:
        publish(small)
    assert process.returncode == 0, process.stderr.read()
