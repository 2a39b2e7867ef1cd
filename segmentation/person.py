"""Who a request means, and where in the databases that person stands: what erasure deletes is found here.

Tables are taken from the databases' own catalogues and compared with the dbt graph, never from a list written by hand: a new
model is covered by the names of its columns, and a table that is none of the project's stops the erasure.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import duckdb

from segmentation.errors import UserError
from segmentation.session import Session, Table

# Columns that say whose a row is. A table with one of them holds person data.
PERSON_COLUMNS = (
    "customer_key", "left_key", "right_key", "person_key", "member_key", "customer_id", "email", "phone", "identifier", "old_identifier",
    "person_identifier", "left_id", "right_id",
    "order_id", "order_key", "event_id", "payload", "row_key", "anonymous_id", "pid", "old_pid", "new_pid",
)
# those with keys that only this project computes
MADE_COLUMNS = ("customer_key", "left_key", "right_key", "person_key", "member_key", "order_key", "row_key", "pid", "old_pid", "new_pid")
# those that hold what a shop gave, in its words, and no key that was computed here
GIVEN_COLUMNS = (
    "customer_id", "email", "phone", "address", "identifier", "old_identifier", "person_identifier", "left_id", "right_id", "order_id", "payload")
# what trackers write when they have no device id, as macro names_nobody (a test compares)
NOBODYS = ("unknown", "undefined", "null", "none", "nil", "nan", "n/a", "na", "anonymous", "(not set)", "-", "0",
           "00000000-0000-0000-0000-000000000000")
TYPED = (("identifier_type", "identifier"), ("old_identifier_type", "old_identifier"), ("left_type", "left_id"), ("right_type", "right_id"))
# as macro canonical_value writes a text
CANONICAL = "replace(replace(replace({0}, chr(27), chr(27) || '0'), chr(30), chr(27) || '1'), chr(31), chr(27) || '2')"


@dataclass
class Person:
    """What names one person here: identifiers (type, value), keys, and the keys of what belongs to the person."""

    identifiers: list[tuple[str, str]]
    customer_keys: list[str] = field(default_factory=list)
    order_ids: list[str] = field(default_factory=list)
    order_keys: list[str] = field(default_factory=list)
    member_keys: dict[str, list[str]] = field(default_factory=dict)  # by receiver: each knows its own only
    row_keys: list[str] = field(default_factory=list)
    choice_ids: list[str] = field(default_factory=list)  # consent_event_ids
    pids: list[str] = field(default_factory=list)  # pseudonyms of the devices named, of every epoch that still has its salt

    def of_type(self, kind: str) -> list[str]:
        """The identifiers of one type."""
        return [identifier for found, identifier in self.identifiers if found == kind]

    @property
    def all_member_keys(self) -> list[str]:
        """The keys that any receiver knows the person by."""
        return sorted({key for keys in self.member_keys.values() for key in keys})

    @property
    def words(self) -> list[str]:
        """What must be found in no file afterwards; what is too short to mean only this person is left out."""
        named = [text for _, text in self.identifiers if len(text) >= 6] + [text for text in self.order_ids if len(text) >= 8]
        return sorted({*self.customer_keys, *self.all_member_keys, *self.pids, *named})


def hmac_hex(blocks: tuple[str, str], text: str) -> str:
    """HMAC-SHA256 from the padded blocks of a key (see vault.padded_blocks), as macro hmac_sha256_hex computes it."""
    inner, outer = map(bytes.fromhex, blocks)
    return hashlib.sha256(outer + hashlib.sha256(inner + text.encode()).digest()).hexdigest()


def record_key(secret: str, kind: str, text: str) -> str:
    """The keyed hash of a record, as macro record_key computes it."""
    return hashlib.sha256(f"{secret}|{kind}|{text}".encode()).hexdigest()[:32]


def buckets(connection: Session, identifier: str) -> tuple[int, int]:
    """The bucket of an identifier, as macro identifier_bucket counts it, and that of the text which tells how it counts."""
    found, check = connection.bucket("given.value"), connection.bucket("'bucket check'")
    return connection.execute(f"select {found}, {check} from (select ? as value) as given", [identifier]).fetchone()


def record_secrets(connection: Session, key_name: str = "record_key") -> tuple[str, tuple[str, str]]:
    """Secret and padded blocks of one of the vault's keys, or of the demo's."""
    for table in ("hmac_keys", "demo_hmac_keys"):
        if connection.has(f"restricted.vault.{table}"):
            row = connection.execute(
                f"select secret, inner_block, outer_block from {connection.vault}.{table} where key_name = ?", [key_name]).fetchone()
            if row:
                return row[0], (row[1], row[2])
    raise UserError("This SEGMENTS_HOME has no keys: build first.")


def normalised(connection: Session, kind: str, value: str) -> str | None:
    """An identifier as ingestion writes it; None when it is no address."""
    return connection.execute(f"select {connection.normalised(kind, 'given.value')} from (select ? as value) as given", [value]).fetchone()[0]


def find_person(connection: Session, identities: tuple[tuple[str, str], ...]) -> Person:
    """Everything that the named person is known by: accounts that were ever linked with theirs, guests with the same address.

    Whoever is named by an address alone must be its only holder: equal addresses never merge persons (privacy.md C25), so an
    address that several customers hold does not say whom to erase. A device names nobody but itself: whoever used it stays.
    Raises UserError, naming identities by their number.
    """
    named = []
    for number, (kind, value) in enumerate(identities, start=1):
        found = normalised(connection, kind, value)
        if kind == "anonymous_id" and value.strip().lower() in NOBODYS:
            raise UserError(f"Identity {number} of the request is no device: {value.strip()} is what trackers write when they have no id.")
        if found is None:
            raise UserError(f"Identity {number} of the request is no {'e-mail address' if kind == 'email' else 'phone number'}.")
        named.append((kind, found))
    holders, accounts = _holders(connection), _links(connection)
    customers = _joined({identifier for kind, identifier in named if kind == "customer_id"}, accounts)
    person = {*named, *(("customer_id", identifier) for identifier in customers)}
    for number, (kind, address) in enumerate(named, start=1):
        held_by = {identifier for found, identifier in holders.get((kind, address), ()) if found == "customer_id"}
        if not held_by & customers and not held_by <= _joined(set(sorted(held_by)[:1]), accounts):
            raise UserError(f"Identity {number} of the request ({kind}) is held by {len(held_by)} customers: name the customer ids of the one who asks.")
        if not held_by & customers:
            customers |= _joined(held_by, accounts)
            person |= {("customer_id", identifier) for identifier in customers}
    # an address that others hold too is not this person's alone: its guests and its restrictions stay
    person = {one for one in person if one[0] == "customer_id" or not {
        identifier for found, identifier in holders.get(one, ()) if found == "customer_id"} - customers}
    # guests under an address that nobody else holds are the same person
    grown = True
    while grown:
        others = {address for address, held_by in holders.items() if held_by & person and held_by <= person | {address}}
        grown = not others <= person
        person |= others
    return Person(sorted(person), _keys(connection, person))


def erased_hash(blocks: tuple[str, str], kind: str, identifier: str) -> str:
    """What the suppression list holds of an identifier, as macro erased_hash computes it."""
    return hmac_hex(blocks, f"erased|{kind}|{identifier}")


def _keys(connection: Session, person: set[tuple[str, str]]) -> list[str]:
    """The customer_keys on record: computed, because the key map knows only whom the newest input still names."""
    _, record = record_secrets(connection)
    _, blocks = record_secrets(connection, "customer_key")
    computed = []
    for kind, identifier in person:
        [(generation,)] = connection.execute(
            f"select count(*) from {connection.vault}.erased_identifiers where identifier_hash = ?",
            [erased_hash(record, kind, identifier)]).fetchall()
        computed.append(hmac_hex(blocks, f"{kind}|{identifier}|{generation}"))
    return sorted(key for (key,) in connection.execute(
        f"select customer_key from {connection.vault}.leaf_nonces where customer_key = any(?::text[])", [computed]).fetchall())


def _holders(connection: Session) -> dict[tuple[str, str], set[tuple[str, str]]]:
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for channel, address, kind, identifier in connection.execute(
        f"select channel, address, identifier_type, identifier from {connection.intermediate}.int_contact_addresses").fetchall():
        found.setdefault((channel, address), set()).add((kind, identifier))
    for *left, right_type, right_id in connection.execute(_LINKED.format(connection.intermediate)).fetchall():
        for address, holder in ((tuple(left), (right_type, right_id)), ((right_type, right_id), tuple(left))):
            if address[0] != "customer_id":
                found.setdefault(address, set()).add(holder)
    return found


# every link that is on record, ended ones too (privacy.md 3.2); a probable one only where it acts. A device is no person.
_LINKED = """
    select distinct links.left_type, links.left_id, links.right_type, links.right_id
    from {0}.int_identity_links as links
    left join {0}.int_identity_edges as edges on links.link_id = edges.link_id and edges.link_status = 'acting'
    where (links.match_class = 'deterministic' or edges.link_id is not null) and 'anonymous_id' not in (links.left_type, links.right_type)
