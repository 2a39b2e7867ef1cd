"""No person's identifier and no key outside restricted.duckdb: neither in bytes nor in what the databases say.

DuckDB compresses text, so a scan of bytes alone would miss it: every value of every relation is read as well.
"""

import csv
import re
import shutil
from pathlib import Path

import duckdb
import pytest
from conftest import Built

from segmentation.dbt_run import COMPILED
from segmentation.home import PROJECT

IDENTIFYING = (
    "email", "phone", "customer_id", "anonymous_id", "left_id", "right_id",  # persons
    "order_id", "event_id", "consent_event_id", "request_id", "refund_id", "send_id", "link_id",  # records
)
SHORTEST = 5  # shorter texts ("=1+1") stand in innocent places too
NUMBERED = re.compile(rb"[a-z]-[0-9]{4,5}")  # the demo's ids: C-0001, O-1001, E-12345
NUMBER = re.compile(rb"-[0-9]{4,5}")  # what comes after the letter: found ten times as fast, as it begins with one byte
# dbt puts random ones into its artefacts; a piece like e-4271 of theirs names nobody
UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
DOMAIN = re.compile(rb"@[a-z0-9-]+\.[a-z]{2,}")
LONGEST_LOCAL_PART = 64  # of an e-mail address (RFC 5321)

SHOP = {
    "orders": """
order_id,ordered_at,gross_amount,customer_id,email,phone,currency,recorded_at
shop-order-1,2026-01-05 10:00:00,250.00,shop-customer-1,first.buyer@example.net,+49 (30) 23125-771,EUR,2026-01-05 10:00:01
shop-order-2,2026-01-06 10:00:00,350.00,,Guest.Buyer@Example.net,,EUR,2026-01-06 10:00:01
shop-order-3,2026-01-07 10:00:00,90.00,,,0049 30 23125 772,EUR,2026-01-07 10:00:01
shop-order-4,2026-01-08 10:00:00,wrong.column@example.net,shop-customer-2,,,EUR,2026-01-08 10:00:01
shop-order-5,2026-01-09 10:00:00,-5.00,shop-customer-3,third.buyer@example.net,,EUR,2026-01-09 10:00:01
""",
    "consents": """
consent_event_id,purpose,status,effective_at,customer_id,email,request_id,recorded_at
shop-consent-1,*,granted,2026-01-01 10:00:00,shop-customer-1,first.buyer@example.net,shop-request-1,2026-01-01 10:00:00
shop-consent-2,no.such.purpose,granted,2026-01-01 10:00:00,,odd.purpose@example.net,shop-request-2,2026-01-01 10:00:00
""",
}
TABLES = {table: list(csv.DictReader(text.strip().splitlines())) for table, text in SHOP.items()}
# what becomes of them, for those whose rows are built with these
REJECTED = [("consents", "unknown purpose"), ("orders", "negative gross_amount"), ("orders", "unreadable gross_amount")]
PEOPLE = [("customer_id", "shop-customer-1"), ("email", "guest.buyer@example.net"), ("phone", "493023125772")]


