"""dbt in this process: no second start, progress as it goes, failures as short sentences."""

import contextlib
import functools
import gc
import marshal
import os
import re
import shutil
import sys
import threading
from collections import ChainMap
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata
from importlib.util import MAGIC_NUMBER
from itertools import chain
from pathlib import Path
from types import CodeType

from segmentation.errors import UserError
from segmentation.files import read_yaml
from segmentation.home import PROJECT, Home
from segmentation.session import area_of

PARSED = "partial_parse.msgpack"
COMPILED = f"jinja.{sys.implementation.cache_tag}"  # beside the parsed project
MANY_TEMPLATES = 5_000  # a project has about 800: those of its former versions go
# how DuckDB and Postgres say that a sum, or an amount in another currency, does not fit its type
TOO_LARGE = r"DECIMAL\(\d+,\d+\) failed: value is out of range|Overflow in \w+ of DECIMAL|numeric field overflow"
# how DuckDB says that a Parquet file is damaged: with the value, which may be somebody's address
NOT_UTF_8 = re.compile(r'Invalid string encoding found in Parquet file \\?"(.*?)\\?": value .*? is not valid UTF8!', re.DOTALL)
# the same of an instant that it cannot hold
NO_INSTANT = re.compile(r"Could not convert Timestamp\(MS\) to Timestamp\(US\)")
# the settings and the place with which builds of the demo parse the project, for whoever wants it as they left it
AS_THE_DEMO = {"SEGMENTS_HOME": ".", "SEGMENTS_TARGET": "duckdb", "SEGMENTS_RAW": "", "SEGMENTS_UNIT_TESTS": ""}
DBT_LOGS = ("DBT_LOG_", "DBT_ENGINE_LOG_")
# what a statement begins with, and its `with`, if it has one there
BEGIN = re.compile(r"(?:\s|--[^\n]*|/\*.*?\*/)*(with\b(?:\s+recursive\b)?)?", re.DOTALL | re.IGNORECASE)
GATE = "macro.segmentation.assert_segment_specs"
READ_BY_DBT = (".sql", ".yml", ".yaml", ".csv", ".md")
n_calls = 0  # of dbt in this process
# for further calls of dbt in this process: the parsed project, compiled Jinja, the columns of queries that were compared with a contract
_manifests: dict[tuple, tuple] = {}
_compiled_before: dict[tuple, CodeType] = {}  # by other processes
_templates: dict[tuple, CodeType] = {}
_described: dict[tuple, list] = {}


@contextlib.contextmanager
def environment(values: dict[str, str | None]):
    """Set environment variables for the time of a dbt call (how settings reach the models); None unsets one."""
    before = {name: os.environ.get(name) for name in values}
    _set_environment(values)
    try:
        yield
    finally:
        _set_environment(before)


