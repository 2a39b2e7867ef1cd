"""Releases rule versions: writes their hashes into seeds/reference/segment_locks.csv, where the spec gate holds to them."""

import contextlib
import csv
import json
import re
import tempfile
from datetime import date
from pathlib import Path

from segmentation.dbt_run import AS_THE_DEMO, close_databases, environment, parse_cache, spared
from segmentation.errors import UserError
from segmentation.files import write_whole
from segmentation.home import PROJECT

LOCKS = Path("seeds/reference/segment_locks.csv")
COPY = Path("macros/segments/segment_locks.sql")
COLUMNS = ["segment_id", "spec_version", "rule_hash", "released_at", "released_by"]
EVERY_SEGMENT = "all"
REVIEWED = 0  # the "version" of what has none
SPEC = "spec."

COPY_TEMPLATE = """{{#
    {locks}, copied here by `segmentation release` because the gate cannot read a file
    (assert_segment_locks.sql). Never edit it: the gate compares it with the checksum of the seed.
#}}
{{% macro segment_locks_csv() -%}}
    {{{{ return('\\n'.join([
{lines}
    ])) }}}}
{{%- endmacro %}}
"""

Version = tuple[str, int]


def release(
    names: list[str], released_by: str, released_on: date, *, replace: bool = False, project: Path = PROJECT
) -> None:
    """Lock every version of the named segments (`all`: of all) that is not locked yet, and print what was locked.

    From then on the gate refuses to build when parameters, date or SQL of such a version differ from its hash. With
    `replace`, locks of the named segments are made anew: only while nothing was recorded under them.
    Other names are what is reviewed beside rules, with version 0: `spec.vip` (the rest of a spec, which the name `vip`
    includes), `vendor.<vendor_id>`, `list.<seed>`. They may change: a release says that the change was reviewed.
    Raises UserError for an unknown name, a spec that the gate refuses, or a locked version that has changed.
    """
    if not re.fullmatch(r"[A-Za-z0-9_.@-]{1,64}", released_by):
        raise UserError(f"Who releases must be letters, digits and _.@- (at most 64), not {released_by!r}.")
    hashes = rule_hashes(project)
    known = {name for name, _ in hashes}
    chosen = known if EVERY_SEGMENT in names else set(names)
    if unknown := sorted(chosen - known):
        others = sorted(name for name in known if not name.startswith(SPEC))
        raise UserError(f"No segment is called {', '.join(unknown)}; there are {', '.join(others)}.")
    chosen |= {SPEC + name for name in chosen}

    locks = read_locks(project / LOCKS)
    released = []
    for version, rule_hash in hashes.items():
        if version[0] not in chosen:
            continue
        lock = locks.get(version)
        if lock and lock["rule_hash"] != rule_hash and version[1] != REVIEWED and not replace:
            raise UserError(f"segment {version[0]}, version {version[1]}: rule or parameters changed since release;"
                            " add a version instead.")
        if lock is None or lock["rule_hash"] != rule_hash:
            values = (version[0], str(version[1]), rule_hash, released_on.isoformat(), released_by)
            locks[version] = dict(zip(COLUMNS, values))
            released.append(version)
    # also when nothing is new: this repairs a copy that no longer equals the seed
    write_locks(locks, project)
    for segment_id, number in released:
        print(f"released {segment_id}, version {number}" if number != REVIEWED else f"reviewed {segment_id}")
    if not released:
        print("nothing to release: all versions are locked")


def rule_hashes(project: Path = PROJECT) -> dict[Version, str]:
    """The hash of every declared version, as the gate computes it. Raises UserError with the gate's own lines."""
    from dbt.cli.main import dbtRunner  # imported late: it takes a second, and --help needs none of it

    hashes: dict[Version, str] = {}

    def collect(event) -> None:
        if event.info.name == "JinjaLogInfo" and event.data.msg.startswith('{"segment_id"'):
            row = json.loads(event.data.msg)
            hashes[row["segment_id"], row["spec_version"]] = row["rule_hash"]

    # a home of its own: hashing needs no data, and must not wait for a running build; no settings from a file `.env`. Settings and
    # place are those of a build of the demo, whose parsed project serves here too
    own = AS_THE_DEMO | {"PYTHON_DOTENV_DISABLED": "1", "DBT_WRITE_JSON": "false"}
    with (tempfile.TemporaryDirectory() as home, environment(own), contextlib.chdir(home), parse_cache(Path(home, "target"), project=project),
          spared(project)):
        try:
            result = dbtRunner(callbacks=[collect]).invoke([
                "run-operation", "segment_hashes", "--quiet", "--project-dir", str(project), "--profiles-dir", str(project),
                "--target-path", f"{home}/target", "--log-path", f"{home}/logs",
            ])
        finally:
            close_databases()
    if not result.success:
        message = str(result.exception or result.result.results[0].message)
        lines = [line.strip() for line in message.splitlines()]
        refused = [line for line in lines if line.startswith(("segment ", "vendor ", "exposure "))]
        raise UserError("\n".join(refused) or message)
    return hashes


def read_locks(path: Path) -> dict[Version, dict[str, str]]:
    """The locks by version; none when the file is absent. Raises UserError for a file of another shape."""
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    is_whole = all(None not in row and None not in row.values() and row["spec_version"].isdigit() for row in rows)
    if reader.fieldnames != COLUMNS or not is_whole:
        raise UserError(f"{path} must hold the columns {', '.join(COLUMNS)} and nothing else.")
    return {(row["segment_id"], int(row["spec_version"])): row for row in rows}


def write_locks(locks: dict[Version, dict[str, str]], project: Path = PROJECT) -> None:
    """Write the seed and its copy for the gate, in the order of segments and versions."""
    lines = [",".join(COLUMNS), *(",".join(locks[version].values()) for version in sorted(locks))]
    quoted = "\n".join(f"        '{line}'," for line in lines)
    write_whole(project / LOCKS, "\n".join(lines) + "\n")
    write_whole(project / COPY, COPY_TEMPLATE.format(locks=LOCKS.as_posix(), lines=quoted))
