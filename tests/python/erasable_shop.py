"""A shop to erase from, evaluated twice: PERSON stands in its every table, and visitors and customers use devices."""

import json
import shutil
from datetime import datetime
from pathlib import Path

import duckdb
from conftest import Built, build, copy_home, made_once
from processes import FIRST, KEYS, SECOND, shop_settings, write_rows, write_shop

from segmentation import outbox
from segmentation.dbt_run import project_graph
from segmentation.erase import erase
from segmentation.erasure_request import read_request
from segmentation.home import Home
from segmentation.person import hmac_hex
from segmentation.vault import padded_blocks

THIRD = "2026-03-15 00:00:00"
NOW = datetime(2026, 3, 9, 12)
PERSON, OTHER = "person-eleven", "person-twelve"
# what must be found nowhere, also not in compressed values: ids, addresses, orders and events of PERSON
NAMED = ("person-eleven", "eleven.person@example.com", "eleven.guest@example.net", "4930123456711", "eleven-order-1", "eleven-order-9",
         "eleven-refund-1", "eleven-send-1", "eleven-link-1", "eleven-consent-1")
# what "customer 20" is known by here, and what somebody else has as an id: of a customer, of an order, in a row that is rejected
TAKEN_FROM = "customer 20"
TAKEN = hmac_hex(padded_blocks(bytes.fromhex(KEYS.split()[0])), f"customer_id|{TAKEN_FROM}|0")
ROWS = {
    "orders": ("order_id,ordered_at,gross_amount,customer_id,email,phone,currency,recorded_at", [
        "eleven-order-1,2026-01-10 10:00:00,300.00,person-eleven, Eleven.Person@Example.com,,EUR,2026-01-10 10:00:00",
        "eleven-order-2,2026-02-10 10:00:00,400.00,person-eleven,eleven.person@example.com,,EUR,2026-02-10 10:00:00",
        "eleven-order-3,2026-02-11 10:00:00,-4.00,person-eleven,eleven.person@example.com,,EUR,2026-02-11 10:00:00",
        "eleven-order-8,2026-02-12 10:00:00,20.00,,eleven.person@example.com,+49 30 123456711,EUR,2026-02-12 10:00:00",
        "eleven-order-9,2026-02-13 10:00:00,25.00,,,0049 30 123456711,EUR,2026-02-13 10:00:00",
        "twelve-order-1,2026-01-12 10:00:00,350.00,person-twelve,family@example.com,,EUR,2026-01-12 10:00:00",
        "thirteen-order-1,2026-01-13 10:00:00,90.00,person-thirteen,family@example.com,,EUR,2026-01-13 10:00:00",
        f"taken-order-1,2026-01-14 10:00:00,75.00,{TAKEN},{TAKEN}@example.com,,EUR,2026-01-14 10:00:00",
        f"taken-order-2,2026-01-14 10:00:00,-5.00,{TAKEN},,,EUR,2026-01-14 10:00:00",
        f"{TAKEN},2026-01-15 10:00:00,35.00,customer 19,,,EUR,2026-01-15 10:00:00"]),
    "order_lines": ("order_id,line_number,product_id,quantity,unit_price", [
        "eleven-order-1,1,product-1,1,300.00", "twelve-order-1,1,product-1,1,350.00"]),
    "products": ("product_id,product_category", ["product-1,shoes"]),
    "refunds": ("refund_id,order_id,refunded_at,amount", ["eleven-refund-1,eleven-order-1,2026-02-01 10:00:00,10.00"]),
    "customers": ("customer_id,email,phone,created_at,recorded_at", [
        "person-eleven,eleven.person@example.com,,2025-12-01 10:00:00,2025-12-01 10:00:00"]),
    "events": ("event_id,occurred_at,event_type,customer_id,amount", [
        "eleven-event-1,2026-02-20 10:00:00,product_view,person-eleven,",
        "eleven-event-1,2026-02-20 10:00:00,product_view,person-eleven,",
        "eleven-event-2,2026-02-21 10:00:00,support_ticket,person-eleven,"]),
    "consents": ("consent_event_id,purpose,status,effective_at,customer_id,recorded_at,email,anonymous_id", [
        "eleven-consent-1,*,granted,2025-12-01 10:00:00,person-eleven,2025-12-01 10:00:00,,",
        "thirteen-consent-1,marketing.communications.email,granted,2026-01-13 10:00:00,person-thirteen,2026-01-13 10:00:00,,",
        "twelve-consent-1,marketing.communications.email,withdrawn,2026-02-01 10:00:00,person-twelve,2026-02-01 10:00:00,Family@example.com,",
        "twelve-consent-2,*,granted,2026-02-02 10:00:00,person-twelve,2026-02-02 10:00:00,family@example.com,shared-device",
        "device-consent-1,personalize.content.profiling,granted,2026-01-01 10:00:00,,2026-01-01 10:00:00,,shared-device",
        "twelve-consent-3,personalize.content.profiling,objected,2026-02-03 10:00:00,person-twelve,2026-02-03 10:00:00,,shared-device",
        "twelve-consent-4,marketing.communications.email,withdrawn,2026-02-04 10:00:00,person-twelve,2026-02-04 10:00:00,,"]),
    "scheduled_sends": ("send_id,channel,scheduled_at,customer_id", ["eleven-send-1,email,2026-04-01 10:00:00,person-eleven"]),
    "identity_links": ("link_id,left_type,left_id,right_type,right_id,match_class,effective_at", [
        "eleven-link-1,customer_id,person-eleven,email,eleven.guest@example.net,deterministic,2026-01-01 10:00:00"]),
}
# what happens on devices: one of a visitor, one that customers share, one that is never erased
LONE, TABLET, KEPT = "device-of-one-visitor", "tablet-of-a-family", "device-that-stays"
PROFILING = "personalize.content.profiling"
HEADS = {
    "events": "event_id,occurred_at,event_type,customer_id,anonymous_id,session_id",
    "consents": "consent_event_id,purpose,status,effective_at,customer_id,anonymous_id,recorded_at,event_type",
    "identity_links": "link_id,left_type,left_id,right_type,right_id,match_class,effective_at"}