def _set_environment(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def run_dbt(
    arguments: list[str], home: Home, on_node: Callable[[str, str, int, int], None] | None = None, folder: str = ""
):
    """Run one dbt command on a home. Calls on_node(name, status, index, total) as nodes finish. Returns dbt's result.

    A replay names a folder of its own inside target/: its schemas are others, and so is the project as dbt parses it.

    Raises UserError with one line per failed node, or with dbt's own sentence when it could not start.
    """
    from dbt.cli.main import dbtRunner  # imported late: it takes a second, and --help needs none of it

    def forward(event) -> None:
        if on_node and event.info.name in ("LogModelResult", "LogSeedResult", "LogSnapshotResult", "LogTestResult",
                                           "LogNodeResult", "LogUnitTestResult"):
            total = getattr(event.data, "total", 0) or getattr(event.data, "num_models", 0)  # tests name it otherwise
            on_node(event.data.node_info.node_name, event.data.status, event.data.index, total)

    # nothing on the screen but our own sentences
    target = home.target / folder
    options = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target-path", str(target),
               "--log-path", str(home.logs), "--log-level", "none", "--quiet"]
    if os.environ.get("SEGMENTS_THREADS") == "1" or os.environ.get("SEGMENTS_MEMORY"):
        options += ["--threads", "1"]  # two nodes at a time would only take the one core, or the memory, from each other
    if arguments[0] == "build":
        # when a check before the build fails, dbt 1.12 stumbles over vendors (exposures) and hides what the check said
        options += ["--exclude-resource-type", "exposure"]
    # dbt would load a file `.env` on top of the settings that were checked; its JSON files cost a tenth of a build. It tells a
    # variable that is not set from an empty one, and parses the whole project anew when one that the project's files name changed
    own = {"SEGMENTS_HOME": ".", "PYTHON_DOTENV_DISABLED": "1", "DBT_WRITE_JSON": os.environ.get("DBT_WRITE_JSON", "false"),
           "SEGMENTS_TARGET": os.environ.get("SEGMENTS_TARGET") or "duckdb"}
    own |= {name: os.environ.get(name, "") for name in ("SEGMENTS_RAW", "SEGMENTS_UNIT_TESTS")}
    # a variable of dbt's own, left over in a shell, may leave out the snapshot and every check (DBT_RESOURCE_TYPES)
    own = {name: None for name in os.environ if name.startswith("DBT_") and not name.startswith(DBT_LOGS)} | own
    with parse_cache(target, folder), environment(own), contextlib.chdir(home.folder), spared():
        try:
            result = dbtRunner(callbacks=[forward]).invoke([*arguments, *options])
        finally:
            close_databases()
    if isinstance(result.exception, KeyboardInterrupt):
        raise result.exception
    if result.exception is not None:
        raise UserError(_sentence(str(result.exception)) or f"dbt stopped ({type(result.exception).__name__}).")
    if not result.success:
        failed = [done for done in result.result if done.status in ("error", "fail")]
        log = home.logs / "dbt.log"
        if any(re.search(NOT_UTF_8, done.message or "") for done in failed):
            _forget_values(log, *target.glob("*.json"))
        too_large = [done.node.name for done in failed if re.search(TOO_LARGE, done.message or "")]
        lines = [f"{done.node.name}: {_failure(done)}" for done in failed if done.node.name not in too_large]
        if too_large:
            lines.append(f"Amounts are larger than money can be ({', '.join(too_large)}): look for absurd amounts in orders, order_lines, "
                         "refunds and events, and for absurd exchange_rates.")
        raise UserError("\n".join(lines) or f"dbt failed: see {log}.")
    return result.result


@dataclass(frozen=True)
class Graph:
    """What the project is made of: the tables that dbt makes (area, schema, name), its other sources, its vendors."""

    tables: set[tuple[str, str, str]]
    sources: set[tuple[str, str, str]]
    vendors: dict[str, dict]


def project_graph(home: Home) -> Graph:
    """The dbt graph of the project, as it is for this home's data. Nothing is built."""
    settings = {"SEGMENTS_RAW": "given" if home.kind == "shop" else "", "SEGMENTS_TARGET": "duckdb" if home.is_in_files else "postgres"}
    with environment(settings):
        manifest = run_dbt(["parse"], home)

    def place(node) -> tuple[str, str]:
        return (node.database, node.schema) if home.is_in_files else area_of(node.schema)

    tables = {
        (*place(node), node.alias) for node in manifest.nodes.values()
        if node.resource_type.value in ("model", "seed", "snapshot")}
    sources = {(*place(source), source.identifier) for source in manifest.sources.values()}
    metas = [exposure.config.meta.get("vendor") or exposure.meta.get("vendor") for exposure in manifest.exposures.values()]
    return Graph(tables, sources - tables, {meta["vendor_id"]: meta for meta in metas if meta})


@contextlib.contextmanager
def spared(project: Path = PROJECT):
    """Calls of dbt for a project take over what earlier ones compiled, and go without what helps nobody."""
    with _template_cache(), _less_ado(project):
        yield


