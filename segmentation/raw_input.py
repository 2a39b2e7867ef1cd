"""A shop's folder of files, made readable for staging: one view per table of the input contract."""

from datetime import datetime, timezone
from pathlib import Path

import duckdb

from segmentation.contract import CONTRACT, REQUIRED_TABLES, Table
from segmentation.errors import UserError

FORMATS = ("parquet", "csv")
# One fixed way to read CSV: guessing would read two exports of one shop differently.
CSV_OPTIONS = "header = true, delim = ',', quote = '\"', escape = '\"', all_varchar = true, nullstr = ''"


def find_files(folder: Path) -> dict[str, list[Path]]:
    """The files of each table: `<table>.parquet`, `<table>.csv` or a folder `<table>/` of either kind.

    Raises UserError for a folder that is not there, a missing required table, a table given twice or an empty folder.
    """
    if not folder.is_dir():
        raise UserError(f"SEGMENTS_RAW: there is no folder {folder}.")
    found: dict[str, list[Path]] = {}
    for table in CONTRACT:
        candidates = [[path] for kind in FORMATS if (path := folder / f"{table}.{kind}").exists()]
        if (folder / table).is_dir():
            kinds = [sorted((folder / table).glob(f"*.{kind}")) for kind in FORMATS]
            candidates += [paths for paths in kinds if paths]
            if not any(kinds):
                raise UserError(f"{folder / table}: the folder holds no .parquet or .csv file.")
        if len(candidates) > 1:
            names = ", ".join(str(paths[0]) for paths in candidates)
            raise UserError(f"Table {table} is given more than once ({names}): keep one of them.")
        if candidates:
            found[table] = candidates[0]
    for table in REQUIRED_TABLES:
        if table not in found:
            raise UserError(f"{folder}: {table}.parquet or {table}.csv is missing; it is the one required table.")
    return found


def newest_change(files: dict[str, list[Path]]) -> datetime:
    """When the newest raw file was written (UTC): nothing in the files can have been recorded later."""
    newest = max(path.stat().st_mtime for paths in files.values() for path in paths)
    return datetime.fromtimestamp(newest, tz=timezone.utc).replace(tzinfo=None)


def create_views(restricted: duckdb.DuckDBPyConnection, files: dict[str, list[Path]]) -> None:
    """Create `raw.<table>` for every table of the contract in the restricted database.

    Missing optional columns are null, missing tables empty. Raises UserError naming file and column.
    """
    restricted.execute("create schema if not exists raw")
    for name, table in CONTRACT.items():
        if name in files:
            query = _query(restricted, name, table, files[name])
        else:
            query = "select " + ", ".join(f'null::varchar as "{c}"' for c in table.columns) + " where false"
        restricted.execute(f'create or replace view raw."{name}" as {query}')


def _query(connection: duckdb.DuckDBPyConnection, name: str, table: Table, paths: list[Path]) -> str:
    for path in paths:
        _check_readable(connection, name, table, path)
    relation = _relation(paths)
    given = _columns(connection, relation, paths[0])
    columns = [
        f'{_quoted(given[c][0])} as "{c}"' if c in given else f'null::varchar as "{c}"' for c in table.columns
    ]
    return f"select {', '.join(columns)} from {relation}"


def _check_readable(connection: duckdb.DuckDBPyConnection, name: str, table: Table, path: Path) -> None:
    relation = _relation([path])
    given = _columns(connection, relation, path)
    for column in table.required:
        if column not in given:
            raise UserError(f"{path}: column {column} is missing; table {name} requires it.")
    for column in table.columns:
        if column in given and given[column][1].startswith(("STRUCT", "MAP", "UNION", "BLOB")) or (
            column in given and given[column][1].endswith("]")
        ):
            raise UserError(f"{path}: column {column} holds {given[column][1]}, not a plain value.")
    if path.suffix == ".csv":
        # a line with a missing or surplus field would stop the build half way: read all of it once, now
        try:
            connection.execute(f"select count(*) from (select * from {relation}) as t where t is not null").fetchone()
        except duckdb.Error as error:
            raise UserError(f"{path}: cannot be read as CSV ({_first_line(error)}).") from error


def _columns(connection: duckdb.DuckDBPyConnection, relation: str, path: Path) -> dict[str, tuple[str, str]]:
    """Columns of a relation by lower-case name: (name as given, type)."""
    try:
        rows = connection.execute(f"describe select * from {relation}").fetchall()
    except duckdb.Error as error:
        raise UserError(f"{path}: cannot be read as {path.suffix[1:].upper()} ({_first_line(error)}).") from error
    columns: dict[str, tuple[str, str]] = {}
    for given, kind, *_ in rows:
        name = given.strip().lower()
        if name in columns:
            raise UserError(f"{path}: column {name} stands there twice.")
        columns[name] = (given, kind)
    return columns


def _relation(paths: list[Path]) -> str:
    listed = ", ".join("'" + str(path.resolve()).replace("'", "''") + "'" for path in paths)
    if paths[0].suffix == ".parquet":
        return f"read_parquet([{listed}], union_by_name = true)"
    return f"read_csv([{listed}], union_by_name = true, {CSV_OPTIONS})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _first_line(error: duckdb.Error) -> str:
    return str(error).split("\n")[0].rstrip(".")