class Secrets:
    """What must not leave the restricted database, in ASCII lower case: identifiers of persons and records, and keys."""

    def __init__(self, built: Built):
        with duckdb.connect(str(built.folder / "restricted.duckdb"), read_only=True) as restricted:
            columns = restricted.execute(
                "select table_name, column_name from information_schema.columns where table_schema = 'raw'"
            ).fetchall()
            held = {column: set() for _, column in columns}
            for table, column in columns:
                rows = restricted.execute(f'select distinct "{column}" from raw."{table}" where "{column}" is not null').fetchall()
                held[column] |= {value for (value,) in rows}
            # the demo's committed keys, or the shop's own
            [(vault,)] = restricted.execute("select table_name from duckdb_tables() where table_name like '%hmac_keys'").fetchall()
            keys = restricted.execute(f"select secret, inner_block, outer_block from vault.{vault}").fetchall()
            salts = vault.replace("hmac_keys", "pid_salts")
            keys += restricted.execute(f"select inner_block, inner_block, outer_block from vault.{salts}").fetchall()
        # an address in a wrong column is an address
        held["email"] |= {value for values in held.values() for value in values if "@" in value}
        self.emails = {text.lower() for text in held["email"]}
        self.phones = {re.sub("^00", "", re.sub("[^0-9]", "", text)) for text in held["phone"]}
        texts = set().union(*(held[column] for column in IDENTIFYING)) | self.emails | self.phones
        self.identifiers = {text.encode().lower() for text in texts if len(text) >= SHORTEST}
        # and the key itself, which the inner block hides behind a constant
        self.keys = {text.encode() for row in keys for text in row}
        self.keys |= {bytes(b ^ 0x36 for b in bytes.fromhex(inner)[:32]).hex().encode() for _, inner, _ in keys}
        # by their shape, as found_in() looks for them
        self.numbered = {text for text in self.identifiers | self.keys if NUMBERED.fullmatch(text)}
        self.addresses = {text for text in self.identifiers | self.keys if DOMAIN.search(text)} - self.numbered
        self.others = (self.identifiers | self.keys) - self.numbered - self.addresses

    def found_in(self, content: bytes) -> set[bytes]:
        """The secrets that stand in the content, in any letter case, alone or inside other text.

        Thousands of them in megabytes: numbered ids and addresses are looked up by their shape, the rest one by one.
        """
        content = content.lower()
        found = self.numbered & numbers_in(content)
        if found:
            found = self.numbered & numbers_in(UUID.sub(b" ", content))
        addresses = b"\n".join(
            content[max(match.start() - LONGEST_LOCAL_PART, 0):match.end()] for match in DOMAIN.finditer(content))
        if addresses:
            found |= {text for text in self.addresses if text in addresses}
        return found | {text for text in self.others if text in content}


def numbers_in(content: bytes) -> set[bytes]:
    """What looks like a numbered id: a small letter, a hyphen and four or five digits; of five the first four too."""
    places = ((match.start() - 1, match.end()) for match in NUMBER.finditer(content) if content[match.start() - 1:match.start()].islower())
    return {part for start, end in places for part in (content[start:end], content[start:start + 6])}


def values_of(path: Path, relations: str = "true") -> dict[str, bytes]:
    """Everything that a DuckDB file says: all values of all relations, descriptions of tables and columns, view SQL.

    `relations` is a condition on information_schema.tables.
    """
    said = {}
    with duckdb.connect(str(path), read_only=True) as connection:
        catalog = connection.execute("select current_database()").fetchone()[0]
        tables = connection.execute(
            f"select table_schema, table_name from information_schema.tables where table_catalog = ? and ({relations})", [catalog]).fetchall()
        for schema, table in tables:
            rows = connection.execute(f'select columns(*)::varchar from "{catalog}"."{schema}"."{table}"')
            names = [column[0] for column in rows.description]
            said |= {f"{schema}.{table}.{name}": b"" for name in names}
            for name, values in zip(names, zip(*rows.fetchall())):
                said[f"{schema}.{table}.{name}"] = "\n".join({value for value in values if value is not None}).encode()
        for kind, text in (("tables", "comment"), ("views", "comment"), ("views", "sql"), ("columns", "comment")):
            rows = connection.execute(f"select {text} from duckdb_{kind}() where not internal and {text} is not null").fetchall()
            said[f"duckdb_{kind}.{text}"] = "\n".join(value for (value,) in rows).encode()
    return said


def open_files(folder: Path) -> list[Path]:
    """All files of a home but the restricted database."""
    return [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("restricted.duckdb")]


@pytest.fixture(scope="module")
def shop(newest_shop: Built) -> Built:
    """A shop with its own random key, whose rows hold addresses in wrong places too; rows of other files as well."""
    return newest_shop


@pytest.fixture(scope="module", params=["demo", "shop"])
def home(request) -> Built:
    """The demo and the shop, one after the other."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def secrets(home) -> Secrets:
    """The home's identifiers and keys."""
    return Secrets(home)


def test_the_scan_finds_every_identifier_where_it_may_stand(home, secrets):
    """Otherwise a clean result proves nothing: in the restricted database all of them are found."""
    # its views may read the warehouse, which is not at hand here
    said = b"\n".join(values_of(home.folder / "restricted.duckdb", "table_type = 'BASE TABLE' or table_schema = 'raw'").values())
    assert len(secrets.identifiers) >= 15 and len(secrets.emails) >= 4 and len(secrets.phones) >= 2
    assert secrets.found_in(said) >= secrets.identifiers
    assert secrets.found_in(said) & secrets.keys


