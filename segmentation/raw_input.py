"""A shop's folder of files, made readable for staging: one view per table of the input contract."""

import csv
import io
import os
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import duckdb

from segmentation.contract import CONTRACT, REQUIRED_TABLES, Table
from segmentation.errors import UserError
from segmentation.home import duckdb_settings

FORMATS = ("parquet", "csv")
# One fixed way to read CSV. Nothing is guessed: DuckDB's guesses drop lines that begin with "#", skip what it takes for
# a preamble, and read two exports of one shop differently. Columns are given by number, our names come with the view.
CSV_OPTIONS = "auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"', nullstr = ''"
# types that staging reads as they are; a boolean goes in as text, because 1.00 is not what a shop means by "true"
PLAIN_TYPES = (
    "VARCHAR", "DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE",
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
    "FLOAT", "DOUBLE",
)
# columns of the contract that staging reads as instants, days, numbers or yes and no (a test compares); all others are texts
TYPED = re.compile(r".*_(at|to|date|amount|price|number|change)|amount|quantity|rate|score")
EARLIEST, LATEST = 0, datetime(2200, 1, 1, tzinfo=timezone.utc).timestamp()  # seconds since 1970
LONGEST_LINE = 1_000_000  # characters of a line that names columns
TEXT_TYPES = ("BOOLEAN", "UUID", "ENUM", "TIME", "INTERVAL")


@dataclass(frozen=True)
class Header:
    """The columns of one raw file: names as given and types, in the file's order."""

    names: tuple[str, ...]
    types: tuple[str, ...]

    @property
    def cleaned(self) -> list[str]:
        """The names as the contract writes them: case and surrounding space in a file do not matter."""
        return [name.strip().lower() for name in self.names]

    def position(self, column: str) -> int | None:
        """Where a column of the contract stands."""
        return self.cleaned.index(column) if column in self.cleaned else None

    def type(self, column: str) -> str | None:
        """The type of a column of the contract, None when it is not there."""
        position = self.position(column)
        return None if position is None else self.types[position]


def find_files(folder: Path) -> dict[str, list[Path]]:
    """The files of each table: `<table>.parquet`, `<table>.csv` or a folder `<table>/` of either kind.

    Raises UserError for a folder that is not there, a missing required table, a table given twice, an empty folder, a
    broken link, and a file whose name is almost that of a table: skipping a table silently would lose all its rows.
    """
    if not os.path.isdir(folder):
        raise UserError(f"SEGMENTS_RAW: there is no folder {folder}.")
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise UserError(f"SEGMENTS_RAW: the folder {folder} cannot be listed ({error.strerror}).") from error
    found: dict[str, list[Path]] = {}
    for table in CONTRACT:
        candidates = [[folder / name] for kind in FORMATS if (name := f"{table}.{kind}") in names]
        if table in names and os.path.isdir(folder / table):
            candidates += _parts(folder / table)
        if len(candidates) > 1:
            given = ", ".join(str(paths[0]) for paths in candidates)
            raise UserError(f"Table {table} is given more than once ({given}): keep one of them.")
        for path in candidates[0] if candidates else []:
            _check_is_file(path)
        if candidates:
            found[table] = candidates[0]
    for name in names:
        table = name.strip().lower().split(".")[0]
        if table in CONTRACT and table not in found:
            raise UserError(f"{folder / name}: is not read under this name; call it {table}.parquet or {table}.csv.")
    for table in REQUIRED_TABLES:
        if table not in found:
            raise UserError(f"{folder}: {table}.parquet or {table}.csv is missing; it is the one required table.")
    return found


def newest_change(files: dict[str, list[Path]]) -> datetime:
    """When the newest raw file was written (UTC): nothing in the files can have been recorded later.

    Raises UserError when the file system tells a time that no file was written at.
    """
    newest, path = max((path.stat().st_mtime, path) for paths in files.values() for path in paths)
    if not EARLIEST <= newest < LATEST:
        raise UserError(f"{path}: says that it was written before 1970 or after 2199; set its time (touch), or set INGESTED_AT.")
    return datetime.fromtimestamp(newest, tz=timezone.utc).replace(tzinfo=None)


