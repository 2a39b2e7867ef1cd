"""What is hashed, how runs are chained, and the nonces: in SQL as in Python, and never to be computed again."""

import hashlib
import re
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from conftest import SEGMENT_FOLDERS, Built, copy_home
from jinja_macros import Macros
from processes import FIRST, SECOND, THIRD, purged_shop
from test_privacy_scan import values_of

from segmentation.dbt_run import environment, run_dbt
from segmentation.errors import UserError
from segmentation.home import PROJECT, Home
from segmentation.vault import SEED_FILE, nonce_seed
from segmentation.verify import CHAIN_START, EVALUATION, MEMBERSHIP, RUN, canonical, canonical_sql, sha256, verify

FIELDS = (("name", "text"), ("number", "integer"), ("yes", "boolean"), ("at", "instant"))
HASH = re.compile(rb"[0-9a-f]{64}")
NONCES = "select customer_key, nonce from restricted.vault.leaf_nonces order by all"


@pytest.fixture(scope="module")
def macros() -> Macros:
    return Macros(PROJECT / "macros/audit", PROJECT / "macros/cross_db", PROJECT / "macros/snapshots")


def rows_to_tell_apart() -> list[dict]:
    """Rows that a careless form would write alike."""
    texts = [None, "", "null", "\x1e", "\x1b1", "\x1b", "a\x1fnumber=1", "a", "é", "e\u0301", "a=b", "'", "\\", "\x1f", "\x1b2"]
    base = {"name": "a", "number": 1, "yes": True, "at": datetime(2026, 3, 3)}
    others = [{"number": None}, {"number": 0}, {"number": -1}, {"yes": None}, {"yes": False}, {"at": None},
              {"at": datetime(2026, 3, 3, 0, 0, 0, 1)}, {"at": datetime(1900, 1, 1)}]
    return [base | {"name": text} for text in texts] + [base | other for other in others]


def in_sql(expression: str, row: dict) -> str:
    """The text that DuckDB makes of a row."""
    with duckdb.connect() as connection:
        return connection.execute(
            f"select {expression} from (select $name::varchar as name, $number::bigint as number, $yes::boolean as yes, "
            "$at::timestamp as at) as t", row).fetchone()[0]


def test_different_rows_have_different_forms():
    rows = rows_to_tell_apart()
    assert len({canonical(FIELDS, row) for row in rows}) == len(rows) > 20


@pytest.mark.parametrize("row", rows_to_tell_apart(), ids=repr)
def test_the_models_and_verify_write_a_row_alike(macros: Macros, row: dict):
    expected = canonical(FIELDS, row)
    assert in_sql(macros.canonical_fields([list(field) for field in FIELDS], "t"), row) == expected
    without_instant = tuple(field for field in FIELDS if field[1] != "instant")  # no membership has one
    assert in_sql(canonical_sql(without_instant, "t"), row) == canonical(without_instant, row)


def test_the_form_is_the_documented_one():
    row = {"name": "a\x1fb", "number": 7, "yes": False, "at": datetime(2026, 3, 3, 1, 2, 3)}
    assert canonical(FIELDS, row) == "name=a\x1b2b\x1fnumber=7\x1fyes=false\x1fat=2026-03-03T01:02:03.000000Z"
    assert canonical(FIELDS, dict.fromkeys(row)) == "name=\x1e\x1fnumber=\x1e\x1fyes=\x1e\x1fat=\x1e"


def test_models_and_verify_hash_the_same_columns_and_all_of_them(macros: Macros, demo: Built):
    for macro, fields in ((macros.membership_fields, MEMBERSHIP), (macros.evaluation_fields, EVALUATION), (macros.run_fields, RUN)):
        assert [tuple(field) for field in macro()] == list(fields)

    def columns(table: str) -> set[str]:
        return {name for (name,) in demo.rows("select column_name from duckdb_columns() where table_name = ?", [table])}

    assert columns("segment_evaluations") == {name for name, _ in EVALUATION}
    assert columns("segment_runs") - {"previous_hash", "run_hash"} == {name for name, _ in RUN}
    recorded = {name for name in columns("segment_membership") if not name.startswith("dbt_")} - {"as_of"}
    assert recorded == {name for name, _ in MEMBERSHIP} == {"segment_id", "customer_key", *macros.membership_columns()}


