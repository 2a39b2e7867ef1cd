"""Attacks that the project withstands: hostile specs, cells, files and commands are refused in one sentence or stay data."""

import copy
import json
import math
import re
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from conftest import Built, build, command
from jinja_macros import Macros
from processes import FIRST, KEYS, shop_settings, write_shop
from pyarrow import parquet
from test_bad_input import assert_one_sentence
from test_spec_gate import broken, edit, parsed_project, project, refusals, run_dbt  # noqa: F401 (fixtures)

from segmentation.erasure_request import read_request
from segmentation.errors import UserError
from segmentation.home import PROJECT
from segmentation.new_segment import new_segment
from segmentation.person import hmac_hex
from segmentation.raw_input import find_files, view_queries
from segmentation.vault import padded_blocks
from segmentation.verify import check_hash

MARKER = "hidden.marker@secret-example.org"
FOLLOWED = "customer 1"
JINJA = "{{ env_var('SEGMENTS_KEY_FILE') }}"
CELLS = [
    JINJA, "=cmd|'/c calc'!A1", "'); drop schema marts cascade; --", "x\x1fy\x1ez\x1b0", "\u202evip\u2066",
    "(all)", "(none)", "null",
]


def key_of(identifier: str) -> str:
    """The customer_key that a customer id has under the keys of the small shop."""
    return hmac_hex(padded_blocks(bytes.fromhex(KEYS.split()[0])), f"customer_id|{identifier}|0")


IDS = [
    "vip", "marketing", "(all)", "customer 1|0", "customer 1|1", "\u202ecustomer 1", "customer 1\u200b",
    key_of(FOLLOWED), "m" * 1_000_000,
]
EMAILS = {"K@example.org": "k@example.org", "\u212a@example.org": "k@example.org", " k@example.org ": "k@example.org",
          "\u0130@example.org": "\u0130@example.org",
          "\u00df@example.org": "\u00df@example.org", "SS@example.org": "ss@example.org"}


def add(raw: Path, table: str, rows: list[dict]) -> None:
    """Add rows to a table of a shop as a Parquet file, beside what its CSV file held."""
    path = raw / f"{table}.csv"
    former = []
    if path.exists():
        with duckdb.connect() as connection:
            cursor = connection.execute("select * from read_csv(?, all_varchar = true)", [str(path)])
            names = [column[0] for column in cursor.description]
            former = [dict(zip(names, row)) for row in cursor.fetchall()]
        path.unlink()
    columns = dict.fromkeys(name for row in former + rows for name in row)
    table_of = {name: pa.array([row.get(name) for row in former + rows], pa.string()) for name in columns}
    parquet.write_table(pa.table(table_of), raw / f"{table}.parquet")


@pytest.fixture(scope="module")
def attacked(tmp_path_factory) -> Built:
    """The small shop with hostile ids, addresses and cells, built once."""
    place = tmp_path_factory.mktemp("attacked")
    raw = write_shop(place / "raw")
    order = {"ordered_at": "2026-01-10 10:00:00", "gross_amount": "50.00", "currency": "EUR"}
    people = [{"customer_id": text} for text in IDS] + [{"email": text} for text in EMAILS]
    people.append({"customer_id": "marked", "email": MARKER})
    add(raw, "orders", [order | person | {"order_id": f"attack {number}"} for number, person in enumerate(people)])
    add(raw, "events", [
        dict.fromkeys(("anonymous_id", "product_category", "channel", "campaign_id", "segment_id", "consent_version"), text)
        | {"event_id": text, "occurred_at": "2026-02-25", "event_type": "email_clicked", "customer_id": FOLLOWED}
        for text in CELLS])
    add(raw, "notices", [
        dict.fromkeys(("consent_version", "text_sha256", "purposes", "language"), text) | {"published_at": "2024-01-01"}
        for text in CELLS])
    add(raw, "products", [{"product_id": text, "product_category": text, "product_name": text} for text in CELLS])
    link = {"match_class": "deterministic", "effective_at": "2026-01-01"}
    link |= dict.fromkeys(("left_type", "right_type"), "customer_id")
    add(raw, "identity_links", [
        link | {"link_id": f"{left}-{right}", "left_id": f"customer {left}", "right_id": f"customer {right}"}
        for left, right in ((2, 2), (3, 4), (4, 5), (5, 3))])
    built = build(place / "home", "--without-tests", **shop_settings(raw, FIRST))
    return Built(built.folder, built.code)


def test_a_hostile_shop_is_built_and_its_record_verifies(attacked: Built, capsys):
    assert attacked.code == 0
    assert command(attacked.folder, "verify").code == 0
    assert "nothing changed" in capsys.readouterr().out


