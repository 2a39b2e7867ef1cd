"""SEGMENTS_HOME: the folder with the two databases, the published copy and the lock of the running build."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from segmentation.errors import UserError
from segmentation.session import DuckDBSession

PROJECT = Path(__file__).resolve().parent.parent
DEFAULT_HOME = PROJECT / "warehouse"
KINDS = ("demo", "shop")
# the files that the commands put into a home; whatever else lies there is its owner's
MADE = re.compile(r"(warehouse|restricted)\.(duckdb|rewritten)(\.wal)?|home\.(json|new)|\.lock|\.?erasure.*\.(json|new)|\.(purge.*|unpublished|nonce_seed)")


def folder_setting(name: str) -> Path | None:
    """The folder that an environment variable names, absolute; None when unset. Raises UserError when it is no path."""
    given = os.environ.get(name, "")
    if not given:
        return None
    try:
        given.encode()
        return Path(os.path.expanduser(given)).resolve()
    except UnicodeEncodeError:
        raise UserError(f"{name}: the path {given!r} is not UTF-8.") from None
    except (OSError, RuntimeError):
        raise UserError(f"{name}: {given} is a loop of symbolic links.") from None


def duckdb_settings(**more: object) -> dict[str, object]:
    """What a connection is opened with: the limits SEGMENTS_MEMORY and SEGMENTS_THREADS, where they are set, and more.

    Macro limit_resources() holds dbt's own connection to them. Raises UserError when one of them has no such form.
    """
    forms = (("SEGMENTS_MEMORY", "memory_limit", "[1-9][0-9]{0,5}(MB|GB)", "a size like 2GB or 800MB"),
             ("SEGMENTS_THREADS", "threads", "[1-9][0-9]{0,2}", "a number from 1 to 999"))
    for name, setting, pattern, meaning in forms:
        if given := os.environ.get(name, ""):
            if not re.fullmatch(pattern, given):
                raise UserError(f"{name} must be {meaning}, not {given[:60]!r}.")
            more[setting] = given
    return more


class Home:
    """One SEGMENTS_HOME. Its databases belong to one shop: the demo, or one folder of raw data."""

    is_in_files = True  # false where a server holds the databases (postgres.PostgresHome)

    def __init__(self, folder: Path):
        self.folder = folder.resolve()
        self._session: DuckDBSession | None = None

    @classmethod
    def from_environment(cls, default: Path = DEFAULT_HOME) -> "Home":
        """The folder that SEGMENTS_HOME names, created when absent. Raises UserError when it cannot be used."""
        home = cls(folder_setting("SEGMENTS_HOME") or default)
        try:
            home.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"SEGMENTS_HOME: {home.folder} cannot be made a folder ({error.strerror}).") from error
        if not os.access(home.folder, os.W_OK):
            raise UserError(f"SEGMENTS_HOME: {home.folder} is not writable.")
        home._check_kinds()
        return home

    @classmethod
    def to_read(cls) -> "Home":
        """The folder that SEGMENTS_HOME names, as it is. Raises UserError when there is none."""
        home = cls(folder_setting("SEGMENTS_HOME") or DEFAULT_HOME)
        if not home.folder.is_dir():
            raise UserError(f"SEGMENTS_HOME: there is no folder {home.folder}.")
        home._check_kinds()
        return home

    def _check_kinds(self) -> None:
        """Raise UserError where something else than a file or a folder of the commands bears its name: to open a pipe waits without end."""
        folders = [self.published, self.target, self.logs, self.folder / "exports", *self.folder.glob("*.duckdb.tmp")]
        for folder in folders:
            if os.path.lexists(folder) and not folder.is_dir():
                raise UserError(f"{folder}: is not a folder, and the commands keep one there; move it away.")
        try:
            files = [path for path in self.folder.iterdir() if MADE.fullmatch(path.name)]
        except OSError as error:
            raise UserError(f"SEGMENTS_HOME: the folder {self.folder} cannot be listed ({error.strerror}).") from error
        # a link to nothing is no harm there: the published copy has one that the next build sets anew
        files += [path for folder in folders for parent, _, names in os.walk(folder) for path in (Path(parent, name) for name in names)
                  if path.exists()]
        for path in files:
            if not path.is_file():
                raise UserError(f"{path}: is not a file, and the commands keep one there; move it away.")

    @property
    def warehouse(self) -> Path:
        """The pseudonymous database."""
        return self.folder / "warehouse.duckdb"

    @property
    def restricted(self) -> Path:
        """The database with person data and keys."""
        return self.folder / "restricted.duckdb"

    @property
    def published(self) -> Path:
        """What BI tools open."""
        return self.folder / "published"

    @property
    def journal(self) -> Path:
        """The erasure that was begun and is not finished; names the person."""
        return self.folder / ".erasure.json"

    @property
    def erasures(self) -> Path:
        """The list of fulfilled erasures outside the databases, as keyed hashes."""
        return self.folder / "erasures.json"

    def refuse_open_erasure(self) -> None:
        """Raise UserError while an erasure is half done: some tables know the person, others do not."""
        if self.journal.exists():
            raise UserError(f"An erasure in {self.place} is not finished: run segmentation erase --resume first.")

    @property
    def place(self) -> str:
        """Where the databases are, for messages."""
        return str(self.folder)

    def mark(self, name: str) -> Path:
        """A file that says, while it is there, that a command has something left to do."""
        return self.folder / f".{name}"

    def holds_build(self) -> bool:
        """Whether anything was built here."""
        return self.warehouse.exists() and self.restricted.exists()

    @property
    def target(self) -> Path:
        """dbt's folder of artefacts: the project's own for the default home, else inside the home."""
        return (PROJECT if self.folder == DEFAULT_HOME else self.folder) / "target"

    @property
    def logs(self) -> Path:
        """The folder of dbt's log."""
        return self.target.with_name("logs")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the home for one build. The lock dies with the process, so a killed build blocks nobody.

        What is written meanwhile only its owner can read: databases, write-ahead logs and logs hold person data and keys
        (what is published gets its own permissions). Raises UserError when the folder was moved meanwhile and something failed for it.
        """
        lock = FileLock(self.folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            text = f"Another build is running in {self.folder}: wait for it, or set another SEGMENTS_HOME."
            raise UserError(text) from None
        except OSError as error:
            raise UserError(f"{self.folder / '.lock'} cannot be locked ({error.strerror}).") from error
        held, mask = self.folder.stat(), os.umask(0o077)
        self.journal.with_suffix(".new").unlink(missing_ok=True)  # an erasure that died before it began
        for spilled in self.folder.glob("*.duckdb.tmp"):  # what a killed build had no memory for: rows of anybody
            shutil.rmtree(spilled, ignore_errors=True)
        try:
            yield
        except Exception as error:
            # what fails then says little: DuckDB goes on in the folder where it is now, and dbt makes a new one of the old name
            if not self.folder.exists() or not os.path.samestat(held, self.folder.stat()):
                raise UserError(f"{self.folder} was moved or removed while the command worked: put it back, and run the command again.") from error
            raise
        finally:
            os.umask(mask)
            lock.release()

    def claim(self, kind: str) -> None:
        """Record whose data this home holds; refuse to mix the demo with a shop, whose keys and history differ."""
        held = self._held_kind()
        if held not in (None, kind):
            raw = "SEGMENTS_RAW to the shop's folder" if held == "shop" else "no SEGMENTS_RAW for the demo"
            raise UserError(f"{self.folder} holds the {held}'s history: set {raw}, or another SEGMENTS_HOME for the {kind}'s data.")
        if held is None:
            marker = self.folder / "home.json"
            fresh = marker.with_suffix(".new")
            fresh.write_text(json.dumps({"data": kind}) + "\n")
            os.replace(fresh, marker)

    def _held_kind(self) -> str | None:
        marker = self.folder / "home.json"
        try:
            kind = json.loads(marker.read_text())["data"]
        except FileNotFoundError:
            # nothing built yet, or built by a plain `dbt build`, which can only make the demo: it cannot make keys
            return ("shop" if self._has_keys() else "demo") if self.warehouse.exists() else None
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            kind = None
        if kind not in KINDS:
            raise UserError(f"{marker} is damaged: remove it, and the next build writes it anew.")
        return kind

    def _has_keys(self) -> bool:
        if not self.restricted.exists():
            return False
        with _connect(self.restricted) as connection:
            return bool(connection.execute("select 1 from duckdb_tables() where table_name = 'hmac_keys'").fetchall())

    def check_databases(self) -> None:
        """Refuse a home whose databases another program holds open, or that are damaged, before anything is changed."""
        for path in (self.restricted, self.warehouse):
            if path.exists():
                _connect(path).close()

    def open_restricted(self) -> duckdb.DuckDBPyConnection:
        """A writing connection to the restricted database, readable by its owner only."""
        connection = _connect(self.restricted)
        self.restricted.chmod(0o600)
        return connection

    @contextmanager
    def writing(self) -> Iterator[DuckDBSession]:
        """A writing connection to the warehouse with the restricted database attached, closed at the end. Within another one: that one.

        Raises UserError when another program holds one of the databases open, or it is damaged.
        """
        if self._session:
            yield self._session
            return
        connection = _connect(self.warehouse)
        try:
            try:
                connection.execute(f"attach '{str(self.restricted).replace(chr(39), chr(39) * 2)}' as restricted")
            except duckdb.Error as error:
                raise _unopened(self.restricted, error) from error
            self._session = DuckDBSession(connection)
            yield self._session
        finally:
            self._session = None
            connection.close()

    @property
    def kind(self) -> str | None:
        """Whose data this home holds: demo, shop or, while empty, nobody's."""
        return self._held_kind()


