"""The models as plain SQL: compiled once by dbt, then run on any small data in memory, many times a second's work of dbt.

For properties over random histories. It runs what a replay runs (dates come from a table), from the raw tables up to the
members, their hashes and intervals; snapshots, hooks and incremental steps are dbt's own, and other tests build for real.

To plan a query takes DuckDB many times as long as to run it on a few rows. So a table is created once; from then on it is
emptied and filled by its query, which is planned once (PREPARE). Nothing else may create or drop what the models read.
"""

import json
import shutil
from graphlib import TopologicalSorter
from pathlib import Path

import duckdb
import pytest
from conftest import SETTINGS, WITH_JSON, Built, made_once

from segmentation.contract import CONTRACT
from segmentation.dbt_run import environment, run_dbt
from segmentation.home import Home, duckdb_settings
from segmentation.prediction_document import COLUMNS, TABLE
from segmentation.replay import PREFIX

# beside the models themselves: the demo's keys and the reference tables
COPIED = (("restricted", "raw"), ("restricted", "vault"), ("warehouse", "reference"))
# what the demo's home keeps from build to build, copied with it: compiled code adds to it
KEPT = ("leaf_nonces",)
# the document of fitted parameters, as the demo's seed
PARAMETERS = f"restricted.raw.demo_{TABLE}"
# what DuckDB derives from the rows that a table holds while a query is planned: the plan is to run on other rows
OF_THE_ROWS = "statistics_propagation,compressed_materialization"