def test_an_id_that_says_what_else_has_a_name_is_a_person_of_its_own(attacked: Built):
    keys = dict(attacked.rows(
        "select identifier, customer_key from restricted.vault.customer_keys where identifier_type = 'customer_id'"))
    assert {*IDS, FOLLOWED} <= keys.keys()
    assert all(keys[text] == key_of(text) for text in (*IDS, FOLLOWED))
    assert len(set(keys.values())) == len(keys)


def test_letters_that_only_look_alike_merge_nobody_and_one_address_is_one_person(attacked: Built):
    found = {text for text, in attacked.rows(
        "select identifier from restricted.vault.customer_keys where identifier_type = 'email'")}
    assert found == set(EMAILS.values())


def test_jinja_sql_and_separators_in_cells_arrive_as_they_are(attacked: Built):
    stored = {text for text, in attacked.rows(
        "select event_id from restricted.intermediate.int_events where event_type = 'email_clicked'")}
    assert stored == set(CELLS)
    assert {text for text, in attacked.rows("select product_name from snapshots.products_as_held")} == set(CELLS)


def test_people_linked_with_themselves_and_in_a_circle_are_counted_once(attacked: Built):
    # of the three that are linked in a circle one has a row, and who is linked with itself keeps its own
    shown = attacked.rows(
        "select identifier from restricted.vault.customer_keys inner join marts.customers using (customer_key) "
        "where identifier in ('customer 2', 'customer 3', 'customer 4', 'customer 5')")
    assert len(shown) == 2 and ("customer 2",) in shown
    [(happened,)] = attacked.rows(
        "select count(*) from restricted.raw.orders where ordered_at::timestamp <= ?::timestamp", [FIRST])
    assert attacked.rows("select count(*), count(distinct order_key) from marts.orders") == [(happened, happened)]


def test_neither_key_file_nor_address_stands_in_log_artefact_or_published_copy(attacked: Built):
    key = bytes.fromhex(KEYS.split()[0])
    secrets = [MARKER, *KEYS.split(), *padded_blocks(key), bytes(one ^ 0x36 for one in key).hex()]
    files = [path for path in attacked.folder.rglob("*") if path.is_file() and path.name != "restricted.duckdb"]
    assert {path.parent.name for path in files} >= {"logs", "target", "published"}
    for path in files:
        content = path.read_bytes()
        assert not [text for text in secrets if text.encode() in content], path


@pytest.mark.parametrize("name", ["filename", "file_row_number", "rowid", "c0", "Ordered_at2"])
def test_a_parquet_column_with_the_name_of_something_internal_shadows_nothing(name: str, tmp_path: Path):
    columns = {"order_id": ["o1"], "ordered_at": ["2026-01-01"], "gross_amount": ["5"], name: ["shadow"]}
    parquet.write_table(pa.table(columns), tmp_path / "orders.parquet")
    with duckdb.connect() as connection:
        query = view_queries(find_files(tmp_path))["orders"]
        assert "shadow" not in connection.execute(query).fetchone()


@pytest.fixture(scope="module")
def gate() -> Macros:
    return Macros(PROJECT / "macros/segments", PROJECT / "macros/cross_db")


@pytest.mark.parametrize(("changes", "field"), [
    ({"segment_id": "v\u0456p"}, "segment_id"), ({"segment_id": "vip\n"}, "segment_id"),
    ({"segment_id": "vip\u200b"}, "segment_id"),
    ({"purpose": "marketing.advertising.profiling\u200b"}, "purpose"), ({"lawful_basis": "c\u043ensent"}, "lawful_basis"),
    ({"retention__next_review_on": "\u0662\u0660\u0662\u0667-01-15"}, "retention.next_review_on"),
    ({"versions__0__effective_from": "\uff11\uff19\uff10\uff10-01-01 00:00:00"}, "versions[1].effective_from"),
    ({"versions__0__parameters__min_net_spend": math.nan}, "versions[1].parameters.min_net_spend"),
    ({"versions__0__parameters__min_net_spend": 1e308}, "versions[1].parameters.min_net_spend"),
    ({"versions__0__parameters__min_net_spend": 10**400}, "versions[1].parameters.min_net_spend"),
    ({"holdback__percent": math.nan}, "holdback.percent"), ({"priority": 10**30}, "priority"),
])
def test_look_alikes_foreign_digits_and_numbers_without_end_are_named(gate: Macros, changes: dict, field: str):
    [line] = refusals(gate, [broken("vip", **changes)])
    assert line.startswith(f"segment vip, field {field}: ")


