"""The style of the SQL (sqlfluff) and the conventions of one file each (dbt-bouncer): what `make lint` runs."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import SETTINGS, WITH_JSON

from segmentation.dbt_run import AS_THE_DEMO, environment, run_dbt
from segmentation.home import PROJECT, Home

# The parsed project stays in memory meanwhile, and Python would search it for garbage again and again: a quarter of all time.
BOUNCER = "import gc, sys; gc.set_threshold(100_000, 50, 50); from dbt_bouncer.main import app; sys.exit(app(sys.argv[1:]))"
# the folders of SQL that a build runs, each linted with all of its subfolders
LINTED = ("models", "snapshots", "analyses", "tests/grains", "tests/singular")
INDEXED = [str(Path(__file__).with_name("sqlfluff_indexed.py"))]
# in one process, since the tests already use every core
CONFIGURED = ("--config", str(PROJECT / ".sqlfluff"), "--processes", "1", "--disable-progress-bar")
# SQL against many rules, and the same with a part that cannot be read
FAULTY = """
SELECT DISTINCT(t.a) b, Upper(c) AS c, x AS d, count(*) as n
from tab as t, other as o
join (select * from third) as z using (a)
where t.a <> 1 and o.b != 2 and c = null
group by 1, b
order by 1, b desc
;



select o.a from first_one as o where o.b in (select i.b from second_one as i where i.c in (select o.d from third_one as o));

with unused as (select 1 as a), used as (
    select a, case when a = 1 then 2 else case when a = 3 then 4 end end as c from (select a, b from deep as q join deep as q on q.a = q.b) as inner_one
)
select
    used.a as e
    , c,
    cast(a as int),
    b::text as f,
    nvl(a, b) as g
from used
left outer join z as unused_alias on missing.a = used.a
union all
select 1, 2
union
select a, b, c from used limit 1
"""
FOUND = ("AL02", "AL03", "AL04", "AL05", "AM01", "AM05", "AM06", "AM07", "CP01", "CP03", "CV01", "CV02", "CV05", "CV06", "CV11", "LT08", "LT09",
         "LT15", "PRS", "RF01", "ST03", "ST04", "ST05", "ST07", "ST08")


def command(*arguments: str, cwd: Path = PROJECT, **settings: str) -> subprocess.CompletedProcess:
    """Python with arguments, as a process of its own: what it loads of dbt does not stay in this one."""
    inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    return subprocess.run([sys.executable, *arguments], cwd=cwd, env=inherited | settings, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def parsed(tmp_path_factory) -> Home:
    """A home with the parsed project and its manifest."""
    home = Home(tmp_path_factory.mktemp("parsed"))
    with environment(WITH_JSON):
        run_dbt(["parse"], home)
    return home


def test_the_sql_has_one_style(parsed):
    """Rendered in a home of its own, by the settings with which dbt parsed the project there: else it would parse it anew."""
    settings = AS_THE_DEMO | {"DBT_TARGET_PATH": str(parsed.target)}
    done = command(*INDEXED, "lint", *[str(PROJECT / folder) for folder in LINTED], *CONFIGURED, cwd=parsed.folder, **settings)
    # sqlfluff ends with 0 where it only warns that it could not lint a file, or that a rule failed on it
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "Unable to lint" not in said and "threw an Exception" not in said, said


def test_sqlfluff_finds_the_same_with_its_index(tmp_path):
    (tmp_path / "1 unreadable.sql").write_text(FAULTY.replace("limit 1", "limit 1 union select a, b from used"))
    (tmp_path / "2 readable.sql").write_text(FAULTY)
    arguments = ("lint", str(tmp_path), *CONFIGURED, "--templater", "jinja")
    plain, indexed = command("-m", "sqlfluff", *arguments), command(*INDEXED, *arguments)
    assert plain.returncode == indexed.returncode == 1
    assert plain.stdout + plain.stderr == indexed.stdout + indexed.stderr
    assert [code for code in FOUND if f"| {code:>4} |" not in plain.stdout] == []


def test_a_file_is_linted_with_few_segments_only_where_all_of_it_is_rendered(monkeypatch):
    import sqlfluff_indexed  # here: workers that run other files need not load sqlfluff

    specs = {"a": {}, "b": {}, "c": {}, "d": {"exclude": ["e"]}, "e": {}, "f": {"versions": [1, 2]}, "g": {"versions": [1]}}
    nodes = {f"model.segmentation.seg_{name}": SimpleNamespace(config=SimpleNamespace(meta={"segment": spec})) for name, spec in specs.items()}
    nodes["model.segmentation.orders"] = SimpleNamespace()
    few = {key for key in nodes if key[-2:] not in ("_c", "_g")}
    manifest = SimpleNamespace(nodes=nodes, flat_graph={"nodes": nodes})

    def render(templater, file: str) -> tuple:
        seen = templater.dbt_manifest.flat_graph["nodes"]
        places = [1] if file == "asks for none" else [1 for _ in seen] + [2 for key in seen if file == "has a line for c" and key.endswith("_c")]
        parts = [SimpleNamespace(source_slice=slice(place, place + 1), templated_slice=slice(at, at + 1)) for at, place in enumerate(places)]
        return SimpleNamespace(sliced_file=parts), seen.left

    monkeypatch.setattr(sqlfluff_indexed, "former_render", render)
    files = ("asks for none", "has a line for c", "repeats one for each")
    linted = [sqlfluff_indexed.render(SimpleNamespace(dbt_manifest=manifest), file)[1] for file in files]
    assert linted == [{*nodes}, {*nodes}, few]
    assert manifest.flat_graph == {"nodes": nodes}


def test_the_project_keeps_its_conventions(parsed, tmp_path):
    written = (PROJECT / "dbt-bouncer.yml").read_text()
    assert written.count("dbt_artifacts_dir: target") == 1
    (tmp_path / "dbt-bouncer.yml").write_text(written.replace("dbt_artifacts_dir: target", f"dbt_artifacts_dir: {parsed.target}"))
    done = command("-c", BOUNCER, "run", "--config-file", str(tmp_path / "dbt-bouncer.yml"))
    assert done.returncode == 0 and "SUCCESS=" in done.stdout, done.stdout + done.stderr
