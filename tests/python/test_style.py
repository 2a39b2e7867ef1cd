"""The style of the SQL (sqlfluff) and the conventions of one file each (dbt-bouncer): what `make lint` runs."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import WITH_JSON

from segmentation.dbt_run import environment, run_dbt
from segmentation.home import PROJECT, Home

# The parsed project stays in memory meanwhile, and Python would search it for garbage again and again: a quarter of all time.
TUNED = "import gc, sys; gc.set_threshold(100_000, 50, 50); from {module} import {name} as run; sys.exit(run(sys.argv[1:]))"
# the folders of SQL that a build runs, each linted with all of its subfolders
LINTED = ("models", "snapshots", "analyses", "tests/grains", "tests/singular")


def command(module: str, name: str, *arguments: str) -> subprocess.CompletedProcess:
    """A Python tool's command line, run in the project as a process of its own: it leaves nothing of dbt behind in this one."""
    return subprocess.run([sys.executable, "-c", TUNED.format(module=module, name=name), *arguments], cwd=PROJECT, capture_output=True,
                          text=True, check=False)


def test_the_sql_has_one_style():
    """In one process, since the tests already use every core."""
    done = command("sqlfluff.cli.commands", "lint", *LINTED, "--processes", "1", "--disable-progress-bar")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory) -> Path:
    """The folder with the manifest of the parsed project."""
    home = Home(tmp_path_factory.mktemp("parsed"))
    with environment(WITH_JSON):
        run_dbt(["parse"], home)
    return home.target


def test_the_project_keeps_its_conventions(artifacts, tmp_path):
    written = (PROJECT / "dbt-bouncer.yml").read_text()
    assert written.count("dbt_artifacts_dir: target") == 1
    (tmp_path / "dbt-bouncer.yml").write_text(written.replace("dbt_artifacts_dir: target", f"dbt_artifacts_dir: {artifacts}"))
    done = command("dbt_bouncer.main", "app", "run", "--config-file", str(tmp_path / "dbt-bouncer.yml"))
    assert done.returncode == 0 and "SUCCESS=" in done.stdout, done.stdout + done.stderr
