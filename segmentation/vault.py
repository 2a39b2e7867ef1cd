"""Keys of the pseudonyms, their epochs and the seed of the leaf nonces, kept in the restricted area and nowhere else."""

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from segmentation.errors import UserError
from segmentation.home import Home

SEED_FILE = ".nonce_seed"
KEY_NAMES = ("customer_key", "record_key")
KEY_BYTES = 32
BLOCK_BYTES = 64  # block size of SHA-256
SALTS = "pid_salts"
FIRST_EPOCH_AT = datetime(1900, 1, 1)  # nothing is evaluated before


@dataclass(frozen=True)
class Epoch:
    """A time in which devices and e-mail addresses keep their pseudonyms. Never the salt."""

    number: int
    valid_from: datetime
    valid_to: datetime | None
    rotated_at: datetime | None
    rotated_by: str | None
    destroyed_at: datetime | None


def key_file_setting() -> Path | None:
    """The file of HMAC keys that SEGMENTS_KEY_FILE names, if the shop gives one; whether it can be read shows when it is read."""
    given = os.environ.get("SEGMENTS_KEY_FILE")
    # Path.expanduser() stops at a user that does not exist; here the name stays, and no such file is found
    return Path(os.path.expanduser(given)) if given else None


def padded_blocks(key: bytes) -> tuple[str, str]:
    """Inner and outer HMAC block (RFC 2104) of a key of at most 64 bytes, as hex digits.

    No SQL engine here has a byte-wise XOR on blocks, so the XOR is done once, in Python.
    """
    padded = key.ljust(BLOCK_BYTES, b"\0")
    return bytes(b ^ 0x36 for b in padded).hex(), bytes(b ^ 0x5C for b in padded).hex()


def ensure_keys(
    restricted, key_file: Path | None, has_history: bool = False, schema: str = "vault", owner: str = "SEGMENTS_HOME"
) -> None:
    """Create `hmac_keys` in the vault's schema once: from the key file, else from the system's secure random source.

    `restricted` is a connection to the restricted area, DuckDB's own or a postgres.Database; `owner` what the messages
    call the holder of the history.

    The key file holds one line of 64 hex digits per key, in the order of KEY_NAMES (and perhaps one more, see
    `nonce_seed`). Keys never change afterwards: a different key file is refused, and so are new keys for a home that has
    a history, because every pseudonym in it would change.
    """
    given = dict(zip(KEY_NAMES, _read_key_file(key_file))) if key_file else None
    restricted.execute("begin")
    restricted.execute(f"create schema if not exists {schema}")
    restricted.execute(
        f"create table if not exists {schema}.hmac_keys"
        " (key_name varchar, secret varchar, inner_block varchar, outer_block varchar)"
    )
    existing = dict(restricted.execute(f"select key_name, inner_block from {schema}.hmac_keys").fetchall())
    if existing:
        if given and existing != {name: padded_blocks(key)[0] for name, key in given.items()}:
            raise UserError(f"SEGMENTS_KEY_FILE {key_file}: these are not the keys that this {owner} was made with.")
    elif has_history and not given:
        text = f"The keys of this {owner}'s history are gone: restore its vault, or give SEGMENTS_KEY_FILE."
        raise UserError(text)
    else:
        keys = given or {name: secrets.token_bytes(KEY_BYTES) for name in KEY_NAMES}
        rows = [(name, key.hex()[:32], *padded_blocks(key)) for name, key in keys.items()]
        restricted.executemany(f"insert into {schema}.hmac_keys values (?, ?, ?, ?)", rows)
    restricted.execute("commit")


def ensure_epochs(restricted, key_file: Path | None, schema: str = "vault") -> None:
    """Create `pid_salts` in the vault's schema once, with the first epoch. Arguments as of ensure_keys.

    Its salt is random, and independent of every other key: else destroying it would destroy nothing. Only a third line of the
    key file, there for comparisons, fixes it (see `nonce_seed`).
    """
    restricted.execute("begin")
    restricted.execute(f"create schema if not exists {schema}")
    restricted.execute(
        f"create table if not exists {schema}.{SALTS} (epoch integer, valid_from timestamp, valid_to timestamp,"
        " inner_block varchar, outer_block varchar, rotated_at timestamp, rotated_by varchar, destroyed_at timestamp)"
    )
    if not restricted.execute(f"select count(*) from {schema}.{SALTS}").fetchone()[0]:
        fixed = _read_key_file(key_file)[len(KEY_NAMES):] if key_file else []
        salt = hashlib.sha256(b"first salt" + fixed[0]).digest() if fixed else secrets.token_bytes(KEY_BYTES)
        _add_epoch(restricted, schema, 1, FIRST_EPOCH_AT, salt, None, None)
    restricted.execute("commit")


def epochs(restricted, schema: str, owner: str) -> list[Epoch]:
    """All epochs, oldest first. Raises UserError when the vault of `owner` has none."""
    rows = []
    if restricted.execute("select count(*) from information_schema.tables where table_name = ?", [SALTS]).fetchone()[0]:
        rows = restricted.execute(
            f"select epoch, valid_from, valid_to, rotated_at, rotated_by, destroyed_at from {schema}.{SALTS} order by epoch").fetchall()
    if not rows:
        raise UserError(f"{owner} has no epochs yet: run `segmentation build` once with this version.")
    return [Epoch(*row) for row in rows]