@contextmanager
def connect_read_only(warehouse: Path, restricted: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that can only read: the file as catalog `warehouse` (the default), the other as `restricted`.

    Neither file is changed, not even by recovering a log. Raises UserError when a build or another program has one open.
    """
    # without a file DuckDB would spill into the folder that somebody happens to be in
    with duckdb.connect(config=duckdb_settings(temp_directory=f"{warehouse}.tmp")) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for catalog, path in (("warehouse", warehouse), ("restricted", restricted)):
            if path is not None:
                escaped = str(path).replace("'", "''")
                try:
                    connection.execute(f"attach '{escaped}' as {catalog} (read_only)")
                except duckdb.Error as error:
                    raise _unopened(path, error) from error
        connection.execute("use warehouse")
        yield connection


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path), config=duckdb_settings())
    except duckdb.Error as error:
        raise _unopened(path, error) from error


def _unopened(path: Path, error: duckdb.Error) -> UserError:
    """Why a database cannot be opened, as one sentence."""
    if "Could not set lock" in str(error):
        holder = re.search(r"PID \d+", str(error))
        program = f"another program ({holder[0]})" if holder else "another program"
        return UserError(f"{path} is open in {program}: close it, and read published/ instead.")
    return UserError(f"{path} cannot be opened ({str(error).splitlines()[0].rstrip('.')}).")
