"""A request that names a device: what is the device's alone is gone and stays out; whoever used it is not touched."""

import shutil
from datetime import datetime
from pathlib import Path

import pytest
from conftest import Built, build
from jinja_macros import Macros
from processes import FIRST, SECOND, shop_settings, write_rows, write_shop
from test_erase import NOW, found_in, write_request

from segmentation.dbt_run import project_graph
from segmentation.erase import erase
from segmentation.erasure_request import read_request
from segmentation.errors import UserError
from segmentation.home import PROJECT, Home
from segmentation.person import NOBODYS
from segmentation.verify import verify

THIRD = "2026-03-15 00:00:00"
LONE, TABLET, KEPT = "device-of-one-visitor", "tablet-of-a-family", "device-that-stays"
PROFILING = "personalize.content.profiling"
HEADS = {
    "events": "event_id,occurred_at,event_type,customer_id,anonymous_id,session_id",
    "consents": "consent_event_id,purpose,status,effective_at,customer_id,anonymous_id,recorded_at,event_type",
    "identity_links": "link_id,left_type,left_id,right_type,right_id,match_class,effective_at"}
ROWS = {
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
# what the shop sends after the erasure: of before it, however late, and of after it
LATE = {
    "events": [f"{LONE}-late,2026-03-06 10:00:00,product_view,,{LONE},", f"{LONE}-new,2026-03-12 10:00:00,product_view,,{LONE},"],
    "consents": [f"{LONE}-again,{PROFILING},granted,2026-03-11 10:00:00,,{LONE},2026-03-11 10:00:00,"]}
STATES = "select * exclude (consent_event_key) from marts.consent_state where as_of = (select max(as_of) from marts.evaluation_clock) order by customer_key, purpose"
VISITORS = "select count(*), sum(event_count) from marts.anonymous_visitors"


def with_devices(raw: Path, rows: dict[str, list[str]]) -> Path:
    """Add rows of devices to a shop's files."""
    write_rows(raw, {table: (HEADS[table], lines) for table, lines in rows.items()})
    return raw


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Built:
    folder = tmp_path_factory.mktemp("devices")
    raw = with_devices(write_shop(folder / "raw"), ROWS)
    for as_of in (FIRST, SECOND):
        assert build(folder / "home", "--without-tests", **shop_settings(raw, as_of)).code == 0
    return Built(folder / "home", 0)


def erased_copy(shop: Built, folder: Path, *identities: tuple[str, str], request_id: str = "device-1", now: datetime = NOW) -> Home:
    """A copy of the shop's home after an erasure; a home that is there already goes on."""
    home = Home(folder / "home" if (folder / "home").exists() else Path(shutil.copytree(shop.folder, folder / "home", symlinks=True)))
    request = write_request(folder / f"{request_id}.json", *identities, request_id=request_id)
    with home.locked():
        erase(home, read_request(request, now), project_graph(home), now, "tester")
    return home


def after(shop: Built, home: Home, folder: Path, rows: dict[str, list[str]] | None = None) -> Built:
    """The next evaluation, of the same files and more."""
    raw = Path(shutil.copytree(shop.folder.parent / "raw", folder / "raw", dirs_exist_ok=True))
    shutil.copy(shop.folder.parent / "keys", folder / "keys")
    with_devices(raw, rows or {})
    built = build(home.folder, "--without-tests", **shop_settings(raw, THIRD) | {"INGESTED_AT": "2026-03-15 00:00:00"})
    assert built.code == 0
    return built


def test_a_device_is_erased_and_stays_out_until_it_comes_back_anew(shop: Built, tmp_path: Path):
    assert shop.rows(VISITORS) == [(3, 9)] and {word for _, word in found_in(shop.folder, [LONE])} == {LONE}
    persons = shop.rows("select * from restricted.vault.customer_keys order by all")
    home = erased_copy(shop, tmp_path, ("device_id", LONE))
    built = Built(home.folder, 0)
    assert found_in(home.folder, [LONE]) == [] and built.rows(VISITORS) == [(2, 6)]
    assert built.rows("select * from restricted.vault.customer_keys order by all") == persons
    gone = dict(built.rows("select relation, n_rows from audit.deletion_log"))
    assert gone["warehouse.marts.anonymous_visitors"] == 1 and gone["restricted.intermediate.int_consents_checked"] == 1
    assert built.rows("select identifier_type, generation from restricted.vault.erased_identifiers") == [("anonymous_id", 1)]
    assert verify(home).findings == []
    # the shop sends everything again, and a visit of before that comes late; then the device agrees anew and visits
    built = after(shop, home, tmp_path, LATE)
    assert built.rows("select table_name, n_erased_rows from audit.control_totals where n_erased_rows > 0 order by 1") == [
        ("consents", 1), ("events", 5)]
    assert built.rows(VISITORS) == [(3, 7)], "the new visit only"
    assert {word for _, word in found_in(home.folder, [f"{LONE}-{old}" for old in (3, "bad", "late", "consent")])} == set()
    assert verify(home).findings == []


def test_whoever_used_an_erased_device_keeps_what_is_theirs_and_what_it_signalled_still_binds(shop: Built, tmp_path: Path):
    """A device that customers share names none of them: their events, choices, orders and memberships stay, under no device."""
    calm = after(shop, Home(Path(shutil.copytree(shop.folder, tmp_path / "calm" / "home", symlinks=True))), tmp_path / "calm")
    signalled = "select count(*) from marts.consent_state where is_granted and purpose = 'sale_share' and customer_key in ({})".format(
        "select customer_key from restricted.vault.customer_keys where identifier in ('customer 3', 'customer 6')")
    assert calm.rows(signalled) == [(0,)] and calm.rows(signalled.replace("'customer 3', 'customer 6'", "'customer 7'")) == [(1,)]
    home = erased_copy(shop, tmp_path, ("device_id", TABLET))
    assert found_in(home.folder, [TABLET]) == []
    built = after(shop, home, tmp_path)
    # the record, features and every permission of everybody are those of a shop where nobody was erased
    for rows in (STATES, "select * from segments.segment_members order by all", "select * from marts.customer_features order by all",
                 "select * from snapshots.segment_membership order by all", "select * from marts.orders order by all"):
        assert built.rows(rows) == calm.rows(rows) != []
    assert calm.rows(VISITORS) == [(3, 9)] and built.rows(VISITORS) == [(2, 6)]
    assert built.rows("select count(*) from restricted.intermediate.int_events where customer_id in ('customer 3', 'customer 4') "
                      "and occurred_at = timestamp '2026-03-05 10:00:00'") == [(2,)]
    assert built.rows("select count(*) from restricted.intermediate.int_events where anonymous_id = ?", [TABLET]) == [(0,)]
    assert built.rows("select table_name, n_erased_rows from audit.control_totals where n_erased_rows > 0 order by 1") == [
        ("consents", 2), ("events", 3)], "the signal is kept, for those it binds"
    assert [word for _, word in found_in(home.folder, [TABLET])] == []
    assert verify(home).findings == []


def test_a_request_may_name_a_person_and_devices(shop: Built, tmp_path: Path):
    home = erased_copy(shop, tmp_path, ("controller_customer_id", "customer 4"), ("device_id", LONE))
    assert found_in(home.folder, [LONE]) == []
    built = Built(home.folder, 0)
    assert built.rows("select count(*) from restricted.vault.customer_keys where identifier = 'customer 4'") == [(0,)]
    assert built.rows("select count(*) from restricted.vault.customer_keys where identifier = 'customer 3'") == [(1,)]
    with pytest.raises(UserError, match="was erased already"):
        erased_copy(shop, tmp_path, ("device_id", LONE), request_id="device-2")


@pytest.mark.parametrize("device, words", [("device of nobody", "Nobody is known here"), (" Unknown ", "is no device: Unknown is what trackers write")])
def test_a_device_that_is_not_known_or_names_nobody_is_refused(shop: Built, tmp_path: Path, device: str, words: str):
    with pytest.raises(UserError, match=words):
        erased_copy(shop, tmp_path, ("device_id", device))


def test_python_and_sql_know_the_same_words_for_no_device():
    macros = Macros(PROJECT / "macros" / "privacy", PROJECT / "macros" / "cross_db")
    written = macros.names_nobody("x").split(" in (")[1]
    assert [word.strip(" \n')") for word in written.replace("'(not set)'", "'<not set>'").split(",")] == [
        word.replace("(not set)", "<not set>") for word in NOBODYS]
