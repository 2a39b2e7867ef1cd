"""A request that names a device: what is the device's alone is gone and stays out; whoever used it is not touched."""

import shutil
from datetime import datetime
from pathlib import Path

import pytest
from conftest import Built
from erasable_shop import LONE, NOW, PROFILING, TABLET, Shop, found_in, sent_again_shop, with_devices, without_two, write_request
from jinja_macros import Macros

from segmentation.errors import UserError
from segmentation.home import PROJECT, Home
from segmentation.person import NOBODYS
from segmentation.verify import verify

# what the shop sends after the erasure: of before it, however late, and of after it
LATE = {
    "events": [f"{LONE}-late,2026-03-06 10:00:00,product_view,,{LONE},", f"{LONE}-new,2026-03-12 10:00:00,product_view,,{LONE},"],
    "consents": [f"{LONE}-again,{PROFILING},granted,2026-03-11 10:00:00,,{LONE},2026-03-11 10:00:00,"]}
STATES = "select * exclude (consent_event_key) from marts.consent_state where as_of = (select max(as_of) from marts.evaluation_clock) order by customer_key, purpose"
VISITORS = "select count(*), sum(event_count) from marts.anonymous_visitors"


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Shop:
    """The shop, from which two persons were erased before, as in `calm`, where nothing else is."""
    return without_two(tmp_path_factory)


@pytest.fixture(scope="module")
def calm(tmp_path_factory) -> Built:
    """The next evaluation of the shop as it is, where no device was erased."""
    return Built(sent_again_shop(tmp_path_factory).home, 0)


@pytest.fixture(scope="module")
def before(shop: Shop) -> Built:
    """The shop's home before a device is erased."""
    return Built(shop.home, 0)


def erased_copy(shop: Shop, folder: Path, *identities: tuple[str, str], request_id: str = "device-1", now: datetime = NOW) -> Home:
    """A copy of the shop's home after an erasure; a home that is there already goes on."""
    home = Home(folder / "home") if (folder / "home").exists() else shop.whole_copy(folder / "home")
    shop.erase(home, write_request(folder / f"{request_id}.json", *identities, request_id=request_id), now)
    return home


@pytest.fixture(scope="module")
def lone(shop: Shop, tmp_path_factory) -> Home:
    """The home after LONE was erased."""
    return erased_copy(shop, tmp_path_factory.mktemp("lone"), ("device_id", LONE))


@pytest.fixture(scope="module")
def both(shop: Shop, lone: Home, tmp_path_factory) -> Home:
    """The same after TABLET was erased too, by a request of its own."""
    folder = tmp_path_factory.mktemp("both")
    shutil.copytree(lone.folder, folder / "home", symlinks=True)
    return erased_copy(shop, folder, ("device_id", TABLET), request_id="device-2")


@pytest.fixture(scope="module")
def later(shop: Shop, both: Home, tmp_path_factory) -> Built:
    """The next evaluation: the shop sends everything again, and what comes LATE."""
    again = Shop(tmp_path_factory.mktemp("later"))
    shutil.copytree(both.folder, again.home, symlinks=True)
    with_devices(Path(shutil.copytree(shop.raw, again.raw)), LATE)
    shutil.copy(shop.folder / "keys", again.folder / "keys")
    return again.build()


def erased_rows(of: Built, than: Built) -> list[tuple]:
    """How many more rows than in another home an evaluation kept out, by table."""
    totals = "select table_name, n_erased_rows from audit.control_totals order by 1"
    return [(name, more - less) for (name, more), (_, less) in zip(of.rows(totals), than.rows(totals), strict=True) if more != less]


# of LONE and of TABLET; the signal of TABLET is kept, for those it binds
ERASED_ROWS = [("consents", 1 + 2), ("events", 5 + 3)]


