"""Keys of the pseudonyms, kept in the restricted database and nowhere else."""

import re
import secrets
from pathlib import Path

import duckdb

from segmentation.errors import UserError

KEY_NAMES = ("customer_key", "record_key")
KEY_BYTES = 32
BLOCK_BYTES = 64  # block size of SHA-256


def padded_blocks(key: bytes) -> tuple[str, str]:
    """Inner and outer HMAC block (RFC 2104) of a key of at most 64 bytes, as hex digits.

    No SQL engine here has a byte-wise XOR on blocks, so the XOR is done once, in Python.
    """
    padded = key.ljust(BLOCK_BYTES, b"\0")
    return bytes(b ^ 0x36 for b in padded).hex(), bytes(b ^ 0x5C for b in padded).hex()


def ensure_keys(restricted: duckdb.DuckDBPyConnection, key_file: Path | None, has_history: bool = False) -> None:
    """Create `vault.hmac_keys` once: from the key file, else from the system's secure random source.

    The key file holds one line of 64 hex digits per key, in the order of KEY_NAMES. Keys never change afterwards: a
    different key file is refused, and so are new keys for a home that has a history, because every pseudonym in it
    would change.
    """
    given = _read_key_file(key_file) if key_file else None
    restricted.execute("begin")
    restricted.execute("create schema if not exists vault")
    restricted.execute(
        "create table if not exists vault.hmac_keys"
        " (key_name varchar, secret varchar, inner_block varchar, outer_block varchar)"
    )
    existing = dict(restricted.execute("select key_name, inner_block from vault.hmac_keys").fetchall())
    if existing:
        if given and existing != {name: padded_blocks(key)[0] for name, key in given.items()}:
            raise UserError(f"SEGMENTS_KEY_FILE {key_file}: these are not the keys that this SEGMENTS_HOME was made with.")
    elif has_history and not given:
        text = "The keys of this SEGMENTS_HOME's history are gone: restore restricted.duckdb, or give SEGMENTS_KEY_FILE."
        raise UserError(text)
    else:
        keys = given or {name: secrets.token_bytes(KEY_BYTES) for name in KEY_NAMES}
        rows = [(name, key.hex()[:32], *padded_blocks(key)) for name, key in keys.items()]
        restricted.executemany("insert into vault.hmac_keys values (?, ?, ?, ?)", rows)
    restricted.execute("commit")


def _read_key_file(path: Path) -> dict[str, bytes]:
    try:
        lines = path.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"SEGMENTS_KEY_FILE {path}: cannot be read.") from error
    if len(lines) != len(set(lines)) or len(lines) != len(KEY_NAMES) or not all(
        re.fullmatch("[0-9a-fA-F]{64}", line) for line in lines
    ):
        raise UserError(f"SEGMENTS_KEY_FILE {path}: must hold {len(KEY_NAMES)} different lines of 64 hex digits.")
    return {name: bytes.fromhex(line) for name, line in zip(KEY_NAMES, lines)}