@contextlib.contextmanager
def _less_ado(project: Path = PROJECT):
    """Spare a dbt call what takes a good part of the CPU of a build and helps nobody.

    dbt builds some thousand debug events before it asks whether a log wants them, and Python searches dbt's parsed project for
    cycles again and again. What the call before left behind is searched once, before the next one. dbt reads the parsed project,
    compares every file with it and compiles every macro and model anew in each call, though they are the same, and asks which
    columns a query has, though it is the same query on relations whose columns the project fixes. It makes a dict of a node each
    time that a macro looks at it, a table with parsers of dates for each statement that returns nothing, and a macro anew for
    each call of it, a hundred times per model, though only what it looks up differs from node to node; each name in a macro is
    looked up through maps of maps, and for a unit test the whole model is parsed to find its first word. For each context, two
    per model, it gathers the command's flags and the project's variables anew; to find a relation it walks over all that it
    knows, to name one it copies dicts that hold no others, and the macro that a name means on this engine it makes anew each time
    that it is dispatched. For each line of a log it asks the whole environment for secrets. The gate of the segment specs looks
    at nothing but the parsed project, so what it has let pass it need not judge again; nor need dbt link the graph of all nodes
    of the same project in each call, search it for cycles and summarise it.
    """
    global n_calls
    from dbt import compilation, flags
    from dbt.adapters.base import BaseAdapter, relation
    from dbt.adapters.duckdb import DuckDBAdapter
    from dbt.adapters.reference_keys import _ReferenceKey, lowercase
    from dbt.cli import requires
    from dbt.clients.jinja import MacroGenerator
    from dbt.constants import DEFAULT_ENV_PLACEHOLDER
    from dbt.context import base, providers
    from dbt.context.macros import MacroNamespace
    from dbt.contracts.graph.manifest import FlatGraphMapping
    from dbt.graph import Graph
    from dbt_common.clients import agate_helper
    from dbt_common.clients.jinja import CaughtMacroErrorWithNodeError, MacroFuzzEnvironment, MacroReturn
    from dbt_common.events import event_manager_client, functions
    from dbt_common.events.base_types import BaseEvent, DebugLevel, EventLevel
    from dbt_common.events.event_manager import EventManager
    from dbt_common.utils import get_dbt_macro_name
    from jinja2.exceptions import TemplateRuntimeError
    from jinja2.runtime import Context, missing

    class Calling(threading.local):
        """The node's context in which a thread of dbt calls macros just now."""

        context, levels = None, []

    class Selective(EventManager):
        def wants_debug(self) -> bool:
            return any(logger.level == EventLevel.DEBUG for logger in self.loggers)

        def fire_event(self, e, level=None, *more, **named) -> None:
            if (level or e.level_tag()) != EventLevel.DEBUG or self.wants_debug():
                super().fire_event(e, level, *more, **named)

    def fill(event, *values, **named) -> None:
        if manager.wants_debug() or not isinstance(event, DebugLevel):
            former_fill(event, *values, **named)

    def parse_once(config, write_perf_info, write, write_json, integrations):
        state = _project_state(config)
        made, read = _manifests.get(state, (None, {}))
        if made is None or write_json or any(os.environ.get(name, unset) != value for name, value in read.items()):
            made = former_parse(config, write_perf_info, write, write_json, integrations)
            _manifests[state] = made, {**made.env_vars}  # what parsing read: a build adds what it reads itself
        else:
            requires._wire_adapter_for_external_manifest(config, made, integrations)
        parsed.append(made)
        return made

    def compile_once(templates, *source, **more):
        key = (type(templates).__qualname__, *source, *more.items())
        if key not in _templates:
            _templates[key] = _compiled_before.get(key) or former_compile(templates, *source, **more)
        return _templates[key]

    def describe_once(adapter, sql):
        # a raw table's columns are whatever the file has: staging casts them, so from there on they are the project's own
        key = (project, sql)
        if key not in _described:
            _described[key] = former_describe(adapter, sql)
        return _described[key]

    def node_once(nodes, key):
        made = nodes.__dict__.setdefault("made", {})
        if key not in made:
            made[key] = former_node(nodes, key)
        return made[key]

    def look_up_once(macros, name):
        # dbt gives a node's macros another context before it renders the node
        made, key = macros.__dict__.setdefault("made", {}), (id(macros.ctx), name)
        if key not in made:
            made[key] = former_look_up(macros, name)
        return made[key]

    def resolve(context, name):
        # as Context.resolve_or_missing, without asking each level of nested ChainMaps for all levels below it, twice
        if name in context.vars:
            return context.vars[name]
        if "levels" not in context.__dict__:
            context.levels = levels_of(context.parent)
        for level, maps in chain(calling.levels, context.levels) if "is_shared" in context.__dict__ else context.levels:
            for values in maps:
                if name in values:
                    return level[name]
        return missing

    def levels_of(values):
        flat = [values]
        while any(type(level) is ChainMap for level in flat):
            flat = [inner for level in flat for inner in (level.maps if type(level) is ChainMap else [level])]
        return [(level, level.maps if isinstance(level, MacroNamespace) else [level]) for level in flat]

    def inject(sql, ctes):
        # as dbt.compilation.inject_ctes_into_sql, which parses the whole statement to find the place of its first word
        begin = BEGIN.match(sql)
        added = ", ".join(cte.sql for cte in ctes)
        if not ctes:
            return sql
        return f"{begin[0]} {added},{sql[begin.end():]}" if begin[1] else f"with {added} {sql}"

    def shared_macro(generator):
        # one for all nodes: what it looks up is of the node that calls it
        template = generator.get_template()
        if id(template) not in shared:
            context = template.new_context()
            context.is_shared = True
            list(template.root_render_func(context))
            shared[id(template)] = context.vars[get_dbt_macro_name(generator.get_name())], template
        return shared[id(template)][0]

    def call_macro(generator, *values, **named):
        # as MacroGenerator.__call__ and call_macro, with one macro for all calls
        stack, name = generator.stack, generator.macro.unique_id
        judged = parsed[-1] if parsed and name == GATE else None
        if judged and "is_accepted" in judged.__dict__:
            return ""
        if stack is not None:
            if stack.depth == 0 and generator.node:
                generator.node.depends_on.add_macro(name)
            stack.push(name)
        is_first = calling.context is None
        if is_first:
            calling.context, calling.levels = generator.context, levels_of(generator.context)
        try:
            # a block that is called back looks up names as well: of the node to which the macro belongs that it stands in
            macro = shared_macro(generator) if calling.context is generator.context else generator.get_macro()
            text = macro(*values, **named)
            if judged:
                judged.is_accepted = True
            return text
        except MacroReturn as returned:
            return returned.value
        except (TypeError, TemplateRuntimeError) as error:
            raise CaughtMacroErrorWithNodeError(exc=error, node=generator.macro)
        finally:
            if is_first:
                calling.context, calling.levels = None, []
            if stack is not None:
                stack.pop(name)

    def link_once(compiler, manifest, write=True, add_test_edges=False, catalogs=None):
        graphs = manifest.__dict__.setdefault("linked", {})
        if add_test_edges not in graphs:
            graphs[add_test_edges] = former_link(compiler, manifest, write, add_test_edges, catalogs)
        else:
            compiler.initialize()
        return Graph(graphs[add_test_edges].graph.copy())

    def variables_once(var):
        # what a node sees depends on its package alone
        key = id(var._config), var._node.package_name
        if key not in variables:
            variables[key] = former_variables(var), var._config
        return variables[key][0]

    def find_by_key(adapter, database, schema, identifier):
        # as get_relation, of a schema whose relations are all known
        if not identifier or (database, schema) not in adapter.cache:
            return former_find(adapter, database, schema, identifier)
        known = adapter.cache.relations.get(_ReferenceKey(lowercase(database), lowercase(schema), lowercase(identifier)))
        found = adapter._make_match([known.inner] if known else [], database, schema, identifier)
        return found[0] if found else None

    def merge(*dicts):
        # as deep_merge, where nothing is deep: most often how the parts of a name are quoted
        if any(isinstance(value, (dict, list, tuple)) for values in dicts for value in values.values()):
            return former_merge(*dicts)
        return {name: value for values in dicts for name, value in values.items()}

    def dispatch_once(adapter, *name, **named):
        made, key = adapter.__dict__.setdefault("dispatched", {}), (id(adapter._namespace.ctx), *name, *named.items())
        if key not in made:
            made[key] = former_dispatch(adapter, *name, **named)
        return made[key]

    manager, nothing, is_collecting, parsed = Selective(), agate_helper.empty_table(), gc.isenabled(), []
    calling, shared = Calling(), {}
    former_parse, unset = requires.parse_manifest, DEFAULT_ENV_PLACEHOLDER
    former_manager, former_fill = event_manager_client.get_event_manager(), BaseEvent.__init__
    former_compile, former_describe = MacroFuzzEnvironment.compile, DuckDBAdapter.get_column_schema_from_query
    former_node, former_look_up = FlatGraphMapping.__getitem__, MacroNamespace.__getitem__
    former_variables, former_find, variables = providers.ModelConfiguredVar._generate_merged, BaseAdapter.get_relation, {}
    former_dispatch, former_merge = providers.BaseDatabaseWrapper.dispatch, relation.deep_merge
    former_link = compilation.Compiler.compile
    if n_calls and not is_collecting:
        gc.collect()
    n_calls += 1
    gc.disable()
    event_manager_client.ctx_set_event_manager(manager)
    try:
        with (_replaced(BaseEvent, "__init__", fill), _replaced(MacroFuzzEnvironment, "compile", compile_once),
              _replaced(DuckDBAdapter, "get_column_schema_from_query", describe_once),
              _replaced(FlatGraphMapping, "__getitem__", node_once), _replaced(MacroNamespace, "__getitem__", look_up_once),
              _replaced(MacroGenerator, "__call__", call_macro), _replaced(requires, "parse_manifest", parse_once),
              _replaced(compilation, "inject_ctes_into_sql", inject), _replaced(Context, "resolve_or_missing", resolve),
              _replaced(agate_helper, "empty_table", lambda: nothing), _replaced(compilation.Compiler, "compile", link_once),
              _replaced(providers.ModelConfiguredVar, "_generate_merged", variables_once),
              _replaced(providers, "args_to_dict", functools.cache(providers.args_to_dict)),
              _replaced(base, "get_context_modules", functools.cache(base.get_context_modules)),
              _replaced(flags, "get_flag_obj", functools.cache(flags.get_flag_obj)),
              _replaced(BaseAdapter, "get_relation", find_by_key), _replaced(relation, "deep_merge", merge),
              _replaced(providers.BaseDatabaseWrapper, "dispatch", dispatch_once),
              _replaced(functions, "env_secrets", functools.cache(functions.env_secrets))):
            yield
    finally:
        event_manager_client.ctx_set_event_manager(former_manager)
        if is_collecting:
            gc.enable()