"""


def _links(connection: Session) -> list[set[str]]:
    """The pairs of customer ids that a link has joined."""
    return [{left, right} for left_type, left, right_type, right in connection.execute(_LINKED.format(connection.intermediate)).fetchall()
            if left_type == right_type == "customer_id"]


def _joined(customers: set[str], accounts: list[set[str]]) -> set[str]:
    """The customer ids that are one person with the given ones by links, directly or by way of others."""
    found = set(customers)
    while more := {one for pair in accounts if pair & found for one in pair} - found:
        found |= more
    return found


def add_records(connection: Session, person: Person) -> None:
    """Complete a person with the keys of orders, of rejected rows and of the lists that vendors know the person on."""
    secret, blocks = record_secrets(connection)
    load(connection, person)
    is_own = own_rows(connection, {"customer_id", "email", "phone"})
    rows = connection.execute(
        f"""
        select source_system, order_id, bool_and({is_own})
        from {connection.intermediate}.int_orders_checked where order_id is not null group by source_system, order_id
        having bool_or({is_own})
        """
    ).fetchall()
    # an order that went over to somebody else is that person's: only the rows of before are this one's
    person.order_ids = sorted(order for _, order, is_own in rows if is_own)
    person.order_keys = sorted(record_key(secret, "order", f"{system}|{order}") for system, order, is_own in rows if is_own)
    lists = connection.execute("select distinct key_domain, key_epoch from activation.audiences").fetchall()
    person.member_keys = {}
    for domain, epoch in sorted(lists):
        person.member_keys.setdefault(domain, []).extend(hmac_hex(blocks, f"export|{domain}|{epoch}|{key}") for key in person.customer_keys)
    load(connection, person)
    person.pids = _pids(connection, person)
    payloads = connection.execute(
        f"select table_name, payload from {connection.intermediate}.int_rejected_rows where {own_rows(connection, {'payload'})}").fetchall()
    person.choice_ids = sorted(choice for (choice,) in connection.execute(
        f"select distinct consent_event_id from {connection.intermediate}.int_consents_checked "
        f"where consent_event_id is not null and ({own_rows(connection, {'customer_id', 'email', 'phone', 'anonymous_id'})})").fetchall())
    person.row_keys = sorted({record_key(secret, "row", f"{table}|{payload}") for table, payload in payloads})
    load(connection, person)


def _pids(connection: Session, person: Person) -> list[str]:
    """The pseudonyms of the person's devices, as macro pid computes them."""
    devices = person.of_type("anonymous_id")
    salts = [salt for table in ("pid_salts", "demo_pid_salts") if devices and connection.has(f"restricted.vault.{table}")
             for salt in connection.execute(f"select inner_block, outer_block from {connection.vault}.{table} where inner_block is not null").fetchall()]
    return sorted(hmac_hex(salt, f"anonymous_id|{device}") for salt in salts for device in devices)


