"""A Postgres server for the tests: temporary, on a Unix socket only, stopped at the end by its own process id.

No TCP port is opened; the socket lies in a folder that only the server's user (and root) can enter. Postgres refuses to
run as root, so there it runs as `postgres` or `nobody`.
"""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2

SUPERUSER = "segmentation_admin"
# what a test needs of durability: nothing
SETTINGS = {
    "listen_addresses": "", "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
    "shared_buffers": "128MB", "max_connections": "20", "autovacuum": "off", "jit": "off", "logging_collector": "off",
    # not what the project needs: it must not depend on either
    "timezone": "Pacific/Auckland",
}


def find_binaries() -> Path:
    """The folder with `initdb` and `postgres`: on PATH, else the newest Debian version, else installed as Debian package.

    Raises RuntimeError when there is none and none can be installed.
    """
    found = _binaries()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        _install()
        found = _binaries()
    if found is None:
        raise RuntimeError("no Postgres server found: install the Debian package `postgresql`, or put `postgres` on PATH")
    return found


def _binaries() -> Path | None:
    on_path = shutil.which("initdb")
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda folder: float(folder.split("/")[-2]))
    if on_path:
        return Path(on_path).resolve().parent
    return Path(folders[-1]) if folders else None


def _install() -> None:
    """The Debian package, without the server that it would otherwise create and start."""
    conf = Path("/etc/postgresql-common/createcluster.conf")
    if not conf.exists():
        conf.parent.mkdir(parents=True, exist_ok=True)
        conf.write_text("create_main_cluster = false\n")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-qq", "--no-install-recommends", "postgresql"]):
        subprocess.run(["apt-get", *command], env=environment, check=True, stdout=subprocess.DEVNULL)


def _ordinary_user() -> dict:
    """Arguments of subprocess that make a process an ordinary user's when this one is root's."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@contextmanager
def running_server() -> Iterator[dict[str, str]]:
    """A running server. Yields the settings that libpq and the project read (PGHOST, PGPORT, PGUSER)."""
    binaries, as_user = find_binaries(), _ordinary_user()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: the path of a socket has at most 107 characters
    try:
        if as_user:
            os.chown(folder, as_user["user"], as_user["group"])
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
        options = dict(cwd=folder, env=clean, **as_user)
        subprocess.run(
            [binaries / "initdb", "--pgdata", folder / "data", "--username", SUPERUSER, "--encoding", "UTF8", "--no-locale",
             "--auth-local", "trust", "--auth-host", "reject", "--no-sync"],
            check=True, stdout=subprocess.DEVNULL, **options)
        settings = SETTINGS | {"unix_socket_directories": str(folder), "unix_socket_permissions": "0700"}
        with open(folder / "log", "wb") as log:
            server = subprocess.Popen(
                [binaries / "postgres", "-D", folder / "data", *(f"--{name}={value}" for name, value in settings.items())],
                stdout=log, stderr=log, **options)
        try:
            connection = {"PGHOST": str(folder), "PGPORT": "5432", "PGUSER": SUPERUSER}
            _await(server, connection, folder / "log")
            yield connection
        finally:
            server.send_signal(signal.SIGINT)  # fast shutdown: open sessions are ended
            server.wait(timeout=60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _await(server: subprocess.Popen, connection: dict[str, str], log: Path) -> None:
    """Return when the server answers. Raises RuntimeError with its log when it ended or takes longer than a minute."""
    for _ in range(600):
        try:
            psycopg2.connect(host=connection["PGHOST"], user=connection["PGUSER"], dbname="postgres").close()
            return
        except psycopg2.OperationalError:
            if server.poll() is not None:
                break
            time.sleep(0.1)
    raise RuntimeError(f"Postgres did not start: {log.read_text(errors='replace')[-2000:]}")


if __name__ == "__main__":  # for a look by hand: python tests/python/postgres_server.py
    with running_server() as environment:
        print("\n".join(f"export {name}={value}" for name, value in environment.items()), flush=True)
        signal.pause()