def _project_state(config) -> tuple:
    """All that decides what dbt makes of the project: its files, settings that they name, variables and the place to build in.

    Argument: config, dbt's configuration of this call.
    """
    root, kinds = Path(config.project_root), ("model", "macro", "seed", "snapshot", "analysis", "test", "docs")
    folders = {root / folder for kind in kinds for folder in getattr(config, f"{kind}_paths")}
    files = [path for folder in folders for path in folder.rglob("*.*") if path.suffix in READ_BY_DBT] + [*root.glob("*.yml")]
    stats = sorted((str(path), stat.st_mtime_ns, stat.st_size) for path, stat in ((path, path.stat()) for path in files))
    settings = (config.project_env_vars, config.profile_env_vars, config.cli_vars, config.target_name, [*config.credentials.connection_info()])
    return (str(settings), *stats)


@contextlib.contextmanager
def _replaced(owner, name: str, by: Callable):
    """Put a function in the place of one of dbt's, for the time of a call."""
    former = getattr(owner, name)
    setattr(owner, name, by)
    try:
        yield
    finally:
        setattr(owner, name, former)


def close_databases() -> None:
    """Close what dbt-duckdb keeps open for the life of the process: readers want the files, and the next home has others."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    if DuckDBConnectionManager._ENV is not None:
        DuckDBConnectionManager._ENV.close()
        DuckDBConnectionManager.close_all_connections()


@contextlib.contextmanager
def parse_cache(target: Path, folder: str = "", project: Path = PROJECT):
    """Lend a new home the parsed project of an earlier one: parsing takes longer than building the demo.

    dbt checks itself whether the cache fits. It does because the home is always "." to dbt; only demo and shop differ, builds with unit tests, and
    a replay from a build.
    """
    kind = "shop" if os.environ.get("SEGMENTS_RAW") else "demo"
    engine = "postgres" if os.environ.get("SEGMENTS_TARGET") == "postgres" else ""
    units = "units" if os.environ.get("SEGMENTS_UNIT_TESTS") == "true" else ""
    own, shared = target / PARSED, project / "target" / "_".join(filter(None, (kind, engine, units, folder, PARSED)))
    with contextlib.suppress(OSError):  # a project that may not be written to only takes longer
        if not own.exists():
            own.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(shared, own)
    yield
    with contextlib.suppress(OSError):
        fresh = shared.with_suffix(f".{os.getpid()}")
        shared.parent.mkdir(exist_ok=True)
        shutil.copy(own, fresh)
        os.replace(fresh, shared)


@contextlib.contextmanager
def _template_cache():
    """Take over what earlier processes compiled of the project's Jinja, a second of every first call, and leave them what is new.

    Like Python's own __pycache__: code beside the project that it was made of, taken by its source text, only of the same Python
    and the same Jinja, and whole.
    """
    path = PROJECT / "target" / COMPILED
    version = f"{MAGIC_NUMBER.hex()} {metadata.version('jinja2')} {metadata.version('dbt-common')}".encode()
    if not _templates and not _compiled_before:
        with contextlib.suppress(OSError, ValueError):
            made_by, checksum, code = path.read_bytes().split(b"\n", 2)
            if (made_by, checksum) == (version, sha256(code).hexdigest().encode()):
                _compiled_before.update(marshal.loads(code))
    n_known = len(_templates.keys() | _compiled_before.keys())
    yield
    templates = _compiled_before | _templates
    if len(templates) > n_known:
        code = marshal.dumps(templates if len(templates) < MANY_TEMPLATES else _templates)
        with contextlib.suppress(OSError):  # a project that may not be written to only takes longer
            path.parent.mkdir(exist_ok=True)
            fresh = path.with_suffix(f".{os.getpid()}")
            fresh.write_bytes(b"\n".join((version, sha256(code).hexdigest().encode(), code)))
            os.replace(fresh, path)


def _failure(done) -> str:
    """Why a node failed; of an invariant that does not hold its own words, which say more than the number of rows."""
    if done.status == "fail" and (description := done.node.description or _written_description(done.node.name)):
        rows = "one row does" if done.failures == 1 else f"{done.failures:,} rows do"
        return f"{rows} not hold to this: {description.strip()}"
    return _sentence(done.message or done.status)


def _forget_values(*files: Path) -> None:
    """Take out of files of dbt what a damaged raw file holds."""
    for path in files:
        if path.exists():
            path.write_text(NOT_UTF_8.sub(r"\1 holds text that is not UTF-8", path.read_text(encoding="utf-8")), encoding="utf-8")


def _written_description(test: str) -> str:
    """What the project's file says of a singular test: dbt forgets it when it parses a part of the project only."""
    content = read_yaml(PROJECT / "tests" / "singular" / "_singular__tests.yml")
    return next((entry["description"] for entry in content["data_tests"] if entry["name"] == test), "")


def _sentence(message: str) -> str:
    """What dbt has to say without its frame: no heading, no class of error, no call stack, no list of macros."""
    message = NOT_UTF_8.sub(r"\1 holds text that is not UTF-8: write the file anew.", message)
    message = NO_INSTANT.sub("a Parquet file of the shop holds an instant of milliseconds beyond all years (nanoseconds, written as "
                             "milliseconds?): write it anew", message)
    lines = [line.strip() for line in message.splitlines()]
    lines = [line for line in lines if line and not line.startswith((">", "compiled code at", "LINE ", "^"))]
    if len(lines) > 1 and lines[0].endswith((")", "Error")) and " Error" in lines[0]:
        lines = lines[1:]
    text = " ".join(lines) if len(lines) < 3 else "\n  ".join(lines)
    # what raise_if() had to say on Postgres
    text = re.sub(r'^(.*)invalid input syntax for type integer: "(.*)"$', r"\1\2", text)
    text = re.sub(r"^(Runtime|Database|Invalid Input|IO|Compilation) Error:? ", "", text)
    return text if text.endswith((".", "?", "!")) or not text else text + "."