def rotate(restricted, at: datetime, newest: datetime | None, now: datetime, executor: str, schema: str, owner: str) -> Epoch:
    """Begin a new epoch at an instant, with a fresh salt; returns it.

    `newest`: the newest evaluation on record. `now` and `executor` are recorded. Raises UserError, before anything is
    changed, when the instant is not later than that evaluation (the record and its replay would know different pseudonyms) or
    than the beginning of the newest epoch.
    """
    last = epochs(restricted, schema, owner)[-1]
    if newest is not None and at <= newest:
        raise UserError(f"A new epoch begins after the newest evaluation on record, {newest}; {at} does not.")
    if at <= last.valid_from:
        raise UserError(f"Epoch {last.number} begins at {last.valid_from}: a new one must begin after that; {at} does not.")
    restricted.execute("begin")
    restricted.execute(f"update {schema}.{SALTS} set valid_to = ? where epoch = ?", [at, last.number])
    _add_epoch(restricted, schema, last.number + 1, at, secrets.token_bytes(KEY_BYTES), now.replace(microsecond=0), executor)
    restricted.execute("commit")
    return epochs(restricted, schema, owner)[-1]


def destroy_salts(restricted, cutoff: datetime, now: datetime, schema: str) -> None:
    """Destroy the salts of epochs that ended at or before an instant. The epochs stay; DuckDB keeps the bytes until a rewrite."""
    restricted.execute(
        f"update {schema}.{SALTS} set inner_block = null, outer_block = null, destroyed_at = ?"
        " where valid_to <= ? and destroyed_at is null", [now.replace(microsecond=0), cutoff])


def _add_epoch(restricted, schema: str, number: int, at: datetime, salt: bytes, now: datetime | None, executor: str | None) -> None:
    restricted.execute(
        f"insert into {schema}.{SALTS} (epoch, valid_from, inner_block, outer_block, rotated_at, rotated_by)"
        " values (?, ?, ?, ?, ?, ?)", [number, at, *padded_blocks(salt), now, executor])


@contextlib.contextmanager
def nonce_seed(home: Home, key_file: Path | None) -> Iterator[None]:
    """For the time of one build, `vault.nonce_seeds` shows a seed from the system's secure random source.

    From it the model `leaf_nonces` derives the nonce of every person who has none yet. Afterwards the seed is gone, so
    that a nonce that an erasure destroyed cannot be computed again. The seed never enters a database file, where deleted
    bytes stay: it is a file of the home that a view reads, and the file is overwritten before it is removed. A killed
    build leaves it to the next one, which begins by overwriting it.

    A third line of the key file is taken as the seed, so that two homes can be compared hash by hash (as the tests do).
    Whoever keeps that line can compute destroyed nonces again.
    """
    path = home.folder / SEED_FILE
    _write_seed(path, new_seed(key_file))
    try:
        # dbt runs in the home's folder: a path without folders needs no quoting and survives a move of the home
        columns = "columns = {'seed': 'varchar'}, auto_detect = false, header = false, delim = ','"
        _show_seed(home, f"select seed from read_csv('{SEED_FILE}', {columns})")
        yield
    finally:
        path.write_text("0" * 2 * KEY_BYTES + "\n", encoding="ascii")
        path.unlink()
        _show_seed(home, "select cast(null as varchar) as seed where false")


def _write_seed(path: Path, seed: str) -> None:
    """Write the seed to a file that nobody else can read. What a killed build left is overwritten first; a link is not followed."""
    try:
        if path.is_symlink():
            path.unlink()
        elif path.exists():
            if not path.is_file():
                raise UserError(f"{path}: is not a file; remove it, the build writes its own.")
            path.write_text("0" * 2 * KEY_BYTES + "\n", encoding="ascii")
            path.unlink()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(seed + "\n")
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}).") from error


def new_seed(key_file: Path | None) -> str:
    """A seed for the leaf nonces of one build, 64 hex digits: random, or the third line of the key file."""
    given = _read_key_file(key_file)[len(KEY_NAMES):] if key_file else []
    return given[0].hex() if given else secrets.token_hex(KEY_BYTES)


def _show_seed(home: Home, query: str) -> None:
    restricted = home.open_restricted()
    try:
        with contextlib.chdir(home.folder):
            restricted.execute(f"create or replace view vault.nonce_seeds as {query}")
    finally:
        restricted.close()


def _read_key_file(path: Path) -> list[bytes]:
    if path.exists() and not path.is_file():
        raise UserError(f"SEGMENTS_KEY_FILE {path}: is not a file.")
    try:
        with path.open(encoding="ascii") as file:
            lines = file.read(1000).split()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"SEGMENTS_KEY_FILE {path}: cannot be read.") from error
    if len(lines) != len(set(lines)) or not len(KEY_NAMES) <= len(lines) <= len(KEY_NAMES) + 1 or not all(
        re.fullmatch("[0-9a-fA-F]{64}", line) for line in lines
    ):
        raise UserError(f"SEGMENTS_KEY_FILE {path}: must hold {len(KEY_NAMES)} (or {len(KEY_NAMES) + 1}) different lines of 64 hex digits.")
    return [bytes.fromhex(line) for line in lines]
