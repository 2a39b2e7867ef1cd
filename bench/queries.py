"""The queries of a build alone: what dbt, contracts, descriptions and publishing cost on top is what the build takes longer.

The `select` of each model and snapshot as the build compiled it, in the order of the graph, each into a table (or view) of two new
database files that are attached under the build's own names. No dbt, no contract, no check, no description, no published copy.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import duckdb

DATABASES = ("warehouse", "restricted")
# The builds of the benchmark take their keys from a file, so that two have equal pseudonyms and leaf nonces.
KEYS = [hashlib.sha256(f"benchmark {number}".encode()).hexdigest() for number in range(3)]
NONCE_SEEDS = '"restricted"."vault"."nonce_seeds"'
MADE = ("model", "snapshot")
# What dbt's first run of a snapshot adds to each row; the key of a row is hashed as dbt hashes it.
FIRST_SNAPSHOT = """
select
    *,
    md5(concat_ws('|', {key}, {updated_at})) as dbt_scd_id,
    {updated_at} as dbt_updated_at,
    {updated_at} as dbt_valid_from,
    cast(null as timestamp) as dbt_valid_to
from (
{query}
)
"""


@dataclass(frozen=True)
class Step:
    """One relation: its full name, whether it is a view, the query that fills it."""

    name: str
    is_view: bool
    query: str

    @property
    def statement(self) -> str:
        return f"create {'view' if self.is_view else 'table'} {self.name} as {self.query}"


def _name(database: str, schema: str, relation: str) -> str:
    return f'"{database}"."{schema}"."{relation}"'


def steps(home: Path) -> list[Step]:
    """What the build of a home made, in an order in which each relation comes after all that it reads."""
    manifest = json.loads((home / "target" / "manifest.json").read_text())
    nodes = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] in MADE}
    order = TopologicalSorter({key: [one for one in nodes[key]["depends_on"]["nodes"] if one in nodes] for key in sorted(nodes)})
    return [_step(nodes[key], home) for key in order.static_order()]


def _step(node: dict, home: Path) -> Step:
    path, config = home / "target" / "compiled" / node["package_name"] / node["original_file_path"], node["config"]
    is_snapshot = node["resource_type"] == "snapshot"
    if is_snapshot:
        path /= f"{node['name']}.sql"  # a file may hold several
    query = path.read_text().rstrip().rstrip(";")
    if is_snapshot:
        key = [config["unique_key"]] if isinstance(config["unique_key"], str) else config["unique_key"]
        query = FIRST_SNAPSHOT.format(query=query, key=", ".join(key), updated_at=config["updated_at"])
    return Step(_name(node["database"], node["schema"], node["alias"]), config["materialized"] == "view", query)


def attach(db: duckdb.DuckDBPyConnection, folder: Path, prefix: str = "", access: str = "") -> None:
    """Attach a folder's two databases under their names, with a prefix where both a home's and these are looked at."""
    for name in DATABASES:
        db.execute(f"attach '{folder}/{name}.duckdb' as {prefix}{name} {access}")


def prepare(home: Path, folder: Path) -> None:
    """Make the two databases with what a build finds or loads: raw files, seeds, the vault's keys, the lifecycle's tables."""
    folder.mkdir(parents=True)
    made = {step.name for step in steps(home)}
    with duckdb.connect() as db:
        attach(db, home, prefix="built_", access="(read_only)")
        tables = db.execute("select database_name, schema_name, table_name, null from duckdb_tables()").fetchall()
        views = db.execute(
            "select database_name, schema_name, view_name, sql from duckdb_views() where not internal order by view_oid"
        ).fetchall()
        attach(db, folder)
        for database, schema, relation, sql in (*tables, *views):
            own = database.removeprefix("built_")
            db.execute(f'create schema if not exists "{own}"."{schema}"')
            if (name := _name(own, schema, relation)) in made:
                continue
            if name == NONCE_SEEDS:  # the build's has gone with it
                db.execute(f"create table {name} as select '{KEYS[-1]}' as seed")
            elif sql is None:
                db.execute(f"create table {name} as from {_name(database, schema, relation)}")
            else:
                db.execute(f"use {own}")
                db.execute(sql)


def limits() -> dict[str, str]:
    """What holds for the builds holds for the others: SEGMENTS_THREADS, and SEGMENTS_MEMORY where it is set."""
    memory = os.environ.get("SEGMENTS_MEMORY")
    return {"threads": os.environ["SEGMENTS_THREADS"]} | ({"memory_limit": memory} if memory else {})


def run(home: Path, folder: Path) -> None:
    """Run all queries, in a process of their own so that they can be measured."""
    with duckdb.connect(config={**limits(), "preserve_insertion_order": "false", "temp_directory": f"{folder}/spilled"}) as db:
        attach(db, folder)
        db.execute("set TimeZone = 'UTC'; use warehouse")
        for step in steps(home):
            db.execute(step.statement)


def differences(home: Path, folder: Path) -> Iterator[str]:
    """One line for each table that has other rows than the build's; the rows' order says nothing."""
    with duckdb.connect() as db:
        attach(db, home, prefix="built_", access="(read_only)")
        attach(db, folder, access="(read_only)")
        for step in steps(home):
            if step.is_view:
                continue
            built = step.name.replace('"', '"built_', 1)
            columns = ", ".join(f'"{row[0]}"' for row in db.execute(f"describe {built}").fetchall() if not row[0].startswith("dbt_"))
            ours, theirs = (
                db.execute(f"select count(*), sum(hash(rows)::hugeint) from (select {columns} from {name}) as rows").fetchone()
                for name in (built, step.name)
            )
            if ours != theirs:
                yield f"{step.name}: the build has {ours[0]} rows, its queries alone {theirs[0]}, and not the same"