def test_a_chain_is_the_same_however_many_runs_a_statement_appends(macros: Macros):
    contents = [f"run {number}" for number in range(1, 8)]
    expected, head = [], CHAIN_START
    for number, content in enumerate(contents, start=1):
        expected.append((number, head, sha256(head + content)))
        head = expected[-1][2]
    with duckdb.connect() as connection:
        for parts in ([7], [1] * 7, [3, 4]):
            chained, head, start = [], CHAIN_START, 0
            for size in parts:
                rows = [(n, contents[n - 1], head) for n in range(start + 1, start + size + 1)]
                values = ", ".join(f"({n}, '{content}', '{before}')" for n, content, before in reversed(rows))
                chained += connection.execute(f"with links(number, content, head) as (values {values}), "
                                              f"chain as ({macros.hash_chain('links')}) select * from chain order by number").fetchall()
                head, start = chained[-1][2], start + size
            assert chained == expected


def test_the_demo_verifies_and_its_nonces_come_from_the_committed_seed(demo: Built):
    found = verify(Home(demo.folder))
    assert found.findings == [] and found.runs == 1 and found.partitions == len(SEGMENT_FOLDERS)
    seed = (PROJECT / "seeds/demo/demo_nonce_seeds.csv").read_text().split()[1]
    nonces = dict(demo.rows(NONCES))
    assert len(nonces) > 400 and nonces == {key: sha256(f"{seed}|{key}") for key in nonces}
    assert nonces.keys() == {key for (key,) in demo.rows("select distinct customer_key from restricted.vault.customer_keys")}


def test_without_its_nonce_a_leaf_cannot_be_guessed(demo: Built):
    """Two members that differ in nothing but their keys: their leaves depend on more than what is written there."""
    row = {"segment_id": "vip", "customer_key": "k", "spec_version": 1, "lawful_basis": "consent", "privacy_impact": "low",
           "consent_version": None, "consent_event_key": None, "data_sources": "orders", "is_primary": True}
    names = ", ".join(name for name, _ in MEMBERSHIP)
    members = demo.rows(f"select {names} from segments.segment_members where segment_id = 'vip'")
    bare = sorted(sha256(canonical(MEMBERSHIP, dict(zip(row, member)))) for member in members)
    assert demo.rows("select partition_hash from audit.segment_evaluations where segment_id = 'vip'") != [(sha256("".join(bare)),)]


class Seeded:
    """A shop without a key file, built once, the random seed that it was built with, and what the build printed. Tests only read it."""

    def __init__(self, built: Built):
        self.built = built
        self.said = built.folder.with_name("said").read_text()
        [self.seed] = built.folder.with_name("seeds").read_text().split()


@pytest.fixture(scope="module")
def seeded(newest_shop: Built) -> Seeded:
    return Seeded(newest_shop)


def test_a_shops_seed_is_random_and_gone_after_the_build(seeded: Seeded):
    nonces = dict(seeded.built.rows(NONCES))
    assert len(nonces) == 5 and nonces == {key: sha256(f"{seeded.seed}|{key}") for key in nonces}
    assert not (seeded.built.folder / SEED_FILE).exists()
    with duckdb.connect(str(seeded.built.folder / "restricted.duckdb"), read_only=True) as restricted:
        assert restricted.execute("select * from vault.nonce_seeds").fetchall() == []
    held = [path for path in seeded.built.folder.rglob("*") if path.is_file() and seeded.seed.encode() in path.read_bytes()]
    assert held == [], "not one file has a byte of it, deleted rows included"
    assert verify(Home(seeded.built.folder)).findings == []


