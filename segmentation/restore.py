"""After a restore of older databases: who was erased since, and must not be back (privacy.md C46).

The list of fulfilled erasures stands in SEGMENTS_HOME/erasures.json, outside the databases; keep a copy where a restore of the
home does not reach it. It names nobody: identifiers and keys stand there as keyed hashes, recognised with the vault's key.
"""

from __future__ import annotations

from datetime import datetime

from segmentation.erase import Erased, plan, resume
from segmentation.erasure_request import Request
from segmentation.errors import UserError
from segmentation.home import Home
from segmentation.person import Person, erased_hash, hmac_hex, record_key, record_secrets


def lost_erasures(home: Home, entries: list[dict]) -> list[dict]:
    """The erasures on a list that one of the databases knows nothing of: it is older than they are."""
    if not entries or not home.holds_build():
        return []
    with home.writing() as warehouse:
        held = set()
        if all(map(warehouse.has, ("restricted.vault.erased_identifiers", "warehouse.audit.deletion_log"))):
            held = {row for (row,) in warehouse.execute(
                f"select deletion_id from {warehouse.vault}.erased_identifiers intersect select deletion_id from audit.deletion_log").fetchall()}
    return [entry for entry in entries if entry["deletion_id"] not in held]


def refuse_restored(home: Home, entries: list[dict]) -> None:
    """Raise UserError when somebody erased may be back: nothing is built before the erasure is applied again."""
    if lost := lost_erasures(home, entries):
        raise UserError(
            f"{home.place} is older than {len(lost)} erasure(s) on record in {home.erasures.name}: run segmentation restore-check first.")


def erase_again(home: Home, entry: dict, graph, now: datetime, executor: str) -> Erased:
    """Apply an erasure of the list to databases that do not know it. Who is not in them is kept out all the same.

    Raises UserError when only one of the two databases is older: what the other destroyed proves nothing in it any more.
    """
    with home.writing() as warehouse:
        for relation in (f"{warehouse.vault}.erased_identifiers", "audit.deletion_log"):
            if warehouse.execute(f"select 1 from {relation} where deletion_id = ?", [entry["deletion_id"]]).fetchall():
                raise UserError(f"{home.place}: vault and warehouse are not of one age: restore both from one backup.")
        secret, blocks = record_secrets(warehouse)
        hashes = {digest for _, digest, _, _, _ in entry["identifiers"]}
        known = warehouse.execute(
            f"select identifier_type, identifier from {warehouse.vault}.customer_keys "
            f"union select channel, address from {warehouse.intermediate}.int_contact_addresses "
            f"union select 'anonymous_id', anonymous_id from {warehouse.intermediate}.int_consents_checked where anonymous_id is not null "
            f"union select left_type, left_id from {warehouse.intermediate}.int_identity_links_checked where left_type = 'anonymous_id' "
            f"union select right_type, right_id from {warehouse.intermediate}.int_identity_links_checked where right_type = 'anonymous_id'"
        ).fetchall()
        keys = warehouse.execute(f"select customer_key from {warehouse.vault}.leaf_nonces").fetchall()
        person = Person(
            sorted(one for one in known if erased_hash(blocks, *one) in hashes),
            sorted(key for (key,) in keys if hmac_hex(blocks, f"erased_key|{key}") in set(entry["keys"])))
        request = Request(entry["request_id"], entry["regulation"], datetime.fromisoformat(entry["requested_at"]), ())
        journal = plan(warehouse, person, graph, record_key(secret, "request", request.request_id), request, now, executor, entry)
    journal.write(home.journal)
    return resume(home)


def record_check(home: Home, entries: list[dict], n_missing: int, now: datetime, executor: str) -> int:
    """Record that a restore was checked (question q15), and return how many keys of erased persons are left: none, if all is well.

    Databases that were built before checks were recorded have no place for it until the next build.
    """
    listed = {key for entry in entries for key in entry["keys"]}
    with home.writing() as warehouse:
        _, blocks = record_secrets(warehouse)
        keys = warehouse.execute(
            f"select customer_key from {warehouse.vault}.leaf_nonces union select customer_key from {warehouse.vault}.customer_keys").fetchall()
        left = sum(hmac_hex(blocks, f"erased_key|{key}") in listed for (key,) in keys)
        if warehouse.has("warehouse.audit.restore_checks"):
            warehouse.execute("insert into audit.restore_checks (checked_at, executor, n_listed, n_missing, n_keys_left) "
                              "values (?, ?, ?, ?, ?)", [now.replace(microsecond=0), executor, len(entries), n_missing, left])
    return left
