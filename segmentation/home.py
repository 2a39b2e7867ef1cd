"""SEGMENTS_HOME: the folder with the two databases, the published copy and the lock of the running build."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from segmentation.errors import UserError

PROJECT = Path(__file__).resolve().parent.parent
DEFAULT_HOME = PROJECT / "warehouse"


class Home:
    """One SEGMENTS_HOME. Its databases belong to one shop: the demo, or one folder of raw data."""

    def __init__(self, folder: Path):
        self.folder = folder.resolve()

    @classmethod
    def from_environment(cls) -> "Home":
        """The folder that SEGMENTS_HOME names, created when absent. Raises UserError when it cannot be used."""
        home = cls(Path(os.environ.get("SEGMENTS_HOME") or DEFAULT_HOME))
        try:
            home.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"SEGMENTS_HOME: {home.folder} cannot be made a folder ({error.strerror}).") from error
        if not os.access(home.folder, os.W_OK):
            raise UserError(f"SEGMENTS_HOME: {home.folder} is not writable.")
        return home

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
    def target(self) -> Path:
        """dbt's folder of artefacts: the project's own for the default home, else inside the home."""
        return (PROJECT if self.folder == DEFAULT_HOME else self.folder) / "target"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the home for one build. The lock dies with the process, so a killed build blocks nobody."""
        lock = FileLock(self.folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise UserError(f"Another build is running in {self.folder}: wait for it, or set another SEGMENTS_HOME.") from None
        try:
            yield
        finally:
            lock.release()

    def claim(self, raw: Path | None) -> None:
        """Record whose data this home holds; refuse to mix the demo with a shop, whose keys and history differ."""
        marker = self.folder / "home.json"
        kind = "shop" if raw else "demo"
        held = json.loads(marker.read_text())["data"] if marker.exists() else None
        if held is None and self.warehouse.exists():
            held = "demo"  # made by a plain `dbt build`
        if held not in (None, kind):
            raise UserError(f"{self.folder} holds the {held}'s history: set another SEGMENTS_HOME for the {kind}'s data.")
        marker.write_text(json.dumps({"data": kind}) + "\n")

    def open_restricted(self) -> duckdb.DuckDBPyConnection:
        """A writing connection to the restricted database, readable by its owner only."""
        connection = _connect(self.restricted)
        self.restricted.chmod(0o600)
        return connection


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path), config={"threads": 2})
    except duckdb.IOException as error:
        if "lock" in str(error):
            raise UserError(f"{path} is open in another program: close it, and read published/ instead.") from error
        raise UserError(f"{path} cannot be opened ({str(error).splitlines()[0]}).") from error
