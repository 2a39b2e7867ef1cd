"""dbt in this process: what several calls have in common is done once, and anew when it has changed."""

from pathlib import Path
from types import SimpleNamespace

from conftest import SETTINGS

from segmentation.dbt_run import _project_state, environment, run_dbt
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
