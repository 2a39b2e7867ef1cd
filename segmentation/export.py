"""Aggregates that leave the warehouse as files: no number of fewer than k persons, and none that could be worked out.

Which relations may be exported, and which of their columns count persons, stands in the model's YAML (`meta.export`):

    export:
      - persons: n_converted                  # a number of persons
        of: n_measured                        # of these; the others must not be few either
        about: [conversion_rate, ...]         # columns about those persons, withheld with their number
        adds_up_over: [[as_of, segment_id]]   # rows that agree in these columns add up to a total that readers know
"""

import csv
import hashlib
import io
import json
import re
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from segmentation.ask import RISKY, as_csv, is_risky
from segmentation.deletion import append
from segmentation.errors import UserError
from segmentation.files import check_target, read_yaml, write_whole
from segmentation.home import PROJECT, Home, connect_read_only
from segmentation.publish import read_relation
from segmentation.verify import EXPORTS

SMALLEST_K = 2
LOG = EXPORTS.relation
KEY_COLUMNS = re.compile(r".*_key|(old_|new_)?pid")  # what pseudonyms are called (model pseudonyms)
WITHHELD = "withheld_columns"  # the column that an export adds: what is empty for privacy, not for want of data


@dataclass(frozen=True)
class Count:
    """A column that counts persons, as `meta.export` describes it."""

    persons: str
    of: str | None
    about: tuple[str, ...]
    adds_up_over: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Exportable:
    """A model of aggregates that may leave: its grain and its counts of persons."""

    name: str
    schema: str
    grain: tuple[str, ...]
    counts: tuple[Count, ...]


@dataclass(frozen=True)
class Export:
    """What was written: the file, its manifest, rows, and cells withheld because few or because they would tell few."""

    path: Path
    manifest: Path
    n_rows: int
    n_few: int
    n_complementary: int


def exportables() -> dict[str, Exportable]:
    """All models with `meta.export`, by name."""
    found = {}
    for path in sorted((PROJECT / "models").rglob("*.yml")):
        if "export:" not in path.read_text(encoding="utf-8"):  # of a hundred files few have one, and parsing is slow
            continue
        for model in read_yaml(path).get("models", []):
            meta = model.get("config", {}).get("meta", {})
            if "export" in meta:
                counts = tuple(
                    Count(entry["persons"], entry.get("of"), tuple(entry.get("about", ())),
                          tuple(tuple(columns) for columns in entry.get("adds_up_over", ())))
                    for entry in meta["export"])
                schema = path.relative_to(PROJECT / "models").parts[0]
                found[model["name"]] = Exportable(model["name"], schema, tuple(meta["grain"]), counts)
    return found


def find(name: str) -> Exportable:
    """The exportable relation of a name. Raises UserError when there is none."""
    known = exportables()
    if name not in known:
        raise UserError(f"{name[:60]!r} is nothing that can be exported; there are {', '.join(known)}.")
    return known[name]


def check_k(text: str) -> int:
    """k as a number, from 2 on. Raises UserError."""
    if not (text.isascii() and text.isdigit() and len(text) < 7 and int(text) >= SMALLEST_K):
        raise UserError(f"--k must be a whole number from {SMALLEST_K} on, not {text[:20]!r}.")
    return int(text)


def withheld(rows: list[dict], exportable: Exportable, k: int) -> tuple[list[set[str]], int, int]:
    """The columns to withhold of each row, and how many numbers of persons are few and how many complementary.

    A number of persons n is few when 0 < n < k, or when 0 < total - n < k for the total that it is part of. Where rows add
    up to a known total, what is withheld must hold k persons together in at least two rows: otherwise the reader would
    subtract; the smallest of the others is then withheld too (complementary suppression, Hundepool et al. 2012, ch. 4.2).
    """
    columns: list[set[str]] = [set() for _ in rows]
    n_few = n_complementary = 0
    for count in exportable.counts:
        numbers = [row[count.persons] or 0 for row in rows]
        totals = [row[count.of] or 0 if count.of else 0 for row in rows]
        few = {i for i, n in enumerate(numbers) if 0 < n < k or (count.of and 0 < totals[i] - n < k)}
        hidden = set(few)
        while more := _complementary(rows, numbers, hidden, count, k):
            hidden |= more
        for i in hidden:
            columns[i] |= {count.persons, *count.about}
        n_few, n_complementary = n_few + len(few), n_complementary + len(hidden - few)
    return columns, n_few, n_complementary