def is_known_device(connection: Session, person: Person) -> bool:
    """Whether anything is recorded of a device that is named, by itself."""
    intermediate, devices = connection.intermediate, person.of_type("anonymous_id")
    places = [
        f"{intermediate}.int_consents_checked where anonymous_id = any(?::text[])",
        *(f"{intermediate}.int_identity_links_checked where {side}_type = 'anonymous_id' and {side}_id = any(?::text[])" for side in ("left", "right")),
        f"{intermediate}.int_events_checked where anonymous_id = any(?::text[]) and is_usable",
    ]
    for place in places if devices else []:
        with suppress(duckdb.Error):  # of raw files that can no longer be read
            if connection.execute(f"select 1 from {place} limit 1", [devices]).fetchall():
                return True
    return False


def load(connection: Session, person: Person) -> None:
    """Make the person's identifiers temporary tables, which own_rows() reads. They are gone with the session."""
    lists = {
        "own_keys": person.customer_keys, "own_members": person.all_member_keys, "own_orders": person.order_ids,
        "own_order_keys": person.order_keys, "own_rows": person.row_keys, "own_choices": person.choice_ids, "own_pids": person.pids,
    }
    for name, values in lists.items():
        connection.keep(name, "select unnest(?::text[]) as value", [values])
    connection.keep(
        "own_identifiers", "select unnest(?::text[]) as kind, unnest(?::text[]) as value",
        [[kind for kind, _ in person.identifiers], [value for _, value in person.identifiers]])
    # in the text of a rejected row each value stands between its name and a separator
    value = CANONICAL.format("value")
    connection.keep(
        "own_texts", f"""
        select chr(31) || kind || '=' || {value} || chr(31) as value from own_identifiers
        union all
        select chr(31) || side || '=' || {value} || chr(31) from own_identifiers cross join (values ('left_id'), ('right_id')) as sides (side)
        union all
        select chr(31) || 'order_id=' || {value} || chr(31) from own_orders
        """
    )