def test_a_parameter_that_is_sql_is_compared_as_a_text(gate: Macros):
    node = broken("vip", versions__0__parameters__min_net_spend="0) or ('1'='1")
    assert refusals(gate, [copy.deepcopy(node)]) == []
    gate.context["model"] = node
    assert gate.connection.execute(str(gate.spec_versions())).fetchall()[0][-1] == "0) or ('1'='1"


def test_a_tag_that_would_run_python_runs_nothing(project: Path, tmp_path: Path):  # noqa: F811
    edit(project, "vip/seg_vip.yml", "owner: crm", f"owner: !!python/object/apply:os.system ['touch {tmp_path}/ran']")
    assert "could not determine a constructor" in run_dbt(project)
    assert not (tmp_path / "ran").exists()


def test_a_spec_nested_two_thousand_deep_is_refused(project: Path):  # noqa: F811
    edit(project, "vip/seg_vip.yml", "owner: crm", f"owner: {'[' * 2000}{']' * 2000}")
    assert run_dbt(project)


def test_a_rule_that_names_the_vault_as_a_source_is_refused(project: Path):  # noqa: F811
    stolen = "keys as (\n    select * from {{ source('vault', 'pid_salts') }}\n),\n\n"
    edit(project, "vip/seg_vip.sql", "members as (", stolen + "members as (")
    assert "does not cover source.segmentation.vault.pid_salts" in run_dbt(project)


REQUEST = {"subject_request_id": "r-1", "submitted_time": "2026-03-01T00:00:00Z",
           "subject_identities": [{"identity_type": "email", "identity_value": "a@example.org"}]}


@pytest.mark.parametrize("text", [
    '{"submitted_time": ' + "9" * 5000 + "}", '{"a": ' * 9000 + "1" + "}" * 9000, "[" * 60_000, "null", "NaN",
    json.dumps(REQUEST | {"subject_request_id": "../../etc/passwd"}), json.dumps(REQUEST | {"regulation": "g\u0434pr"}),
    json.dumps(REQUEST | {"submitted_time": "2026-01-01T00:00:00+99:99"}),
    json.dumps(REQUEST | {"submitted_time": "2026-01-01T24:00:00Z"}),
    json.dumps(REQUEST | {"subject_identities": [{"identity_type": "email", "identity_value": "\ud800@x"}]}),
], ids=lambda text: ascii(text)[:30])
def test_a_request_made_to_break_the_reader_is_refused_in_one_sentence(text: str, tmp_path: Path):
    path = tmp_path / "request.json"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        read_request(path, datetime(2026, 3, 9))
    assert_one_sentence(str(error.value), str(path))


def test_a_device_is_no_request():
    with pytest.raises(UserError) as error:
        read_request(Path("/dev/zero"), datetime(2026, 3, 9))
    assert_one_sentence(str(error.value), "there is no such file")


@pytest.mark.parametrize("arguments", [
    ("export", "../../etc/passwd"), ("hold", "lift", "x' or 1=1 --"), ("outbox", "show", "x' or '1'='1"),
    ("outbox", "acknowledge", "x", "--reference", "a\x1b[2J"), ("replay", "--as-of", "1999-01-01"),
    ("restore-check", "--list", "/dev/zero"),
    ("backfill", "--from", "1900-01-01", "--to", "2199-12-31", "--every", "day"), ("ask", "../../etc/passwd"),
], ids=" ".join)
def test_a_hostile_argument_is_refused_and_nothing_is_recorded(attacked: Built, arguments: tuple[str, ...], capsys):
    capsys.readouterr()
    before = attacked.rows("select (select count(*) from audit.segment_runs), (select count(*) from audit.deletion_log)")
    assert command(attacked.folder, *arguments).code == 1
    assert_one_sentence(re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().err))
    assert attacked.rows("select (select count(*) from audit.segment_runs), (select count(*) from audit.deletion_log)") == before


@pytest.mark.parametrize("text", ["\uff10" * 64, "0" * 63 + "g", "x" * 100_000, " " * 64])
def test_an_anchor_in_other_digits_is_refused_and_not_repeated_in_full(text: str):
    with pytest.raises(UserError) as error:
        check_hash(text)
    assert_one_sentence(str(error.value).rstrip(".") + ".")
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("name", ["\uff56ip", "x\u200b", "", "-", "vip;drop", "vip\n"])
def test_a_name_that_only_looks_like_one_scaffolds_nothing(name: str, tmp_path: Path):
    with pytest.raises(UserError):
        new_segment(name, tmp_path)
    assert not list(tmp_path.iterdir())