def export(home: Home, exportable: Exportable, k: int, now: datetime, executor: str, path: Path | None = None) -> Export:
    """Write an exportable relation of the last build as CSV with a manifest beside it (FILE.manifest.json).

    Without a path it goes to exports/ in the home. Numbers of fewer than k persons are empty; texts that a spreadsheet
    would take for a formula are quoted. `now` and `executor` are recorded, with what the manifest says, in audit.export_log.
    Raises UserError when there is no build, a build or an erasure is under way, or the place cannot be written.
    """
    path = path or _exports(home) / f"{exportable.name}.csv"
    check_target(path)
    manifest_path = path.with_name(path.name + ".manifest.json")
    check_target(manifest_path)  # before anything is written: no export without its manifest
    relation = f"{exportable.schema}.{exportable.name}"
    names, found = read_relation(home, relation, exportable.grain)
    if keys := [name for name in names if KEY_COLUMNS.fullmatch(name)]:
        raise UserError(f"{relation} has keys of persons or records ({', '.join(keys)}): it is no aggregate that may leave.")
    _, [(as_of, *_)] = read_relation(home, "marts.evaluation_clock", ["as_of"])
    rows = [dict(zip(names, row)) for row in found]
    columns, n_few, n_complementary = withheld(rows, exportable, k)
    shown = [
        (*(None if name in hidden else value for name, value in row.items()), ";".join(name for name in row if name in hidden))
        for row, hidden in zip(rows, columns)
    ]
    content = as_csv([*names, WITHHELD], shown)
    manifest = {
        "relation": relation, "as_of": str(as_of), "k": k, "n_rows": len(shown),
        "n_withheld_as_few": n_few, "n_withheld_as_complement": n_complementary,
        "n_cells_withheld": sum(row[name] is not None for row, hidden in zip(rows, columns) for name in hidden),
        "n_cells_escaped": sum(is_risky(cell) for row in shown for cell in row),
        "person_keys": "none", "formula_safe": _is_formula_safe(content), "head_hash": _head(home),
        "file": path.name, "sha256": hashlib.sha256(content.encode()).hexdigest(),
    }
    with _recorded(home, manifest, len(keys), as_of, now.replace(microsecond=0), executor) as (number, log_hash):
        write_whole(path, content)
        manifest |= {"export_number": number, "log_hash": log_hash}
        write_whole(manifest_path, json.dumps(manifest, indent=2) + "\n")
    return Export(path, manifest_path, len(shown), n_few, n_complementary)


@contextmanager
def _recorded(home: Home, manifest: dict, n_keys: int, as_of: datetime, now: datetime, executor: str):
    """Record an export before it is written; what then cannot be written has no row. Nothing leaves without a record.

    Gives the number and the log_hash of the row. The home is locked for the record only: the file gets the permissions that its user gives to files.
    Raises UserError when the record cannot be kept.
    """
    if not home.warehouse.exists():
        raise UserError(f"{home.folder} holds a copy only: export where it was built, for an export is recorded in {LOG}.")
    with _log(home) as warehouse:
        recorded = {
            "exported_at": now, "executor": executor, "exported_relation": manifest["relation"], "as_of": as_of,
            "head_hash": manifest["head_hash"], "k": manifest["k"], "n_rows": manifest["n_rows"], "n_few": manifest["n_withheld_as_few"],
            "n_complementary": manifest["n_withheld_as_complement"], "n_cells_withheld": manifest["n_cells_withheld"],
            "n_cells_escaped": manifest["n_cells_escaped"], "is_formula_safe": manifest["formula_safe"], "n_key_columns": n_keys,
            "file_sha256": manifest["sha256"]}
        [(number, log_hash)] = append(warehouse, EXPORTS, [recorded])
    try:
        yield number, log_hash
    except UserError:
        # unless another export follows on it in the chain: a row without a file harms nobody
        with _log(home) as warehouse:
            warehouse.execute(f"delete from {LOG} where export_number = ? and log_hash = ? and export_number = (select max(export_number) from {LOG})",
                              [number, log_hash])
        raise


@contextmanager
def _log(home: Home):
    """A writing connection to the warehouse that has the log of exports."""
    with home.locked():
        home.refuse_open_erasure()
        with home.writing() as warehouse:
            columns = warehouse.execute("select column_name from duckdb_columns() where schema_name || '.' || table_name = ?", [LOG]).fetchall()
            if not columns:
                raise UserError(f"{home.warehouse} was built by an older version, which kept no record of exports: build again.")
            if ("log_hash",) not in columns:
                raise UserError(f"{home.warehouse} was made by an older version, whose record of exports was no chain: it must be built anew.")
            yield warehouse


def _exports(home: Home) -> Path:
    """The home's own folder for exports, readable by its owner only."""
    folder = home.folder / "exports"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}).") from error
    return folder


def _complementary(rows: list[dict], numbers: list[int], hidden: set[int], count: Count, k: int) -> set[int]:
    """Rows to withhold besides those hidden, one per total at most: the smallest that is still shown."""
    more = set()
    for shared in count.adds_up_over:
        totals = defaultdict(list)
        for i, row in enumerate(rows):
            totals[tuple(row[column] for column in shared)].append(i)
        for members in totals.values():
            inside = [i for i in members if i in hidden or i in more]
            shown = [i for i in members if i not in inside]
            if inside and shown and (len(inside) == 1 or sum(numbers[i] for i in inside) < k):
                # persons before nobody: an empty row hides nothing
                more.add(min(shown, key=lambda i: (numbers[i] == 0, numbers[i], i)))
    return more


def _head(home: Home) -> str | None:
    """The head of the record's chain, so that an export can be tied to it; None when the warehouse is not here or busy."""
    if not home.warehouse.exists():
        return None
    try:
        with connect_read_only(home.warehouse, None) as connection:
            found = connection.execute("select run_hash from warehouse.audit.segment_runs order by run_number desc limit 1").fetchone()
    except (UserError, duckdb.Error):
        return None
    return found[0] if found else None


def _is_formula_safe(content: str) -> bool:
    """Whether no cell of the file, read back, begins as a formula does, numbers excepted."""
    def is_number(cell: str) -> bool:
        return cell.removeprefix("-").replace(".", "", 1).isdigit()

    return not any(cell.startswith(RISKY) and not is_number(cell)
                   for row in csv.reader(io.StringIO(content, newline="")) for cell in row)