def test_the_scan_finds_an_identifier_inside_other_text_and_in_any_case(demo):
    """The scan on bytes as they could stand in a file."""
    found = Secrets(demo).found_in(b"x'CARLA@example.ORG'y\0zC-0003/O-1001;+493023125003 and O'BRIEN; drop table orders;--")
    assert {b"carla@example.org", b"c-0003", b"o-1001", b"493023125003", b"o'brien; drop table orders;--"} <= found


def test_a_piece_of_a_uuid_is_no_identifier_and_the_same_id_beside_it_is(demo):
    """An invocation id of dbt is random: now and then its groups read like an id of the demo."""
    secrets = Secrets(demo)
    uuid = b"1f0c9a7e-0001-4e2c-8001-0a1b2c3d0002"
    assert {b"e-0001", b"c-0001"} <= secrets.identifiers
    assert NUMBERED.findall(uuid) == [b"e-0001", b"c-8001"]
    assert secrets.found_in(b'{"invocation_id": "%s"}' % uuid) == set()
    for beside in (b"%s e-0001", b"e-0001%s", b"%sE-0001", b"%s, C-0001", b"1f0c9a7e-0001-4e2c-8001-0a1b2c3d000 %s e-0001-4e2c"):
        assert secrets.found_in(beside % uuid) & {b"e-0001", b"c-0001"}, beside
    # what has not the whole shape is scanned
    assert secrets.found_in(uuid[:-1]) == {b"e-0001"}


def test_no_file_outside_the_restricted_database_holds_an_identifier_or_a_key(home, secrets):
    files = open_files(home.folder)
    names = {path.name for path in files}
    assert {"warehouse.duckdb", "segmentation.duckdb", "dbt.log", "manifest.json", "run_results.json", "partial_parse.msgpack"} <= names
    assert any(path.suffix == ".parquet" for path in files) and any("compiled" in path.parts for path in files)
    leaks = {str(path.relative_to(home.folder)): found for path in files if (found := secrets.found_in(path.read_bytes()))}
    assert leaks == {}


@pytest.mark.parametrize("database", ["warehouse.duckdb", "published/segmentation.duckdb"])
def test_no_value_outside_the_restricted_database_holds_an_identifier_or_a_key(home, secrets, database):
    said = values_of(home.folder / database)
    assert any(name.endswith(".customer_key") and content for name, content in said.items())
    leaks = {name: found for name, content in said.items() if (found := secrets.found_in(content))}
    assert leaks == {}


def test_no_published_parquet_file_holds_an_identifier_or_a_key(home, secrets):
    files = sorted((home.folder / "published" / "parquet").glob("*.parquet"))
    assert files
    for path in files:
        rows = duckdb.sql(f"select t::varchar from '{path}' as t").fetchall()
        assert secrets.found_in("\n".join(row for (row,) in rows).encode()) == set(), path.name


def test_the_shared_parse_cache_holds_no_identifier_and_no_key(home, secrets):
    """It is lent from home to home and from process to process, so it lies in the project's target/; with it what is compiled."""
    caches = [*sorted((PROJECT / "target").glob("*partial_parse*.msgpack")), PROJECT / "target" / COMPILED]
    assert len(caches) > 1
    assert {path.name: found for path in caches if (found := secrets.found_in(path.read_bytes()))} == {}


def test_no_view_of_the_warehouse_reads_the_restricted_database(home):
    with duckdb.connect(str(home.folder / "warehouse.duckdb"), read_only=True) as connection:
        views = connection.execute("select view_name, sql from duckdb_views() where not internal").fetchall()
    assert len(views) >= 12
    assert [name for name, sql in views if "restricted." in sql.lower() or '"restricted"' in sql.lower()] == []


def test_the_warehouse_works_without_the_restricted_database(home, tmp_path):
    """A reader who is given warehouse.duckdb alone can read every relation of it."""
    alone = shutil.copy(home.folder / "warehouse.duckdb", tmp_path / "warehouse.duckdb")
    assert len(values_of(Path(alone))) > 100


def test_only_its_owner_may_read_the_restricted_database(home):
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in home.folder.glob("restricted.duckdb*")}
    assert modes and set(modes.values()) == {"0o600"}, modes


def test_a_shop_never_gets_the_committed_demo_key(demo, shop):
    assert not Secrets(demo).keys & Secrets(shop).keys