DEVICES = {
    "events": [
        *(f"{device}-{number},2026-03-0{number} 10:00:00,product_view,,{device},{device} session"
          for device in (LONE, TABLET, KEPT) for number in (3, 4, 5)),
        # rejected; and of customers, one of them rejected too
        f"{LONE}-bad,2026-03-05 11:00:00,,,{LONE},", f"three-on-a-tablet,2026-03-05 10:00:00,add_to_cart,customer 3,{TABLET},",
        f"four-on-a-tablet,2026-03-05 10:00:00,product_view,customer 4,{TABLET},", f"five-on-a-tablet,2026-03-05 10:00:00,,customer 5,{TABLET},"],
    "consents": [
        *(f"{device}-consent,{PROFILING},granted,2026-02-01 10:00:00,,{device},2026-02-01 10:00:00,"
          for device in (LONE, TABLET, KEPT)),
        f"{TABLET}-signal,*,denied,2026-02-20 10:00:00,,{TABLET},2026-02-20 10:00:00,gpc_signal",
        f"{TABLET}-objection,marketing,objected,2026-02-21 10:00:00,,{TABLET},2026-02-21 10:00:00,",
        f"tablet-of-four,{PROFILING},granted,2026-02-02 10:00:00,customer 4,{TABLET},2026-02-02 10:00:00,"],
    "identity_links": [
        f"link-three,customer_id,customer 3,anonymous_id,{TABLET},deterministic,2026-02-01 10:00:00",
        f"link-six,anonymous_id,{TABLET},customer_id,customer 6,deterministic,2026-02-01 10:00:00"]}


def with_devices(raw: Path, rows: dict[str, list[str]]) -> Path:
    """Add rows of devices to a shop's files."""
    write_rows(raw, {table: (HEADS[table], lines) for table, lines in rows.items()})
    return raw


class Shop:
    """A folder with the shop's files, evaluated at FIRST and SECOND, and the graph of the project."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.raw = folder / "raw"
        self.home = folder / "home"
        self.graph = None

    def copy(self, folder: Path) -> Home:
        """A home that a test may change."""
        return Home(copy_home(self.home, folder))

    def whole_copy(self, folder: Path) -> Home:
        """The same with every file, for tests that look into all."""
        return Home(Path(shutil.copytree(self.home, folder, symlinks=True)))

    def build(self) -> Built:
        """The next evaluation, at THIRD."""
        built = build(self.home, "--without-tests", **shop_settings(self.raw, THIRD) | {"INGESTED_AT": THIRD})
        assert built.code == 0
        return built

    def erase(self, home: Home, request: Path, now: datetime = NOW):
        """Erase in this process, with one graph for all: dbt parses the project only once."""
        if self.graph is None:
            self.graph = project_graph(home)
        with home.locked():
            return erase(home, read_request(request, now), self.graph, now, "tester")


def erasable_shop(tmp_path_factory) -> Shop:
    """One shop for all test files that ask for it; they only read it."""

    def make(folder: Path) -> None:
        raw = write_shop(folder / "raw")
        write_rows(raw, ROWS)
        with_devices(raw, DEVICES)
        for as_of in (FIRST, SECOND):
            assert build(folder / "home", "--without-tests", **shop_settings(raw, as_of)).code == 0

    return Shop(made_once(tmp_path_factory, "shop to erase from", make))


def without_person(tmp_path_factory) -> Home:
    """The shop's home without PERSON, made once; tests only read it. A log and exports named the person before."""

    def make(folder: Path) -> None:
        home = shop.whole_copy(folder / "home")
        [(key,)] = Built(home.folder, 0).rows(f"select customer_key from restricted.vault.customer_keys where identifier = '{PERSON}'")
        with (home.folder / "logs" / "dbt.log").open("a") as log:
            log.write(f"a line about {key}\nanother line\n")
        (home.folder / "exports").mkdir()
        (home.folder / "exports" / "history.csv").write_text(f"customer_key\n{key}\n")
        (home.folder / "exports" / "sizes.csv").write_text("segment_id,n\nvip,3\n")
        duckdb.sql(f"copy (select '{key}' as customer_key from range(1000)) to '{home.folder}/exports/members.parquet' (compression zstd)")
        shop.erase(home, write_request(folder / "request.json", ("controller_customer_id", PERSON)))

    shop = erasable_shop(tmp_path_factory)
    return Home(made_once(tmp_path_factory, "shop without a person", make) / "home")