def test_a_device_is_erased_and_stays_out_until_it_comes_back_anew(shop: Shop, before: Built, calm: Built, lone: Home, later: Built):
    assert before.rows(VISITORS) == [(3, 9)] and {word for _, word in found_in(shop.home, [LONE])} == {LONE}
    built = Built(lone.folder, 0)
    assert found_in(lone.folder, [LONE]) == [] and built.rows(VISITORS) == [(2, 6)]
    persons = "select * from restricted.vault.customer_keys order by all"
    assert built.rows(persons) == before.rows(persons)
    gone = dict(built.rows("select relation, n_rows from audit.deletion_log where log_number > ?", before.rows("select max(log_number) from audit.deletion_log")[0]))
    assert gone["warehouse.marts.anonymous_visitors"] == 1 and gone["restricted.intermediate.int_consents_checked"] == 1
    suppressed = "select identifier_type, generation, identifier_hash from restricted.vault.erased_identifiers"
    assert [row[:2] for row in set(built.rows(suppressed)) - set(before.rows(suppressed))] == [("anonymous_id", 1)]
    assert verify(lone).findings == []
    # the shop sends everything again, and a visit of before that comes late; then the device agrees anew and visits
    assert erased_rows(later, calm) == ERASED_ROWS
    assert later.rows(VISITORS) == [(2, 1 + 3)], "the new visit only, and those of the device that stays"
    assert {word for _, word in found_in(later.folder, [f"{LONE}-{old}" for old in (3, "bad", "late", "consent")])} == set()
    assert verify(Home(later.folder)).findings == []


def test_whoever_used_an_erased_device_keeps_what_is_theirs_and_what_it_signalled_still_binds(
    both: Home, calm: Built, later: Built,
):
    """A device that customers share names none of them: their events, choices, orders and memberships stay, under no device."""
    signalled = "select count(*) from marts.consent_state where is_granted and purpose = 'sale_share' and customer_key in ({})".format(
        "select customer_key from restricted.vault.customer_keys where identifier in ('customer 3', 'customer 6')")
    assert calm.rows(signalled) == [(0,)] and calm.rows(signalled.replace("'customer 3', 'customer 6'", "'customer 7'")) == [(1,)]
    assert found_in(both.folder, [TABLET]) == [] and verify(both).findings == []
    # the record, features and every permission of everybody are those of a shop where no device was erased
    for rows in (STATES, "select * from segments.segment_members order by all", "select * from marts.customer_features order by all",
                 "select * from snapshots.segment_membership order by all", "select * from marts.orders order by all"):
        assert later.rows(rows) == calm.rows(rows) != []
    assert calm.rows(VISITORS) == [(3, 9)] and Built(both.folder, 0).rows(VISITORS) == [(1, 3)]
    assert later.rows("select count(*) from restricted.intermediate.int_events where customer_id in ('customer 3', 'customer 4') "
                      "and occurred_at = timestamp '2026-03-05 10:00:00'") == [(2,)]
    assert later.rows("select count(*) from restricted.intermediate.int_events where anonymous_id = ?", [TABLET]) == [(0,)]
    assert erased_rows(later, calm) == ERASED_ROWS
    assert [word for _, word in found_in(later.folder, [TABLET])] == []
    assert verify(Home(later.folder)).findings == []


def test_a_request_may_name_a_person_and_devices(shop: Shop, tmp_path: Path):
    home = erased_copy(shop, tmp_path, ("controller_customer_id", "customer 4"), ("device_id", LONE))
    assert found_in(home.folder, [LONE]) == []
    built = Built(home.folder, 0)
    assert built.rows("select count(*) from restricted.vault.customer_keys where identifier = 'customer 4'") == [(0,)]
    assert built.rows("select count(*) from restricted.vault.customer_keys where identifier = 'customer 3'") == [(1,)]
    with pytest.raises(UserError, match="was erased already"):
        erased_copy(shop, tmp_path, ("device_id", LONE), request_id="device-2")


@pytest.mark.parametrize("device, words", [("device of nobody", "Nobody is known here"), (" Unknown ", "is no device: Unknown is what trackers write")])
def test_a_device_that_is_not_known_or_names_nobody_is_refused(shop: Shop, tmp_path: Path, device: str, words: str):
    with pytest.raises(UserError, match=words):
        erased_copy(shop, tmp_path, ("device_id", device))


def test_python_and_sql_know_the_same_words_for_no_device():
    macros = Macros(PROJECT / "macros" / "privacy", PROJECT / "macros" / "cross_db")
    written = macros.names_nobody("x").split(" in (")[1]
    assert [word.strip(" \n')") for word in written.replace("'(not set)'", "'<not set>'").split(",")] == [
        word.replace("(not set)", "<not set>") for word in NOBODYS]
