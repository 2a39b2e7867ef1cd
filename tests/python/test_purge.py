"""segmentation purge: what ended long ago is gone, once, whatever was killed; the record still proves itself."""

import json
from pathlib import Path

import duckdb
import pytest
from conftest import command, copy_home
from processes import PURGED_AT as NOW
from processes import THIRD, Shop, purged_shop, shop_settings, undisturbed_shop

from segmentation import deletion
from segmentation.errors import UserError
from segmentation.home import Home
from segmentation.person import erased_hash, record_secrets
from segmentation.purge import history_retention_days, purge
from segmentation.verify import verify

LOG = "select * exclude (log_number, previous_hash, log_hash) from audit.deletion_log order by all"


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Shop:
    """The small shop with two evaluations; tests only read it."""
    return undisturbed_shop(tmp_path_factory)


@pytest.fixture
def home(shop: Shop, tmp_path: Path) -> Home:
    """A copy of its home that a test may change. What ended at the second evaluation is due when nothing is kept at all."""
    return Home(copy_home(shop.home, tmp_path / "home"))


def rows(home: Home, query: str) -> list[tuple]:
    with home.writing() as connection:
        return connection.execute(query).fetchall()


def state(home: Home) -> list[list[tuple]]:
    """What a purge may change, in both databases."""
    relations = ("snapshots.segment_membership", "segments.segment_membership_history", "segments.segment_changes", "audit.pruned_leaves",
                 "audit.deletion_ledger", "restricted.vault.outbox")
    with home.writing():
        return [rows(home, f"from {relation} order by all") for relation in relations] + [rows(home, LOG)]


def test_what_ended_before_the_cutoff_is_gone_and_the_record_still_proves_itself(home: Home):
    closed = dict(rows(home, "select segment_id, count(*) from snapshots.segment_membership where dbt_valid_to is not null group by all"))
    still = rows(home, "select count(*) from snapshots.segment_membership where dbt_valid_to is null")
    kept = purge(home, history_retention_days(), NOW, "nightly")
    assert kept.rows == {} and str(kept.cutoff) == "2023-03-09 00:00:00" and rows(home, LOG) == []  # 1095 days before SECOND
    assert purge(home, 1, NOW, "nightly").rows == {}  # what ended at SECOND ended later than a day before it
    done = purge(home, 0, NOW, "nightly")
    assert done.rows == closed and sum(closed.values()) > 3
    assert rows(home, "select count(*) from snapshots.segment_membership") == still
    assert rows(home, "select count(*) from segments.membership_by_customer") == still
    assert rows(home, "select segment_id, n_rows, kind, relation, customer_key, executor from audit.deletion_log order by all") == [
        (segment, number, "purge", "warehouse.snapshots.segment_membership", None, "nightly") for segment, number in sorted(closed.items())]
    assert rows(home, "select sum(n_purged), sum(n_erased) from audit.deletion_ledger") == [(sum(closed.values()), 0)]
    # a change explains a membership that is kept, or is gone
    assert rows(home, """
        select count(*) from segments.segment_changes as changes where not exists (
            select 1 from snapshots.segment_membership as history where history.segment_id = changes.segment_id
                and history.customer_key = changes.customer_key and history.dbt_valid_from = changes.as_of)""") == [(0,)]
    assert verify(home).findings == []
    with home.writing() as connection:
        connection.execute("update audit.deletion_ledger set n_purged = n_purged + 1 where n_purged > 0")
    assert any("the ledger of deletions counts" in finding for finding in verify(home).findings)


