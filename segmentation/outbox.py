"""Messages to everybody who received data about a person that was deleted (GDPR Art. 19), until each has confirmed.

A message is a payload in the format of the recipient's own interface; sending it is the operator's act. The vault keeps it until
the recipient has confirmed, then it is destroyed and its hash stays. Which format and which identity a vendor wants stands in its
manifest (`deletion_request`). Sources of the formats: Segment's regulations, Shopify's customers/redact, Klaviyo's data privacy
deletion jobs (privacy.md 5).
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

import duckdb

from segmentation.deletion import rewrite_tables
from segmentation.errors import UserError
from segmentation.home import Home
from segmentation.person import Person
from segmentation.session import Session

# what a vendor that collects a kind of data has of somebody: events of these types
COLLECTED = {
    "email_event": ("email_sent", "email_opened", "email_clicked", "unsubscribed"),
    "support": ("support_ticket",),
    "survey": ("survey_answered",),
}
MOST_SUBJECTS = 5_000  # of one call to Segment


def messages(warehouse: Session, person: Person, vendors: dict[str, dict]) -> list[dict]:
    """The messages for one person, whose identifiers are loaded (person.load): {recipient, payload_format, payload}.

    Recipients are the vendors with an audience over a segment that the person was ever in, and those that collected events of the
    person for us. `vendors` are their manifests by id.
    """
    listed = {vendor for (vendor,) in warehouse.execute(
        """
        select distinct audiences.vendor_id from activation.audiences as audiences
        where audiences.vendor_id is not null and (
            audiences.segment_id in (
                select segment_id from snapshots.segment_membership where customer_key in (select value from own_keys))
            or audiences.audience_id in (select audience_id from activation.audience_memberships where member_key in (select value from own_members)))
        """).fetchall()}
    types = _event_types(warehouse)
    collecting = [name for name, vendor in vendors.items() if types is None and vendor.get("collects") or any(
        kind in COLLECTED.get(source, ()) for source in vendor.get("collects") or [] for kind in types or ())]
    found = []
    for recipient in sorted(listed.union(collecting)):
        wanted = vendors.get(recipient, {}).get("deletion_request") or {"format": "segment", "identity": "member_key"}
        for payload in FORMATS[wanted["format"]](person, wanted, recipient):
            found.append({"recipient": recipient, "payload_format": wanted["format"], "payload": json.dumps(payload, ensure_ascii=False)})
    return found


def put(warehouse: Session, deletion_id: str, kind: str, created_at: str, found: list[dict]) -> None:
    """Put messages into the outbox, in the caller's transaction on the restricted database."""
    for number, message in enumerate(found, start=1):
        warehouse.execute(
            f"insert into {warehouse.vault}.outbox values (?, ?, ?, ?, ?, ?, ?, ?::timestamp, 0, null, null, null)",
            [f"{deletion_id[:12]}-{number}", deletion_id, message["recipient"], kind, message["payload_format"], message["payload"],
             hashlib.sha256(message["payload"].encode()).hexdigest(), created_at])


def listed(home: Home) -> list[tuple]:
    """All messages: id, recipient, format, kind, created, attempts, acknowledged, acknowledgement."""
    with home.writing() as warehouse:
        return warehouse.execute(
            "select outbox_id, recipient, payload_format, kind, created_at, attempts, acknowledged_at, acknowledgement "
            f"from {warehouse.vault}.outbox order by created_at, outbox_id").fetchall()


def payload_of(home: Home, outbox_id: str) -> str:
    """The payload of one message, and one attempt more on record. Raises UserError when there is none, or it is destroyed."""
    with home.writing() as warehouse:
        row = _row(warehouse, outbox_id)
        if row[0] is None:
            raise UserError(f"Message {outbox_id} was acknowledged: its payload is destroyed.")
        warehouse.execute(f"update {warehouse.vault}.outbox set attempts = attempts + 1 where outbox_id = ?", [outbox_id])
        return row[0]


def acknowledge(home: Home, outbox_id: str, reference: str, now: datetime, executor: str) -> bool:
    """Record that a recipient deleted, or why it cannot; the payload is destroyed. Returns whether messages of that deletion are left.

    Killed before the file is written anew, the same call does that part again. Raises UserError for an unknown message.
    """
    if not reference.strip() or len(reference) > 200 or not reference.isprintable():
        raise UserError("--reference must be a text of 1 to 200 characters: the recipient's confirmation, or why there is none.")
    with home.writing() as warehouse:
        row = _row(warehouse, outbox_id)
        if row[0] is not None:
            warehouse.execute(
                f"""
                update {warehouse.vault}.outbox set payload = null, acknowledged_at = ?, acknowledgement = ?, acknowledged_by = ?
                where outbox_id = ?
                """, [now.replace(microsecond=0), reference.strip(), executor, outbox_id])
        left = warehouse.execute(
            f"select count(*) from {warehouse.vault}.outbox where deletion_id = ? and acknowledged_at is null", [row[1]]).fetchone()[0]
    rewrite_tables(home, ["restricted.vault.outbox"])
    return left > 0


def _row(warehouse: Session, outbox_id: str) -> tuple:
    row = warehouse.execute(f"select payload, deletion_id from {warehouse.vault}.outbox where outbox_id = ?", [outbox_id]).fetchone()
    if row is None:
        raise UserError(f"There is no message {outbox_id[:60]!r} in the outbox; segmentation outbox list shows all.")
    return row


def _event_types(warehouse: Session) -> list[str] | None:
    """The types of the person's events; None when the raw files can no longer be read."""
    try:
        return sorted(kind for (kind,) in warehouse.execute(
            f"""
            select distinct event_type from {warehouse.intermediate}.int_events_checked
            where customer_id in (select value from own_identifiers where kind = 'customer_id') and event_type is not null
            """).fetchall())
    except duckdb.Error:
        return None


def _subjects(person: Person, identity: str, recipient: str) -> list[str]:
    return person.member_keys.get(recipient, []) if identity == "member_key" else person.of_type(identity)


def _segment(person: Person, wanted: dict, recipient: str) -> list[dict]:
    subjects = _subjects(person, wanted["identity"], recipient)
    return [
        {"regulationType": "SUPPRESS_WITH_DELETE", "subjectType": "USER_ID", "subjectIds": subjects[start:start + MOST_SUBJECTS]}
        for start in range(0, len(subjects), MOST_SUBJECTS)]


def _shopify(person: Person, wanted: dict, recipient: str) -> list[dict]:
    def one(values: list[str], number: int) -> str | None:
        return values[number] if number < len(values) else None

    customers, emails, phones = (person.of_type(kind) for kind in ("customer_id", "email", "phone"))
    found = []
    for number in range(max(map(len, (customers, emails, phones)), default=0)):
        named = {"id": one(customers, number), "email": one(emails, number), "phone": one(phones, number)}
        found.append({
            "shop_domain": wanted.get("shop_domain"), "customer": {name: value for name, value in named.items() if value},
            "orders_to_redact": person.order_ids if number == 0 else []})
    return found


def _klaviyo(person: Person, wanted: dict, recipient: str) -> list[dict]:
    """One job per profile; exactly one of email, phone_number and id."""
    name = {"email": "email", "phone": "phone_number"}.get(wanted["identity"], "id")
    return [
        {"data": {"type": "data-privacy-deletion-job", "attributes": {"profile": {"data": {"type": "profile", "attributes": {name: subject}}}}}}
        for subject in _subjects(person, wanted["identity"], recipient)]


FORMATS = {"segment": _segment, "shopify": _shopify, "klaviyo": _klaviyo}