def fingerprint(files: dict[str, list[Path]]) -> list[tuple]:
    """What changes when a raw file is written, replaced or removed: a build reads its files more than once."""
    states = []
    for path in (path for paths in files.values() for path in paths):
        try:
            state = path.stat()
            states.append((str(path), state.st_ino, state.st_size, state.st_mtime_ns))
        except OSError:
            states.append((str(path), None))
    return states


def view_queries(files: dict[str, list[Path]]) -> dict[str, str]:
    """The query that reads each table of the contract. Missing optional columns are null, missing tables empty.

    Every file is checked here, before any database is touched. Raises UserError naming file and column.
    """
    with duckdb.connect(config=duckdb_settings()) as connection:
        return {name: _query(connection, name, table, files.get(name, [])) for name, table in CONTRACT.items()}


def create_views(restricted, queries: dict[str, str], schema: str = "raw") -> None:
    """Create `<schema>.<table>` for every table of the contract in the restricted area, all or none.

    `restricted` is a connection to it, DuckDB's own or a postgres.Database. The views hold for the files as they are:
    `segmentation build` makes them anew each time.
    """
    restricted.execute("begin")
    restricted.execute(f"create schema if not exists {schema}")
    for name, query in queries.items():
        restricted.execute(f'create or replace view {schema}."{name}" as {query}')
    restricted.execute("commit")


def unread(folder: Path, files: dict[str, list[Path]]) -> list[str]:
    """What lies in the folder and nobody will read: files, and columns as `file: columns`; often a misspelt name."""
    tables = [path for path in sorted(folder.iterdir()) if path.suffix[1:].lower() in FORMATS]
    notes = [path.name for path in tables if [path] not in files.values()]
    with duckdb.connect(config=duckdb_settings()) as connection:
        for name, paths in files.items():
            known = CONTRACT[name].columns
            for path in paths:
                header = _header(connection, path)
                columns = [given for given, cleaned in zip(header.names, header.cleaned) if cleaned not in known]
                if columns:
                    notes.append(f"{path.relative_to(folder)}: {', '.join(columns)}")
    return notes


def _parts(folder: Path) -> list[list[Path]]:
    """The files of a table given as a folder, by format. Marks of the writing program (`_SUCCESS`, `.crc`) do not count."""
    paths = [path for path in sorted(folder.iterdir()) if not path.name.startswith((".", "_"))]
    for path in paths:
        if path.suffix[1:] not in FORMATS:
            raise UserError(f"{path}: a folder named after a table may hold .parquet or .csv files only; move this away.")
    if not paths:
        raise UserError(f"{folder}: the folder holds no .parquet or .csv file.")
    return [kind for suffix in FORMATS if (kind := [path for path in paths if path.suffix[1:] == suffix])]


def _check_is_file(path: Path) -> None:
    """Refuse what has a file's name and is none; a broken link must not pass for a missing table."""
    try:
        path.stat()
    except OSError as error:
        raise UserError(f"{path}: cannot be opened ({error.strerror}).") from error
    if not path.is_file():
        raise UserError(f"{path}: is not a file; a folder of files bears the name of the table alone.")
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise UserError(f"{path}: the name of the file is not UTF-8; rename it.") from None


def _query(connection: duckdb.DuckDBPyConnection, name: str, table: Table, paths: list[Path]) -> str:
    if not paths:
        return "select " + ", ".join(f'null::varchar as "{c}"' for c in table.columns) + " where false"
    # files with the same columns are read together, so that a thousand parts of one export cost no more than one
    groups: dict[Header, list[Path]] = {}
    for path in paths:
        header = _header(connection, path)
        _check_header(name, table, path, header)
        if path.suffix == ".parquet":
            _check_parquet(connection, table, path)
        groups.setdefault(header, []).append(path)
        if path.suffix == ".csv":
            _check_lines(connection, path, header)
    # a column that two parts hold in different types is read as text: DuckDB would settle on a type that holds neither
    given = {column: {header.type(column) for header in groups} - {None} for column in table.columns}
    as_text = {column for column, types in given.items() if len(types) != 1 or "VARCHAR" in map(_plain, types)}
    return " union all ".join(_select(table, header, group, as_text) for header, group in groups.items())