def test_receivers_are_told_by_their_own_keys_whose_flag_has_ended(home: Home):
    done = purge(home, 0, NOW, "nightly")
    assert done.messages
    for segment, vendor, domain, payload in rows(home, """
            select audiences.segment_id, outbox.recipient, audiences.key_domain, outbox.payload from restricted.vault.outbox
            inner join (select distinct segment_id, vendor_id, key_domain from activation.audiences) as audiences
                on audiences.vendor_id = outbox.recipient and audiences.segment_id = json_extract_string(outbox.payload, '$.segment_id')"""):
        told = json.loads(payload)
        present = {key for (key,) in rows(home, f"select member_key from activation.audience_memberships where audience_id like '%{segment}%'")}
        assert 0 < len(told["member_keys"]) <= done.rows[segment] and told["type"] == "delete_segment_flag"
        assert not present & set(told["member_keys"])
        assert not {key for (key,) in rows(home, "select customer_key from restricted.vault.customer_keys")} & set(told["member_keys"])


@pytest.fixture(scope="module")
def undisturbed(shop: Shop, tmp_path_factory) -> list[list[tuple]]:
    """What one purge leaves that nothing interrupts."""
    home = Home(copy_home(shop.home, tmp_path_factory.mktemp("undisturbed") / "home"))
    purge(home, 0, NOW, "nightly")
    return state(home)


@pytest.mark.parametrize("killed_in", ["prune", "write_log", "rewrite", None])
def test_c45_a_purge_that_was_killed_and_run_again_is_one_purge(home: Home, undisturbed, monkeypatch, killed_in: str | None):
    """Same final state, each row of the log once, no second deletion_id for the same rows."""
    if killed_in:
        def dies(*_):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(deletion, killed_in, dies)
            with pytest.raises(KeyboardInterrupt):
                purge(home, 0, NOW, "nightly")
        assert (home.folder / ".purge").exists()
    for _ in range(2):
        purge(home, 0, NOW, "nightly")
    assert state(home) == undisturbed
    assert not (home.folder / ".purge").exists()


def test_whoever_is_under_legal_hold_keeps_everything(home: Home):
    [(person, kind, identifier)] = rows(home, """
        select customer_key, identifier_type, identifier from restricted.vault.customer_keys
        where customer_key = (select min(customer_key) from snapshots.segment_membership where dbt_valid_to is not null)""")
    mine = f"select count(*) from snapshots.segment_membership where customer_key = '{person}'"
    before = rows(home, mine)
    with home.writing() as connection:
        _, blocks = record_secrets(connection)
        connection.execute(
            "insert into restricted.vault.legal_holds (hold_id, identifier_type, identifier_hash, placed_at) values ('H', ?, ?, '2026-03-01')",
            [kind, erased_hash(blocks, kind, identifier)])
    purge(home, 0, NOW, "nightly")
    assert rows(home, mine) == before
    assert rows(home, "select count(distinct customer_key) from snapshots.segment_membership where dbt_valid_to is not null") == [(1,)]
    assert verify(home).findings == []


def test_a_purge_waits_for_an_open_erasure_and_needs_every_nonce(home: Home):
    home.journal.write_text("{}")
    with pytest.raises(UserError, match="erase --resume"):
        purge(home, 0, NOW, "nightly")
    home.journal.unlink()
    with home.writing() as connection:
        connection.execute("delete from restricted.vault.leaf_nonces where customer_key = ("
                           "select min(customer_key) from snapshots.segment_membership where dbt_valid_to is not null)")
    before = state(home)
    with pytest.raises(UserError, match="no leaf nonce"):
        purge(home, 0, NOW, "nightly")
    assert state(home) == before


def test_after_a_purge_the_next_build_ties_and_a_replay_names_what_was_purged(shop: Shop, tmp_path_factory, tmp_path: Path):
    built, purged = purged_shop(tmp_path_factory)
    home = Home(copy_home(built, tmp_path / "home"))
    assert command(home.folder, "replay", **shop_settings(shop.raw, THIRD)).code == 0
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        assert connection.execute("select replay_cause, count(*) from audit.replay_differences group by all").fetchall() == [("purged", purged)]
        assert connection.execute("select bool_and(is_root_equal) from audit.replay_partitions").fetchall() == [(True,)]
    assert verify(home).findings == []