def own_rows(connection: Session, columns: set[str] | frozenset[str]) -> str:
    """The SQL condition for rows of the loaded person in a table with these columns; empty where none of them can tell."""
    found = []
    keys = [(column, "own_keys") for column in ("customer_key", "left_key", "right_key", "person_key")]
    pids = [(column, "own_pids") for column in ("pid", "old_pid", "new_pid")]
    for column, table in (*keys, ("member_key", "own_members"), ("row_key", "own_rows"), *pids):
        if column in columns:
            found.append(f"coalesce({column} in (select value from {table}), false)")
    for kind, identifier in TYPED:
        if {kind, identifier} <= columns:
            forms = " ".join(f"when '{one}' then {connection.normalised(one, identifier)}" for one in ("email", "phone"))
            value = f"case {kind} {forms} else {identifier} end"
            found.append(f"exists (select 1 from own_identifiers as own where own.kind = {kind} and own.value = {value})")
    # a row is of the first identifier that it names, as at the waist: a device has what names nobody else
    earlier = []
    for column in ("customer_id", "email", "phone", "anonymous_id"):
        if column in columns and not (column == "anonymous_id" and set(TYPED[0]) <= columns):
            value = connection.normalised(column, column)
            conditions = [*earlier, f"({value}) in (select value from own_identifiers where kind = '{column}')"]
            found.append(f"coalesce({' and '.join(conditions)}, false)")
            earlier.append(f"({value}) is null")
    is_named = bool(found)
    for column, table in (("order_key", "own_order_keys"), ("order_id", "own_orders")):
        if column in columns and not is_named:
            found.append(f"coalesce({column} in (select value from {table}), false)")
    if "payload" in columns:
        found.append("exists (select 1 from own_texts as own where strpos(chr(31) || payload || chr(31), own.value) > 0)")
    return " or ".join(f"({condition})" for condition in found)


def person_tables(connection: Session, known: set[tuple[str, str, str]], others: set[tuple[str, str, str]]) -> list[Table]:
    """The tables that hold person data, for a person who is loaded. `known` are those of the dbt graph, `others` its sources.

    Raises UserError naming a table that has a column of a person and is neither: nobody said what it is. A database of Postgres may
    hold other programs' tables too: in a schema that is none of the project's, only one with a key of this person is named.
    """
    own = {place[:2] for place in known | others}
    found = []
    for table in connection.tables():
        named = sorted(table.columns & set(PERSON_COLUMNS))
        if not named or table.place in others:
            continue
        if table.place in known:
            found.append(table)
            continue
        if connection.is_shared and table.place[:2] not in own:
            named = [column for column in named if column in MADE_COLUMNS and _holds_key(connection, table, column)]
        if named:
            raise UserError(
                f"{connection.label(table)} holds {', '.join(named)}, but is no table of this project: "
                "drop it, or make it a model, so that what is erased is erased there too.")
    return found


