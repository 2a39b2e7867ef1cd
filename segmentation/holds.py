"""Legal holds: persons who may not be erased for the time being (GDPR Art. 17(3)), kept as keyed hashes."""

from __future__ import annotations

import re
from datetime import datetime

from segmentation.erasure_request import Request
from segmentation.errors import UserError
from segmentation.home import Home
from segmentation.person import erased_hash, find_person, is_known_device, record_secrets


def place(home: Home, hold_id: str, request: Request, reason: str, now: datetime, executor: str) -> int:
    """Hold the person that a request names; returns the number of identifiers held.

    Raises UserError for an id that was used before, an empty reason, or nobody known.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", hold_id):
        raise UserError("--id must be a name of letters, digits and . _ -, for example LIT-2026-04.")
    if not reason.strip() or len(reason) > 200 or not reason.isprintable():
        raise UserError("--reason must be a text of 1 to 200 characters.")
    with home.writing() as warehouse:
        if warehouse.execute(f"select 1 from {warehouse.vault}.legal_holds where hold_id = ?", [hold_id]).fetchall():
            raise UserError(f"There is a hold {hold_id} already: a hold holds one person, once.")
        _, blocks = record_secrets(warehouse)
        person = find_person(warehouse, request.identities)
        if not person.customer_keys and not is_known_device(warehouse, person):
            raise UserError("Nobody is known here under the identities of this request.")
        with warehouse.transaction():
            for kind, identifier in person.identifiers:
                warehouse.execute(
                    f"insert into {warehouse.vault}.legal_holds values (?, ?, ?, ?, ?, ?, null, null)",
                    [hold_id, kind, erased_hash(blocks, kind, identifier), reason.strip(), now.replace(microsecond=0), executor])
    return len(person.identifiers)


def lift(home: Home, hold_id: str, now: datetime, executor: str) -> list[str]:
    """End a hold; returns the ids of the requests that were refused because of it, and can be run again.

    Raises UserError when there is no such hold, or it has ended.
    """
    with home.writing() as warehouse:
        held = warehouse.execute(f"select count(*), count(lifted_at) from {warehouse.vault}.legal_holds where hold_id = ?", [hold_id]).fetchone()
        if not held[0] or held[1]:
            raise UserError(f"Hold {hold_id[:60]!r} {'has ended already' if held[0] else 'does not exist'}.")
        warehouse.execute(
            f"update {warehouse.vault}.legal_holds set lifted_at = ?, lifted_by = ? where hold_id = ?", [now.replace(microsecond=0), executor, hold_id])
        return sorted(request for (request,) in warehouse.execute(
            f"""
            select distinct request_id from {warehouse.vault}.erasure_requests as refused
            where hold_id = ? and request_status = 'held' and not exists (
                select 1 from {warehouse.vault}.erasure_requests as others
                where others.request_id = refused.request_id and others.request_status = 'fulfilled')
            """, [hold_id]).fetchall())


def listed(home: Home) -> list[tuple]:
    """All holds: id, reason, placed at, by, lifted at, by."""
    with home.writing() as warehouse:
        return warehouse.execute(
            "select distinct hold_id, hold_reason, placed_at, placed_by, lifted_at, lifted_by "
            f"from {warehouse.vault}.legal_holds order by placed_at, hold_id"
        ).fetchall()
