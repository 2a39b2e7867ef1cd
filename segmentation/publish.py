"""The read copy: what BI tools open while builds go on, swapped in as one step."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb

from segmentation.errors import UserError
from segmentation.home import Home, connect_read_only, duckdb_settings

SCHEMAS = ("marts", "segments")
# not "segments.duckdb": DuckDB names the catalog after the file, and "segments.x" would then mean two things
DATABASE = "segmentation.duckdb"
UNPUBLISHED = "unpublished"  # the mark of a home whose tables a build has begun to change since they were published


def publish(home: Home) -> list[str]:
    """Copy the tables of SCHEMAS, with their descriptions, into `published/segmentation.duckdb` and `published/parquet/`.

    Both are made beside the old ones and swapped in by one rename each: a reader sees the old copy or the new one,
    never half a build. (A reader of Parquet that opens a file twice in one query, as DuckDB does, can meet the swap in
    between: it should read the database.) The old copy goes at once, and with it whoever withdrew; what a reader has open
    stays readable to it. Who can read the home can read the copy; `select newest_run()` in the database gives the run_hash
    of the run that it holds. Returns the names of the published tables.
    Raises UserError when the copy cannot be written (a full disk); the old one is then untouched.
    """
    mode = home.folder.stat().st_mode & 0o755
    link = home.published / "parquet"
    if link.is_dir() and not link.is_symlink():
        raise UserError(f"{link} is a folder, where a build puts a link to its files: move it away.")
    try:
        home.published.mkdir(exist_ok=True)
        home.published.chmod(mode)
        work = Path(tempfile.mkdtemp(prefix=".new-", dir=home.published))
        tables = _copy(home.warehouse, work)
        for path in work.iterdir():
            path.chmod(mode & 0o644)
        work.chmod(mode)
        os.replace(work / DATABASE, home.published / DATABASE)
        _point(link, work)
        home.mark(UNPUBLISHED).unlink(missing_ok=True)
    except (OSError, duckdb.Error) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise UserError(f"{home.published}: the new copy cannot be written ({reason}).") from error
    finally:
        # what is not in use: the old copy, or after an error the new one, and what killed builds left
        _sweep(link)
    return tables


def read_relation(home: Home, relation: str, order: Sequence[str]) -> tuple[list[str], list[tuple]]:
    """Columns and rows of a relation of the last build ("marts.segment_metrics"), ordered by some of its columns.

    Read from the published copy where there is one, so that no running build is in the way. Raises UserError when there is
    no build, or one that does not have the relation.
    """
    copy = home.published / DATABASE
    source = copy if copy.exists() else home.warehouse
    if not source.exists():
        raise UserError(f"{home.folder}: there is no build to read; run `segmentation build` first.")
    with connect_read_only(source, None) as connection:
        try:
            cursor = connection.execute(f"select * from warehouse.{relation} order by {', '.join(order)}")
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise UserError(f"{source} was built by an older version: build again.") from error
        return [column[0] for column in cursor.description], cursor.fetchall()


def _copy(warehouse: Path, work: Path) -> list[str]:
    connection = duckdb.connect(str(work / DATABASE), config=duckdb_settings())
    try:
        connection.execute(f"attach '{_escaped(warehouse)}' as warehouse (read_only)")
        tables = connection.execute(
            """
            select schema_name, table_name from duckdb_tables()
            where database_name = 'warehouse' and list_contains(?, schema_name)
            order by schema_name, table_name
            """,
            [list(SCHEMAS)],
        ).fetchall()
        connection.execute("begin")
        _make_tables(connection, tables)
        for schema, table in tables:
            connection.execute(f'insert into "{schema}"."{table}" from warehouse."{schema}"."{table}"')
            parquet = _escaped(work / f"{schema}.{table}.parquet")
            # from where it is on disk: what a transaction has only just written is slower to read; at zstd's default level
            # orders take half as long again, and no less room
            connection.execute(f"copy warehouse.\"{schema}\".\"{table}\" to '{parquet}' (format parquet, compression zstd, compression_level 1)")
        _sign(connection)
        connection.execute("commit")
        connection.execute("detach warehouse")
        connection.execute("checkpoint")
    finally:
        connection.close()
    return [f"{schema}.{table}" for schema, table in tables]


def _sign(connection: duckdb.DuckDBPyConnection) -> None:
    """Say in the copy which run it holds: `select newest_run()` gives its run_hash, and verify compares only what is of one run."""
    if not connection.execute(
            "select 1 from duckdb_tables() where (database_name, schema_name, table_name) = ('warehouse', 'audit', 'segment_runs')").fetchall():
        return
    [(head,)] = connection.execute("select max_by(run_hash, run_number) from warehouse.audit.segment_runs").fetchall()
    if head:
        connection.execute(f"create macro newest_run() as '{head.replace(chr(39), chr(39) * 2)}'")


def _make_tables(connection: duckdb.DuckDBPyConnection, tables: list[tuple[str, str]]) -> None:
    """Make empty tables like the warehouse's, with their descriptions. In the caller's transaction.

    `copy from database` makes whatever the warehouse holds, in a tenth of the time of hundreds of COMMENT ON; what is not
    published goes again before anything is written.
    """
    [(own,)] = connection.execute("select current_database()").fetchall()
    connection.execute(f'copy from database warehouse to "{own}" (schema)')
    for (schema,) in connection.execute("select schema_name from duckdb_schemas() where database_name = ?", [own]).fetchall():
        if schema not in (*SCHEMAS, "main"):
            connection.execute(f'drop schema "{_quoted(schema)}" cascade')
    made = connection.execute(
        """
        select 'view', schema_name, view_name from duckdb_views() where database_name = $own and not internal
        union all
        select 'table', schema_name, table_name from duckdb_tables() where database_name = $own
        union all
        select replace(function_type, 'table_macro', 'macro table'), schema_name, function_name from duckdb_functions() where database_name = $own
        """, {"own": own}).fetchall()
    for kind, schema, name in made:
        if kind != "table" or (schema, name) not in tables:
            connection.execute(f'drop {kind} "{schema}"."{_quoted(name)}"')


def _point(link: Path, folder: Path) -> None:
    """Point the symbolic link at the folder beside it, in one step."""
    pointer = folder.with_name(folder.name + ".link")
    pointer.symlink_to(folder.name)
    os.replace(pointer, link)


def _sweep(link: Path) -> None:
    """Remove all working folders and links beside `link` but the folder it points at."""
    for path in link.parent.glob(".new-*"):
        if path.is_symlink():
            path.unlink(missing_ok=True)
        elif path != link.resolve():
            shutil.rmtree(path, ignore_errors=True)


def _quoted(name: str) -> str:
    return name.replace('"', '""')


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")