def _header(connection: duckdb.DuckDBPyConnection, path: Path) -> Header:
    if path.suffix == ".csv":
        names = _csv_header(path)
        return Header(names, ("VARCHAR",) * len(names))
    try:
        rows = connection.execute(f"describe select * from {_relation([path])}").fetchall()
    except (duckdb.Error, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as Parquet ({_first_line(error)}).") from error
    return Header(tuple(row[0] for row in rows), tuple(row[1] for row in rows))


def _csv_header(path: Path) -> tuple[str, ...]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            beginning = file.read(LONGEST_LINE)
        if len(beginning) == LONGEST_LINE and not {"\n", "\r"} & set(beginning):
            raise UserError(f"{path}: its first line has more than a million characters: this is no CSV.")
        names = next(csv.reader(io.StringIO(beginning, newline=""), strict=True), [])
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not UTF-8 text; save it as CSV in UTF-8.") from error
    except (OSError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read as CSV ({error}).") from error
    if not names:
        raise UserError(f"{path}: is empty; its first line must name the columns.")
    return tuple(names)


def _check_header(name: str, table: Table, path: Path, header: Header) -> None:
    for column in table.required:
        if header.position(column) is None:
            hint = " (the fields of a line are separated by commas)" if any(";" in given for given in header.names) else ""
            raise UserError(f"{path}: column {column} is missing; table {name} requires it{hint}.")
    for column in table.columns:
        if header.cleaned.count(column) > 1:
            raise UserError(f"{path}: column {column} stands there twice.")
        kind = header.type(column)
        if kind is not None and _plain(kind) is None:
            raise UserError(f"{path}: column {column} holds {kind}, not a plain value.")


def _check_parquet(connection: duckdb.DuckDBPyConnection, table: Table, path: Path) -> None:
    """Refuse what DuckDB would take without a word, or stop at when it reads the file.

    That is a column given twice under one name (it gives the second another name), and an instant of milliseconds that it cannot
    hold: it makes microseconds of them before any query could reject the row.
    """
    try:
        (_, n_children, _), *nodes = connection.execute(
            "select name, num_children, coalesce(logical_type, converted_type) similar to '.*(MILLIS=Milli|TIMESTAMP_MILLIS).*' "
            f"from parquet_schema('{_pattern(path)}') order by column_id").fetchall()
    except (duckdb.Error, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as Parquet ({_first_line(error)}).") from error
    names, awaited = [], [n_children]  # how many children of each ancestor are still to come: a node stands before its children
    for name, n_children, is_of_milliseconds in nodes:
        while not awaited[-1]:
            awaited.pop()
        awaited[-1] -= 1
        if len(awaited) == 1:  # a field within a column may have any name
            names.append(name.strip().lower())
            if is_of_milliseconds and names[-1] in table.columns:
                _check_milliseconds(connection, path, name)
        if n_children:
            awaited.append(n_children)
    for column in table.columns:
        if names.count(column) > 1:
            raise UserError(f"{path}: column {column} stands there twice.")


def _check_milliseconds(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
    try:  # where there is no gap DuckDB asks the statistics of the file only
        connection.execute(f"select count({_quoted(name)}) from {_relation([path])}").fetchone()
    except duckdb.ConversionException:
        raise UserError(f"{path}: column {name.strip().lower()} holds an instant of milliseconds beyond all years (nanoseconds, written as "
                        "milliseconds?); write the file anew.") from None


def _check_lines(connection: duckdb.DuckDBPyConnection, path: Path, header: Header) -> None:
    """Read a CSV file once, now: a line with a missing or surplus field would stop the build half way."""
    try:
        connection.execute(f"select count(t) from (select * from {_relation([path], header)}) as t").fetchone()
    except (duckdb.Error, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as CSV ({_csv_problem(error)}).") from error


def _select(table: Table, header: Header, paths: list[Path], as_text: set[str]) -> str:
    columns = []
    for column in table.columns:
        position = header.position(column)
        if position is None:
            value = "null::varchar" if column in as_text else "null"
        elif paths[0].suffix == ".csv":
            value = f"c{position}"
        else:
            value = _value(_quoted(header.names[position]), header.types[position], column in as_text, not TYPED.fullmatch(column))
        columns.append(f'{value} as "{column}"')
    return f"select {', '.join(columns)} from {_relation(paths, header)}"


def _value(column: str, kind: str, is_text: bool, is_name: bool) -> str:
    """A column of a Parquet file as staging can read it. `is_text`: given as text, because parts differ; `is_name`: and staging reads it as one.

    An instant beyond what DuckDB converts becomes infinity, which is no instant: the row is rejected, where a cast of it would stop
    the build. A whole number that pandas wrote as a floating-point one is told as text without its ".0", and a gap among those (NaN) is
    missing, as macro as_text does.
    """
    if kind == "TIMESTAMP WITH TIME ZONE":
        limits = " and ".join(f"'{limit}'::timestamptz" for limit in ("1000-01-01 00:00:00+00", "9999-12-31 23:59:59+00"))
        column = f"case when {column} between {limits} then timezone('UTC', {column}) when {column} is not null then 'infinity'::timestamp end"
    if is_text and kind in ("FLOAT", "DOUBLE"):
        number = f"regexp_replace({column}::varchar, '[.]0$', '')"
        # asked of the text: of the number DuckDB answers from the file's statistics, which leave NaN out
        return f"nullif({number}, 'nan')" if is_name else number
    return f"({column})::varchar" if is_text else column


def _plain(kind: str) -> str | None:
    """The type as which staging reads a column: its own, text, or None for no plain value (lists, structs, bytes)."""
    if kind in PLAIN_TYPES or (kind.startswith("DECIMAL(") and kind.endswith(")")):
        return kind
    return "VARCHAR" if kind.split("(")[0] in TEXT_TYPES and not kind.endswith("]") else None


def _relation(paths: list[Path], header: Header | None = None) -> str:
    listed = ", ".join(f"'{_pattern(path)}'" for path in paths)
    # a folder named like `country=DE` must not add or replace a column
    options = "hive_partitioning = false"
    if paths[0].suffix == ".parquet":
        return f"read_parquet([{listed}], {options})"
    columns = ", ".join(f"'c{position}': 'varchar'" for position in range(len(header.names)))
    return f"read_csv([{listed}], {options}, {CSV_OPTIONS}, columns = {{{columns}}})"


def _pattern(path: Path) -> str:
    """A path as the text of a SQL literal that matches this one file: DuckDB reads *, ? and [ as wildcards."""
    text = str(path.resolve())
    for wildcard in "[*?":  # the bracket first: it is what quotes the others
        text = text.replace(wildcard, f"[{wildcard}]")
    return text.replace("'", "''")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _first_line(error: Exception) -> str:
    return str(error).split("\n")[0].rstrip(".")


def _csv_problem(error: Exception) -> str:
    """The line and the trouble from DuckDB's message, without its advice and without the row, which may hold person data."""
    lines = [line.strip().rstrip(".") for line in str(error).splitlines()]
    place = next((line.split("CSV Error on ")[1] for line in lines if "CSV Error on Line" in line), "")
    words = ("Expected Number of Columns", "unterminated quote", "not utf-8 encoded", "Maximum line size")
    known = [line for line in lines if any(word in line for word in words)]
    trouble = known[0] if known else "quotes or line ends do not follow the CSV rules"
    return f"{place.lower()}: {trouble}" if place else trouble