class CompiledModels:
    """The wanted models of a replay, and all that they read, ready to run on other raw tables than those of a built demo."""

    def __init__(self, built: Built, tmp_path_factory, wanted: tuple[str, ...]):
        home, manifest = Home(built.folder), compiled_manifest(built, tmp_path_factory)
        nodes = {name: node for name, node in manifest["nodes"].items() if node.get("compiled_code")}
        reads = {name: [other for other in node["depends_on"]["nodes"] if other in nodes] for name, node in nodes.items()}
        needed, left = set(), [name for name, node in nodes.items() if node["name"] in wanted]
        while left:
            if (name := left.pop()) not in needed:
                needed.add(name)
                left += reads[name]
        self.nodes = [nodes[name] for name in TopologicalSorter({name: reads[name] for name in sorted(needed)}).static_order()]
        self.connection = duckdb.connect(config=duckdb_settings())
        for name in ("warehouse", "restricted"):
            self.connection.execute(f"attach ':memory:' as {name}")
            self.connection.execute(f"attach '{getattr(home, name)}' as built_{name} (read_only)")
        for database, schema in COPIED:
            tables = self.connection.execute(
                "select table_name from duckdb_tables() where database_name = ? and schema_name = ?", [f"built_{database}", schema]
            ).fetchall()
            for prefix in ("", PREFIX if database == "warehouse" else ""):
                self.connection.execute(f"create schema if not exists {database}.{prefix}{schema}")
                for (table,) in tables:
                    self.connection.execute(
                        f"create or replace table {database}.{prefix}{schema}.{table} as from built_{database}.{schema}.{table}")
        # what commands write beside the models (erasures): nothing was deleted here
        self.connection.execute("create schema warehouse.audit")
        for source in manifest["sources"].values():
            if source["source_name"] == "lifecycle" and source["schema"] == "audit":
                self.connection.execute(f"create table warehouse.audit.{source['name']} as from built_warehouse.audit.{source['name']} limit 0")
        for name in ("warehouse", "restricted"):
            self.connection.execute(f"detach built_{name}")
        self.connection.execute("set TimeZone = 'UTC'")  # as in profiles.yml
        self.connection.execute("create schema warehouse.replay")
        # the record, looked up when a model runs: nothing is on record here
        self.connection.execute("create table warehouse.audit.segment_evaluations (as_of timestamp, segment_id varchar)")
        self.connection.execute("create table warehouse.audit.segment_runs (as_of timestamp, run_number integer)")
        self.connection.execute("""
            create table warehouse.replay.planned_evaluations
            (as_of timestamp, known_at timestamp, previous_as_of timestamp, previous_known_at timestamp, permitted_at timestamp,
             preceding_as_of timestamp)
        """)
        self.parameters = self.connection.execute(f"from {PARAMETERS}").fetchall()
        for name, table in CONTRACT.items():
            columns = ", ".join(f'"{column}" varchar' for column in table.columns)
            self.connection.execute(f"create or replace table restricted.raw.demo_{name} ({columns})")
        for node in self.nodes:
            self.connection.execute(f"create schema if not exists {node['database']}.{node['schema']}")
        # what each model reads, by relation; which query made it; and what the tables that are no models held then
        places = {name: relation(node) for name, node in (manifest["nodes"] | manifest["sources"]).items() if node.get("relation_name")}
        self.reads = {relation(node): {places[name] for name in node["depends_on"]["nodes"] if name in places} for node in self.nodes}
        self.made: dict[str, str] = {}
        self.held: dict[str, tuple] = {}
        self.planned: dict[str, str] = {}  # the query of each table for which DuckDB holds a plan

    def run(self, raw: dict[str, list[dict]], dates: list[tuple[str, str]]) -> None:
        """Evaluate the dates (as_of, known_at) on raw tables given as rows of text; missing columns are null.

        Beside them may stand a document of parameters, `prediction_models`; without one the demo's predicts.
        """
        for name, table in CONTRACT.items():
            self._fill(f"restricted.raw.demo_{name}", [[row.get(column) for column in table.columns] for row in raw.get(name, [])])
        given = [[row[column] for column in COLUMNS] for row in raw.get("prediction_models", [])]
        self._fill(PARAMETERS, given or self.parameters)
        before = [(None, None), *dates]
        self._fill("warehouse.replay.planned_evaluations",
                   [[*date, *earlier, None, earlier[0]] for date, earlier in zip(dates, before)])
        changed = self._changed()
        for node in self.nodes:
            place, query = relation(node), node["compiled_code"]
            if changed is None or self.made.get(place) != query or changed & self.reads[place]:
                self._make(node)
                self.made[place] = query
                if changed is not None:
                    changed.add(place)

    def forget(self) -> None:
        """Have the next run make all models anew, as if none had been made, each planned for the rows that it reads then."""
        self.made.clear()

    def _fill(self, table: str, rows: list[list[str | None]]) -> None:
        """Give a table these rows of text instead of those that it has."""
        self.connection.execute(f"delete from {table}")
        if rows:
            listed = ", ".join("(" + ", ".join("null" if cell is None else "'" + cell.replace("'", "''") + "'" for cell in row) + ")" for row in rows)
            self.connection.execute(f"insert into {table} values {listed}")

    def _make(self, node: dict) -> None:
        """Make a model anew from what the tables hold now."""
        place, query, is_view = relation(node), node["compiled_code"], node["config"]["materialized"] == "view"
        fill = f"insert into {place} by name {query}"
        if is_view and self.made.get(place) == query:
            return  # a view stays what it is while what it reads is made anew
        if place not in self.made or is_view:
            if node["name"] in KEPT:
                self.connection.execute(fill)
            else:
                self.connection.execute(f"create or replace {'view' if is_view else 'table'} {place} as {query}")
                self.planned.clear()  # plans are of what there was before
            return
        if self.planned.get(place) != query:
            with_rows = self.connection.execute("select current_setting('disabled_optimizers')").fetchone()[0]
            self.connection.execute(f"set disabled_optimizers = '{OF_THE_ROWS}'")
            self.connection.execute(f"prepare {node['name']} as {fill}")
            self.connection.execute(f"set disabled_optimizers = '{with_rows}'")
            self.planned[place] = query
        if node["name"] not in KEPT:
            self.connection.execute(f"delete from {place}")
        self.connection.execute(f"execute {node['name']}")

    def _changed(self) -> set[str] | None:
        """The tables beside the models that hold other rows than at the run before; None where all models are to be made anew."""
        models = set(self.reads)
        tables = [f"{database}.{schema}.{table}" for database, schema, table in self.connection.execute(
            "select database_name, schema_name, table_name from duckdb_tables() where not temporary order by all").fetchall()]
        tables = [table for table in tables if table not in models]
        before, self.held = self.held, {table: row for table, *row in self.connection.execute(" union all ".join(
            f"select '{table}', count(*), sum(hash(rows)::hugeint) from {table} as rows" for table in tables)).fetchall()}
        changed = {table for table in before.keys() | self.held.keys() if before.get(table) != self.held.get(table)}
        # a table of which no model is known to read: a test's own, or read by a query that a test has changed
        return changed if before and changed <= set().union(*self.reads.values()) else None

    def rows(self, name: str) -> list[tuple]:
        """All rows of a model, sorted."""
        return self.connection.execute(f"select * from {self.relation(name)} order by all").fetchall()

    def relation(self, name: str) -> str:
        """Where the model of this name stands."""
        return relation(next(node for node in self.nodes if node["name"] == name))


def compiled_manifest(built: Built, tmp_path_factory) -> dict:
    """dbt's manifest with the SQL of all models, compiled once for all test files and workers in a copy of the home: dbt opens
    databases to write, and meanwhile other workers read the built ones."""

    def compile_all(folder: Path) -> None:
        home = Home(Path(shutil.copytree(built.folder, folder, symlinks=True)))
        with pytest.MonkeyPatch.context() as patch:
            for name in SETTINGS:
                patch.delenv(name, raising=False)
            with environment({"SEGMENTS_SCHEMA_PREFIX": PREFIX, "SEGMENTS_REPLAY_MODE": "as_recorded", **WITH_JSON}):
                run_dbt(["compile", "--select", "resource_type:model"], home, folder="replay")

    folder = made_once(tmp_path_factory, "compiled demo", compile_all)
    return json.loads((Home(folder).target / "replay" / "manifest.json").read_text())


def relation(node: dict) -> str:
    """Where a model stands."""
    return f"{node['database']}.{node['schema']}.{node['name']}"
