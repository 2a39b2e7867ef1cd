"""Retention carried out: membership history that ended long ago goes, its proof stays (GDPR Art. 5(1)(e)); so do salts of old epochs.

"Long ago" counts from the newest evaluation on record, never from the wall clock: the same history gives the same purge on any
day. What is deleted in the warehouse is one transaction, so a purge that is killed has happened or has not; the messages
to receivers are written before it, under the hash of what is deleted, so that a second run writes none twice (privacy.md C45).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from segmentation import deletion, outbox
from segmentation.errors import UserError
from segmentation.files import read_yaml
from segmentation.home import PROJECT, Home
from segmentation.person import erased_hash, hmac_hex, record_secrets
from segmentation.publish import publish
from segmentation.session import Session
from segmentation.vault import SALTS, destroy_salts
from segmentation.verify import sha256

KIND = "purge"
REASON = "history_retention"
SALT_REASON = "salt_retention"
SALT_RELATION = f"restricted.vault.{SALTS}"
HISTORY = "snapshots.segment_membership"
COPIES = ("segments.segment_membership_history", "segments.membership_by_customer")  # of the history, with valid_to
CHANGES = ("segments.segment_changes", "audit.segment_change_reasons")  # one row per entry or exit
DATED = ("audit.late_arrivals", "audit.replay_differences")  # rows about a person at an as_of
SAME_ROW = "({0}) in (select segment_id, customer_key, dbt_valid_from from due)"


@dataclass(frozen=True)
class Purged:
    """What a purge deleted: up to which end of a membership, rows per segment, messages (outbox_id, recipient)."""

    cutoff: datetime
    rows: dict[str, int]
    messages: list[tuple[str, str]]
    n_salts: int = 0


def history_retention_days() -> int:
    """How long a membership is kept after its end. Raises UserError when it is no number of days."""
    return _days_setting("history_retention_days")


def salt_retention_days() -> int:
    """How long the salt of an epoch is kept after its end: as long as anything is kept that it could still have to find."""
    return max(history_retention_days(), _days_setting("anonymous_retention_days"))


def _days_setting(name: str) -> int:
    days = read_yaml(PROJECT / "dbt_project.yml")["vars"].get(name)
    if not isinstance(days, int) or isinstance(days, bool) or days < 1:
        raise UserError(f"{name} in dbt_project.yml must be a whole number of days, 1 or more.")
    return days


def purge(home: Home, days: int, now: datetime, executor: str, salt_days: int | None = None) -> Purged:
    """Delete memberships that ended `days` or more before the newest evaluation, and what else was kept of them.

    The salts of epochs that ended `salt_days` or more before it (default: as many) are destroyed.
    `now` is recorded as the time of the act. Nothing that is due: nothing is changed. Whoever is under legal hold keeps everything.
    Raises UserError when a row to be deleted has no leaf nonce: without its leaf the record could no longer be proven.
    """
    home.refuse_open_erasure()
    unfinished, destroying = home.mark("purge"), home.mark("purge_salts")
    with home.writing() as warehouse:
        newest = warehouse.execute("select max(as_of) from audit.segment_evaluations").fetchone()[0]
        if newest is None:
            raise UserError(f"{home.place} records no evaluation yet: there is nothing to purge.")
        cutoff = newest - timedelta(days=days)
        deletions = _find_due(warehouse, cutoff)
        if deletions:
            unfinished.touch(mode=0o600)
            _tell_receivers(warehouse, deletions, cutoff, now)
            _delete(warehouse, deletions, cutoff, now, executor)
        n_salts = _purge_salts(warehouse, newest - timedelta(days=days if salt_days is None else salt_days), now, executor, destroying)
        messages = sorted(warehouse.execute(
            f"select outbox_id, recipient from {warehouse.vault}.outbox where deletion_id = any(?::text[])",
            [[row["deletion_id"] for row in deletions]]).fetchall())
    if unfinished.exists():
        # deleted rows are in the file until it is written anew; a killed purge left this to the next one
        deletion.rewrite_tables(home, [f"warehouse.{relation}" for relation in (HISTORY, *COPIES, *CHANGES, *DATED)])
        if home.is_in_files and home.published.exists():
            publish(home)
        unfinished.unlink()
    if destroying.exists():
        deletion.rewrite_tables(home, [SALT_RELATION])
        destroying.unlink()
    return Purged(cutoff, {row["segment_id"]: row["n_rows"] for row in deletions}, messages, n_salts)


def _find_due(warehouse: Session, cutoff: datetime) -> list[dict]:
    """The rows of the history that are due, as temporary table `due`; one deletion per segment, named by the hash of its leaves."""
    warehouse.keep("held", "select unnest(?::text[]) as customer_key", [_held(warehouse)])
    warehouse.keep(
        "due", f"""
        select
            history.segment_id, history.customer_key, history.dbt_valid_from, history.dbt_valid_to,
            {deletion.leaf_of(warehouse, 'nonces.nonce', 'history')} as leaf
        from {HISTORY} as history
        left join {warehouse.vault}.leaf_nonces as nonces on history.customer_key = nonces.customer_key
        where history.dbt_valid_to <= ? and history.customer_key not in (select customer_key from held)
        """, [cutoff])
    if lost := warehouse.execute("select count(*) from due where leaf is null").fetchone()[0]:
        raise UserError(f"{lost} row(s) of the history that are due have no leaf nonce: run segmentation verify; nothing was purged.")
    return [
        {"segment_id": segment, "n_rows": number, "deletion_id": sha256(f"{KIND}|{segment}|{leaves}")[:32]}
        for segment, number, leaves in sorted(warehouse.execute(
            "select segment_id, count(*), string_agg(leaf || dbt_valid_from::varchar, '' order by leaf, dbt_valid_from) from due group by segment_id"
        ).fetchall())]


def _purge_salts(warehouse: Session, cutoff: datetime, now: datetime, executor: str, destroying: Path) -> int:
    """Destroy the salts that are due, then log each destroyed one that is not in the log yet; returns how many were logged.

    Two files, so two steps: a purge that is killed between them is completed by the next one.
    """
    if not warehouse.has(SALT_RELATION):  # the demo, or built before there were epochs
        return 0
    salts = f"{warehouse.vault}.{SALTS}"
    if warehouse.execute(f"select epoch from {salts} where valid_to <= ? and destroyed_at is null", [cutoff]).fetchall():
        destroying.touch(mode=0o600)
        destroy_salts(warehouse, cutoff, now, warehouse.vault)
    logged = {one for (one,) in warehouse.execute("select deletion_id from audit.deletion_log where reason = ?", [SALT_REASON]).fetchall()}
    moment = now.replace(microsecond=0)
    rows = [
        {"deletion_id": sha256(f"{SALT_REASON}|{epoch}|{ended}")[:32], "n_rows": 1, "kind": KIND, "effective_at": ended, "recorded_at": moment,
         "acted_at": moment, "relation": SALT_RELATION, "reason": SALT_REASON, "executor": executor}
        for epoch, ended in warehouse.execute(
            f"select epoch, valid_to from {salts} where destroyed_at is not null order by epoch").fetchall()]
    rows = [row for row in rows if row["deletion_id"] not in logged]
    if rows:
        with warehouse.transaction():
            deletion.write_log(warehouse, rows)
    return len(rows)


def _held(warehouse: Session) -> list[str]:
    """The keys of everybody under legal hold."""
    hashes = {one for (one,) in warehouse.execute(
        f"select identifier_hash from {warehouse.vault}.legal_holds where lifted_at is null").fetchall()}
    if not hashes:
        return []
    _, blocks = record_secrets(warehouse)
    known = warehouse.execute(f"select customer_key, identifier_type, identifier from {warehouse.vault}.customer_keys").fetchall()
    return sorted({key for key, kind, identifier in known if erased_hash(blocks, kind, identifier) in hashes})


def _tell_receivers(warehouse: Session, deletions: list[dict], cutoff: datetime, now: datetime) -> None:
    """A message per receiver and segment: whose flag, long gone here, it must no longer keep either. In `restricted` only.

    Each receiver knows persons by its own keys; whoever is in the segment again, or was later, is not named.
    """
    _, blocks = record_secrets(warehouse)
    audiences = sorted(warehouse.execute(
        "select distinct segment_id, vendor_id, key_domain, key_epoch from activation.audiences where vendor_id is not null").fetchall())
    with warehouse.transaction():
        for row in deletions:
            told = warehouse.execute(f"select 1 from {warehouse.vault}.outbox where deletion_id = ?", [row["deletion_id"]]).fetchall()
            receivers = [rest for segment, *rest in audiences if segment == row["segment_id"]]
            if told or not receivers:
                continue
            persons = [key for (key,) in warehouse.execute(
                f"""
                select distinct customer_key from due where segment_id = ? and customer_key not in (
                    select customer_key from {HISTORY} where segment_id = ? and coalesce(dbt_valid_to > ?, true))
                """, [row["segment_id"], row["segment_id"], cutoff]).fetchall()]
            found = [
                {"recipient": vendor, "payload_format": "member_keys", "payload": json.dumps({
                    "type": "delete_segment_flag", "segment_id": row["segment_id"], "ended_until": cutoff.isoformat(),
                    "member_keys": sorted(hmac_hex(blocks, f"export|{domain}|{epoch}|{key}") for key in persons)})}
                for vendor, domain, epoch in receivers if persons]
            outbox.put(warehouse, row["deletion_id"], KIND, str(now.replace(microsecond=0)), found)


def _delete(warehouse: Session, deletions: list[dict], cutoff: datetime, now: datetime, executor: str) -> None:
    """History, its copies and what explained it go, leaves, ledger and log are written: one transaction on the warehouse."""
    moment = now.replace(microsecond=0)
    with warehouse.transaction():
        deletion.prune(warehouse, SAME_ROW.format("history.segment_id, history.customer_key, history.dbt_valid_from"), "n_purged")
        warehouse.execute(f"delete from {HISTORY} where {SAME_ROW.format('segment_id, customer_key, dbt_valid_from')}")
        for relation in COPIES:
            warehouse.execute(f"delete from {relation} where {SAME_ROW.format('segment_id, customer_key, valid_from')}")
        for relation in CHANGES:
            # an entry explains its membership for as long as that is kept
            warehouse.execute(
                f"""
                delete from {relation} as changes where as_of <= ? and customer_key not in (select customer_key from held) and not exists (
                    select 1 from {HISTORY} as history
                    where history.segment_id = changes.segment_id and history.customer_key = changes.customer_key
                        and changes.as_of in (history.dbt_valid_from, history.dbt_valid_to))
                """, [cutoff])
        for relation in DATED:
            warehouse.execute(f"delete from {relation} where as_of <= ? and customer_key not in (select customer_key from held)", [cutoff])
        deletion.write_log(warehouse, [row | {
            "kind": KIND, "effective_at": cutoff, "recorded_at": moment, "acted_at": moment, "relation": f"warehouse.{HISTORY}",
            "reason": REASON, "executor": executor,
        } for row in deletions])