def without_two(tmp_path_factory) -> Shop:
    """The shop without PERSON, whose vendors have answered, and OTHER, about to send its whole history again; tests only read it.

    In that history PERSON signed up anew.
    """

    def make(folder: Path) -> None:
        again = Shop(folder)
        shutil.copytree(one_less.folder, again.home, symlinks=True)
        for message, *_ in outbox.listed(Home(again.home)):  # until vendors have answered, the outbox holds what they must be told
            outbox.acknowledge(Home(again.home), message, "confirmed by e-mail", NOW, "tester")
        shutil.copytree(shop.raw, again.raw)
        shutil.copy(shop.folder / "keys", folder / "keys")
        write_rows(again.raw, {
            "orders": (ROWS["orders"][0], [
                "eleven-order-2,2026-02-10 10:00:00,401.00,person-eleven,eleven.person@example.com,,EUR,2026-03-10 10:00:00",
                "eleven-order-7,2026-02-17 10:00:00,700.00,person-eleven,,,EUR,2026-03-11 10:00:00",
                "eleven-order-20,2026-03-12 10:00:00,60.00,person-eleven,,,EUR,2026-03-12 10:00:00"]),
            "order_lines": (ROWS["order_lines"][0], ["eleven-order-7,1,product-1,1,700.00"])})
        again.erase(Home(again.home), write_request(folder / "request.json", ("controller_customer_id", OTHER), request_id="other"))

    shop, one_less = erasable_shop(tmp_path_factory), without_person(tmp_path_factory)
    return Shop(made_once(tmp_path_factory, "shop without two", make))


def sent_again_shop(tmp_path_factory) -> Shop:
    """The same, evaluated at THIRD; tests only read it."""
    former = without_two(tmp_path_factory)
    return Shop(made_once(tmp_path_factory, "shop sent again", lambda folder: Shop(
        Path(shutil.copytree(former.folder, folder, symlinks=True))).build()))


def write_request(path: Path, *identities: tuple[str, str], request_id: str = "a7551968-d5d6-44b2-9831-815ac9017798", **fields) -> Path:
    """A request in OpenDSR's shape."""
    content = {
        "regulation": "gdpr", "subject_request_id": request_id, "subject_request_type": "erasure", "submitted_time": "2026-03-09T10:00:00Z",
        "subject_identities": [
            {"identity_type": kind, "identity_value": value, "identity_format": "raw"} for kind, value in identities]}
    path.write_text(json.dumps(content | fields))
    return path


def values_of(path: Path) -> str:
    """Every value of every table and view of a database, as text: DuckDB compresses, so bytes alone say little."""
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute("select schema_name, table_name from duckdb_tables() where not internal").fetchall()
        return "\n".join(str(connection.execute(f'select * from "{schema}"."{table}"').fetchall()) for schema, table in tables)


def found_in(home: Path, words: list[str]) -> list[tuple[str, str]]:
    """Files of a home that hold one of the words: as bytes, and of databases and Parquet as values too."""
    found = []
    for path in sorted(path for path in home.rglob("*") if path.is_file()):
        said = [path.read_bytes().lower()]  # of ASCII letters, as the words are: a third of the time of texts
        if path.suffix == ".duckdb":
            said.append(values_of(path).lower().encode())
        elif path.suffix == ".parquet":
            said.append(str(duckdb.execute("select * from read_parquet(?)", [str(path)]).fetchall()).lower().encode())
        found += [(path.relative_to(home).as_posix(), word) for word in words if any(word.encode() in text for text in said)]
    return found
