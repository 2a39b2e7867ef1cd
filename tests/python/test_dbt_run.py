"""dbt in this process: what several calls have in common is done once, and anew when it has changed."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest
from conftest import SETTINGS

from segmentation import dbt_run
from segmentation.dbt_run import COMPILED, _project_state, environment, run_dbt
from segmentation.errors import UserError
from segmentation.home import Home


def test_a_process_parses_the_project_once_for_the_same_settings(tmp_path: Path, monkeypatch):
    from dbt.parser.manifest import ManifestLoader

    parsed, former = [], ManifestLoader.load
    monkeypatch.setattr(ManifestLoader, "load", lambda loader: parsed.append(loader) or former(loader))

    def n_parsed(**settings: str) -> int:
        parsed.clear()
        with environment(dict.fromkeys(SETTINGS) | settings):
            nodes = run_dbt(["parse"], Home(tmp_path)).nodes
        assert ("seed.segmentation.demo_hmac_keys" in nodes) == ("SEGMENTS_RAW" not in settings)
        return len(parsed)

    n_parsed(), n_parsed(SEGMENTS_RAW="given")  # by an earlier test of this process or here
    assert [n_parsed(), n_parsed(AS_OF="2026-01-01 00:00:00"), n_parsed(SEGMENTS_RAW="given"), n_parsed()] == [0, 0, 0, 0]
    # whoever wants its JSON files gets them as dbt writes them
    assert n_parsed(DBT_WRITE_JSON="true") == 1 and (tmp_path / "target" / "manifest.json").exists()


def test_a_process_judges_and_links_a_project_once_and_judges_one_that_it_refused_again(tmp_path: Path, monkeypatch):
    from dbt.clients.jinja import MacroGenerator
    from dbt.compilation import Linker

    asked, former, former_link = [], MacroGenerator.get_template, Linker.link_graph
    monkeypatch.setattr(MacroGenerator, "get_template", lambda generator: asked.append(generator.macro.name) or former(generator))
    monkeypatch.setattr(Linker, "link_graph", lambda linker, manifest: asked.append("graph") or former_link(linker, manifest))
    monkeypatch.setattr(dbt_run, "_manifests", {})  # as in a process of its own

    def is_judged() -> bool:
        asked.clear()
        assert [done.node.name for done in run_dbt(["build", "--select", "segment_locks", "--resource-type", "seed"], Home(tmp_path))
                if done.node.resource_type == "seed"] == ["segment_locks"]
        return "spec_problems" in asked

    with environment(dict.fromkeys(SETTINGS)):
        spec = run_dbt(["parse"], Home(tmp_path)).nodes["model.segmentation.seg_vip"].config.meta["segment"]
        with monkeypatch.context() as patch:
            patch.setitem(spec, "priority", "first")
            for _ in range(2):
                with pytest.raises(UserError, match="segment vip, field priority"):
                    is_judged()
        assert [is_judged(), is_judged()] == [True, False] and "graph" not in asked
        monkeypatch.setattr(dbt_run, "_manifests", {})
        assert is_judged() and "graph" in asked


def test_a_macro_of_all_nodes_looks_up_names_of_the_node_that_calls_it():
    """In a block that is called back, too: `other`, called with another context, is no reason to look there."""
    from dbt.clients.jinja import MacroGenerator

    def macro(name: str, text: str) -> SimpleNamespace:
        return SimpleNamespace(name=name, unique_id=f"macro.test.{name}", macro_sql="{% macro " + name + " %}" + text + "{% endmacro %}")

    inner = macro("inner(part)", "{{ node }} {{ part }} {{ caller() if caller }}")
    outer = macro("outer()", "{{ inner('one') }}{% call inner('two') %}({{ node }}){% endcall %}{% call other('three') %}({{ node }}){% endcall %}")
    for each in (inner, outer):
        each.name = each.name.partition("(")[0]
    made, contexts = [], {name: {"node": name} for name in ("first", "second", "another")}
    for context in contexts.values():
        context |= {"inner": MacroGenerator(inner, context), "other": MacroGenerator(inner, contexts["another"])}
    with dbt_run.spared():
        for name in ("first", "second", "first"):
            made.append(MacroGenerator(outer, contexts[name])())
    assert made == [f"{name} one {name} two ({name})another three ({name})" for name in ("first", "second", "first")]


def test_a_changed_file_or_setting_is_another_project(tmp_path: Path):
    (tmp_path / "models").mkdir()
    (tmp_path / "dbt_project.yml").write_text("name: shop\n")
    (tmp_path / "models" / "one.sql").write_text("select 1")
    kinds = ("model", "macro", "seed", "snapshot", "analysis", "test", "docs")
    dbt = SimpleNamespace(project_root=str(tmp_path), **{f"{kind}_paths": ["models"] for kind in kinds}, project_env_vars={"SEGMENTS_RAW": ""},
                          profile_env_vars={}, cli_vars={}, target_name="duckdb", credentials=SimpleNamespace(connection_info=lambda: [("path", ".")]))
    states = [_project_state(dbt)]
    assert _project_state(dbt) == states[0]
    for change in (
        lambda: (tmp_path / "models" / "one.sql").write_text("select 2 as two"),
        lambda: (tmp_path / "models" / "two.sql").write_text("select 2"),
        lambda: (tmp_path / "models" / "one.yml").write_text("models: []"),
        lambda: (tmp_path / "models" / "two.sql").rename(tmp_path / "models" / "three.sql"),
        lambda: (tmp_path / "models" / "one.yml").unlink(),
        lambda: (tmp_path / "dbt_project.yml").write_text("name: another\n"),
        lambda: dbt.project_env_vars.update(SEGMENTS_RAW="given"),
        lambda: dbt.cli_vars.update(timezone="UTC"),
        lambda: setattr(dbt, "target_name", "postgres"),
    ):
        change()
        assert _project_state(dbt) not in states
        states.append(_project_state(dbt))


@pytest.fixture
def process(monkeypatch, tmp_path: Path) -> Callable[[], int]:
    """A call of dbt as in a new process, on a project folder that may hold what an earlier one compiled. Returns how many templates it compiled."""
    from dbt_common.clients.jinja import MacroFuzzEnvironment

    compiled, former = [], MacroFuzzEnvironment.compile
    monkeypatch.setattr(MacroFuzzEnvironment, "compile", lambda *given, **more: compiled.append(given) or former(*given, **more))

    def call(*texts: str) -> int:
        compiled.clear()
        for name in ("_templates", "_compiled_before"):
            monkeypatch.setattr(dbt_run, name, {})
        with dbt_run._template_cache(), dbt_run._less_ado():
            found = [MacroFuzzEnvironment().from_string(text).render({"one": 1}) for text in texts]
        assert found == [text.replace("{{ one }}", "1") for text in texts]
        return len(compiled)

    monkeypatch.setattr(dbt_run, "PROJECT", tmp_path)
    return call


def test_what_a_process_compiled_the_next_one_takes_over(process):
    assert [process("a {{ one }}", "b {{ one }}"), process("b {{ one }}", "a {{ one }}"), process("c {{ one }}"), process("c {{ one }}", "a {{ one }}")] == [
        2, 0, 1, 0]


@pytest.mark.parametrize("damage", [
    lambda made: made[:-1], lambda made: made[:100] + b"?" + made[101:], lambda made: b"another version" + made, lambda made: b"", lambda made: b"\n\n"])
def test_what_is_not_whole_or_of_another_version_is_compiled_anew(process, tmp_path: Path, damage):
    assert process("a {{ one }}") == 1
    path = tmp_path / "target" / COMPILED
    path.write_bytes(damage(path.read_bytes()))
    assert [process("a {{ one }}"), process("a {{ one }}")] == [1, 0]


def test_templates_of_former_versions_of_the_project_go(process, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(dbt_run, "MANY_TEMPLATES", 3)
    assert [process("a {{ one }}", "b {{ one }}"), process("c {{ one }}"), process("a {{ one }}", "c {{ one }}")] == [2, 1, 1]


def test_a_project_that_may_not_be_written_to_only_takes_longer(process, tmp_path: Path):
    (tmp_path / "target").write_text("a file in its place")
    assert [process("a {{ one }}"), process("a {{ one }}")] == [1, 1]


@pytest.mark.parametrize("sql", [
    "with a as (select 1 as one) select * from a", "\n-- with\n/* with */ WITH a as (select 1 as one) select * from a", "select 1 as one",
    "with recursive a as (select 1 as one union all select one from a where false) select * from a",
    "select * from (with a as (select 1 as one) select * from a)", "-- withdrawn\nselect 1 as one",
])
def test_the_rows_of_a_unit_test_come_before_what_the_model_selects(sql: str):
    """As dbt puts them there."""
    from dbt import compilation

    given = [SimpleNamespace(sql="given as (select 2 as two)"), SimpleNamespace(sql="others as (select * from given)")]
    expected = compilation.inject_ctes_into_sql(sql, given)
    with dbt_run._less_ado():
        injected, unchanged = compilation.inject_ctes_into_sql(sql, given), compilation.inject_ctes_into_sql(sql, [])
    assert "".join(injected.split()) == "".join(expected.split()) and unchanged == sql
    assert duckdb.sql(injected).fetchall() == [(1,)]
