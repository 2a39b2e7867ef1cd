"""Keys of the pseudonyms and the seed of the leaf nonces, kept in the restricted area and nowhere else."""

import contextlib
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from segmentation.errors import UserError
from segmentation.home import Home

SEED_FILE = ".nonce_seed"
KEY_NAMES = ("customer_key", "record_key")
KEY_BYTES = 32
BLOCK_BYTES = 64  # block size of SHA-256


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
    path.touch(mode=0o600)
    path.write_text(new_seed(key_file) + "\n", encoding="ascii")
    try:
        # dbt runs in the home's folder: a path without folders needs no quoting and survives a move of the home
        columns = "columns = {'seed': 'varchar'}, auto_detect = false, header = false, delim = ','"
        _show_seed(home, f"select seed from read_csv('{SEED_FILE}', {columns})")
        yield
    finally:
        path.write_text("0" * 2 * KEY_BYTES + "\n", encoding="ascii")
        path.unlink()
        _show_seed(home, "select cast(null as varchar) as seed where false")


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
    try:
        lines = path.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"SEGMENTS_KEY_FILE {path}: cannot be read.") from error
    if len(lines) != len(set(lines)) or not len(KEY_NAMES) <= len(lines) <= len(KEY_NAMES) + 1 or not all(
        re.fullmatch("[0-9a-fA-F]{64}", line) for line in lines
    ):
        raise UserError(f"SEGMENTS_KEY_FILE {path}: must hold {len(KEY_NAMES)} (or {len(KEY_NAMES) + 1}) different lines of 64 hex digits.")
    return [bytes.fromhex(line) for line in lines]
