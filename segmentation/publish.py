"""The read copy: what BI tools open while builds go on, swapped in as one step."""

import os
import shutil
import tempfile
from pathlib import Path

import duckdb

from segmentation.home import Home

SCHEMAS = ("marts", "segments")
# not "segments.duckdb": DuckDB names the catalog after the file, and "segments.x" would then mean two things
DATABASE = "segmentation.duckdb"


def publish(home: Home) -> list[str]:
    """Copy the tables of SCHEMAS, with their descriptions, into `published/segmentation.duckdb` and `published/parquet/`.

    Both are made beside the old ones and swapped in by one rename each: a reader sees the old copy or the new one,
    never half a build. Returns the names of the published tables.
    """
    home.published.mkdir(exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".new-", dir=home.published))
    try:
        tables = _copy(home.warehouse, work)
        os.replace(work / DATABASE, home.published / DATABASE)
        _swap_folder(work, home.published / "parquet")
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return tables


def _copy(warehouse: Path, work: Path) -> list[str]:
    connection = duckdb.connect(str(work / DATABASE), config={"threads": 2})
    try:
        connection.execute(f"attach '{_escaped(warehouse)}' as warehouse (read_only)")
        rows = connection.execute(
            """
            select schema_name, table_name, comment from duckdb_tables()
            where database_name = 'warehouse' and list_contains(?, schema_name)
            order by schema_name, table_name
            """,
            [list(SCHEMAS)],
        ).fetchall()
        for schema, table, comment in rows:
            connection.execute(f'create schema if not exists "{schema}"')
            connection.execute(f'create table "{schema}"."{table}" as from warehouse."{schema}"."{table}"')
            _comment(connection, "table", f'"{schema}"."{table}"', comment)
            _copy_column_comments(connection, schema, table)
            connection.execute(
                f"copy \"{schema}\".\"{table}\" to '{_escaped(work / f'{schema}.{table}.parquet')}' (format parquet, compression zstd)"
            )
        connection.execute("detach warehouse")
        connection.execute("checkpoint")
    finally:
        connection.close()
    return [f"{schema}.{table}" for schema, table, _ in rows]


def _copy_column_comments(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> None:
    comments = connection.execute(
        """
        select column_name, comment from duckdb_columns()
        where database_name = 'warehouse' and schema_name = ? and table_name = ?
        """,
        [schema, table],
    ).fetchall()
    for column, comment in comments:
        _comment(connection, "column", f'"{schema}"."{table}"."{column}"', comment)


def _comment(connection: duckdb.DuckDBPyConnection, kind: str, name: str, comment: str | None) -> None:
    if comment:
        connection.execute(f"comment on {kind} {name} is '{comment.replace(chr(39), chr(39) * 2)}'")


def _swap_folder(new: Path, link: Path) -> None:
    """Point the symbolic link `link` at folder `new` in one step, and remove the folder it pointed at."""
    old = link.resolve() if link.is_symlink() else None
    pointer = new.with_name(new.name + ".link")
    pointer.symlink_to(new.name)
    os.replace(pointer, link)
    for stale in link.parent.glob(".new-*"):
        if stale.is_dir() and not stale.is_symlink() and stale != new:
            shutil.rmtree(stale, ignore_errors=True)
    if old and old != new:
        shutil.rmtree(old, ignore_errors=True)


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")