def test_no_nonce_leaves_the_restricted_database(seeded: Seeded):
    nonces = {nonce.encode() for _, nonce in seeded.built.rows(NONCES)}
    with duckdb.connect(str(seeded.built.folder / "restricted.duckdb"), read_only=True) as restricted:
        held = b"\n".join(nonce.encode() for (nonce,) in restricted.execute("select nonce from vault.leaf_nonces").fetchall())
    assert nonces == set(HASH.findall(held)), "the search finds them where they are"
    said = values_of(seeded.built.folder / "warehouse.duckdb")
    assert sum(len(HASH.findall(text)) for text in said.values()) > 50
    assert {name for name, text in said.items() if nonces & set(HASH.findall(text))} == set()
    files = [path for path in seeded.built.folder.rglob("*") if path.is_file() and not path.name.startswith("restricted.duckdb")]
    assert [path for path in files if nonces & set(HASH.findall(path.read_bytes()))] == []


def test_plain_dbt_on_a_shops_data_says_that_the_command_is_needed(seeded: Seeded, tmp_path: Path):
    home = Home(copy_home(seeded.built.folder, tmp_path / "home"))
    with environment({"SEGMENTS_RAW": "given", "AS_OF": FIRST}), pytest.raises(UserError) as error:
        run_dbt(["run", "--select", "leaf_nonces"], home)
    sentence = str(error.value)
    assert "there is no seed for leaf nonces" in sentence and "segmentation build" in sentence and "\n" not in sentence


def test_a_destroyed_nonce_is_not_computed_again_and_the_others_stay(seeded: Seeded, tmp_path: Path):
    folder = copy_home(seeded.built.folder, tmp_path / "home")
    home, before = Home(folder), dict(seeded.built.rows(NONCES))
    gone = min(before)
    with duckdb.connect(str(home.restricted)) as restricted:
        restricted.execute("delete from vault.leaf_nonces where customer_key = ?", [gone])
    with environment({"SEGMENTS_RAW": "given", "AS_OF": FIRST}), nonce_seed(home, None):
        assert oct((folder / SEED_FILE).stat().st_mode & 0o777) == "0o600"
        run_dbt(["run", "--select", "leaf_nonces"], home)
        run_dbt(["run", "--select", "leaf_nonces", "--full-refresh"], home)
    after = dict(Built(folder, 0).rows(NONCES))
    assert after.keys() == before.keys() and {key for key in after if after[key] != before[key]} == {gone}


def test_the_seed_of_a_failed_build_is_gone_too(seeded: Seeded, tmp_path: Path):
    home = Home(copy_home(seeded.built.folder, tmp_path / "home"))
    with pytest.raises(RuntimeError), nonce_seed(home, None):
        raise RuntimeError
    assert not (home.folder / SEED_FILE).exists()
    (home.folder / SEED_FILE).write_text("left by a killed build\n")
    with nonce_seed(home, None):
        assert "killed" not in (home.folder / SEED_FILE).read_text()


def test_a_run_whose_build_was_killed_before_recording_it_joins_the_chain_at_the_next_date(tmp_path_factory):
    """The evaluation stands, its run does not: the next build records it, and does not claim to have made it."""
    home = Built(purged_shop(tmp_path_factory)[0], 0)
    runs = home.rows("select run_number, as_of::varchar, origin, executor is null, code_sha is null, executed_at is null "
                     "from audit.segment_runs order by run_number")
    assert [run[:3] for run in runs] == [(1, FIRST, "scheduled"), (2, SECOND, "recovered"), (3, THIRD, "scheduled")]
    assert runs[1][3:] == (True, True, True) and runs[2][3] is False and runs[2][5] is False
    found = verify(Home(home.folder))
    assert found.findings == [] and found.runs == 3


def test_a_build_prints_the_head_of_the_chain(seeded: Seeded):
    [(head,)] = seeded.built.rows("select run_hash from audit.segment_runs where run_number = 1")
    [line] = [line for line in seeded.said.splitlines() if "Head hash" in line]
    assert head in line and "verify --anchor" in line


def test_hashes_agree_with_the_standard():
    """The engine's SHA-256 is that of FIPS 180-4, on text in UTF-8."""
    with duckdb.connect() as connection:
        for text in ("", "abc", "é\x1f"):
            assert connection.execute("select sha256(?)", [text]).fetchone()[0] == hashlib.sha256(text.encode()).hexdigest()