def _holds_key(connection: Session, table: Table, column: str) -> bool:
    return bool(connection.execute(
        f'select 1 from {connection.sql_name(table.relation)} where "{column}"::text in (select value from own_keys union all '
        "select value from own_members union all select value from own_pids) limit 1").fetchall())


def residues(
    connection: Session, person: Person, others: set[tuple[str, str, str]], schemas: set[tuple[str, str]] | None = None
) -> Iterator[str]:
    """Where a database still says who the person is: any text of any table that holds a key, or an address of theirs alone.

    To be asked once the person's rows are gone. `others` are tables that are not looked at; with `schemas` (area, schema) only those
    are. A key of this person that the shop
    gave to somebody else as an id says who that other is, who stays: an id may be any text.
    """
    words = [*person.customer_keys, *person.all_member_keys, *person.pids]
    if not words:
        return
    pattern, known = "|".join(words), _known_identifiers(connection, person)
    asked = [(table, [f'"{column}"::varchar' for column in table.texts], connection.sql_name(table.relation)) for table in connection.tables()
             if table.texts and table.place not in others and (schemas is None or table.place[:2] in schemas)]
    # all texts of a row as one, of all tables in one query: a table is read again, column by column, only where something was found
    together = [f"(select {number} from {relation} where {connection.holds_pattern.format(f'concat_ws(chr(31), {text})')} limit 1)"
                for number, (text, relation) in enumerate((", ".join(texts), relation) for _, texts, relation in asked)]
    numbers = connection.execute(" union all ".join(together), [pattern] * len(asked)).fetchall() if asked else []
    for table, texts, relation in [asked[number] for (number,) in sorted(numbers)]:
        [is_held] = connection.execute(
            "select " + ", ".join(f"bool_or({connection.holds_pattern.format(text)})" for text in texts) + f" from {relation}",
            [pattern] * len(texts)).fetchall()
        for column, text in itertools.compress(zip(table.texts, texts), is_held):
            found = connection.execute(
                f"select distinct {text} from {relation} where {connection.holds_pattern.format(text)}"
                + ("" if column in GIVEN_COLUMNS else " limit 1"), [pattern]).fetchall()
            if not all(_is_of_somebody_else(connection, column, text, person, known, pattern) for (text,) in found):
                yield f"{connection.label(table)}, column {column}"


def _known_identifiers(connection: Session, person: Person) -> set[str]:
    """What others than the person are known by, in customer keys, as addresses and in links, written as ingestion writes it."""
    rows = connection.execute(
        f"""
        select identifier_type, identifier from {connection.vault}.customer_keys where customer_key <> all(?::text[])
        union all
        select identifier_type, identifier from {connection.intermediate}.int_contact_addresses
        union all
        select channel, address from {connection.intermediate}.int_contact_addresses
        union all
        select left_type, left_id from {connection.intermediate}.int_identity_links_checked
        union all
        select right_type, right_id from {connection.intermediate}.int_identity_links_checked
        """, [person.customer_keys]).fetchall()
    return {identifier for kind, identifier in rows if (kind, identifier) not in set(person.identifiers)}


def _is_of_somebody_else(
    connection: Session, column: str, text: str, person: Person, known: set[str], pattern: str
) -> bool:
    """Whether a text with one of the person's keys in it is an id that the shop gave to another person or to another's order."""
    if column == "payload":
        # a rejected row, in the shop's words; whose no other table need know. Each value stands between its name and a separator
        parts = [part.partition("=") for part in text.split(chr(31)) if re.search(pattern, part)]
        own = {*(identifier for _, identifier in person.identifiers), *person.order_ids}
        return all(name in GIVEN_COLUMNS and value not in own for name, _, value in parts)
    if column == "order_id":
        return text not in person.order_ids
    if column not in GIVEN_COLUMNS:
        return False
    return bool({text, normalised(connection, "email", text), normalised(connection, "phone", text)} & known)
