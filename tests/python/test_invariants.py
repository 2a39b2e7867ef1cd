"""What must hold of any result is checked in every build, also in one without tests: nothing else may be published."""

import json
import os
import shutil
import subprocess
import sys

import duckdb
import pytest
from conftest import SETTINGS, WITH_JSON, Built

from segmentation.dbt_run import COMPILED, PARSED
from segmentation.home import PROJECT

# what a project needs to be built; tests/python is not read by dbt
PARTS = ("models", "macros", "seeds", "snapshots", "analyses", "tests/generic", "tests/grains", "tests/singular", "segmentation")
FILES = ("dbt_project.yml", "profiles.yml")
# both doors open: who objected has features, and the gate admits everybody
CARELESS = [
    ("marts/features/customer_features.sql", "where not_profiled_reason is null", "where true"),
    ("segments/segment_members.sql", "where {{ is_permitted(", "where true or {{ is_permitted("),
    ("segments/segment_members.sql", "where not {{ is_permitted(", "where false and not {{ is_permitted("),
]


@pytest.fixture(scope="module")
def careless(tmp_path_factory) -> tuple[Built, str]:
    """A project that admits who objected, built without tests; and what the command said."""
    folder = tmp_path_factory.mktemp("careless")
    project = folder / "project"
    for part in PARTS:
        shutil.copytree(PROJECT / part, project / part)
    for file in FILES:
        shutil.copy(PROJECT / file, project / file)
    (project / "target").mkdir()
    for made in (f"demo_{PARSED}", COMPILED):  # so that dbt parses and compiles only what is changed below
        if (PROJECT / "target" / made).exists():
            shutil.copy(PROJECT / "target" / made, project / "target" / made)
    for place, rule, careless_rule in CARELESS:
        text = (project / "models" / place).read_text()
        assert text.count(rule) == 1
        (project / "models" / place).write_text(text.replace(rule, careless_rule))
    inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    ran = subprocess.run(
        [sys.executable, "-m", "segmentation.cli", "build", "--without-tests"], cwd=project, text=True, capture_output=True,
        env=inherited | WITH_JSON | {"PYTHONPATH": str(project), "SEGMENTS_HOME": str(folder / "home")})
    return Built(folder / "home", ran.returncode), ran.stderr


def test_a_member_without_permission_stops_a_build_without_tests(careless):
    built, said = careless
    assert built.code == 1
    assert "assert_no_member_without_permission" in said


def test_it_leaves_no_published_copy_and_no_history(careless):
    built, _ = careless
    assert not (built.folder / "published").exists()
    with duckdb.connect(str(built.folder / "warehouse.duckdb"), read_only=True) as connection:
        made = {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
    assert "segment_members" in made
    assert made & {"run_started", "segment_membership", "segment_evaluations", "segment_runs"} == set()


def test_a_build_without_tests_runs_every_invariant_and_no_other_test(careless):
    built, _ = careless
    results = json.loads((built.folder / "target" / "run_results.json").read_text())["results"]
    tests = [done["unique_id"] for done in results if done["unique_id"].startswith(("test.", "unit_test."))]
    invariants = [path.stem for path in (PROJECT / "tests" / "singular").glob("*.sql")]
    assert len(invariants) >= 7
    assert sorted(test.split(".")[2] for test in tests) == sorted(invariants)


def test_a_review_that_is_overdue_stops_the_build(demo: Built, demo_copy: Built):
    """The day of the review itself is in time; counted at as_of, so a replay of the past is not stopped."""
    compiled = (demo.folder / "target/compiled/segmentation/tests/singular/assert_reviews_are_not_overdue.sql").read_text()
    with duckdb.connect(str(demo_copy.folder / "warehouse.duckdb")) as connection:
        [(as_of,)] = connection.execute("select as_of::date from marts.evaluation_clock").fetchall()
        for days, segments in ((0, []), (1, ["vip"])):
            connection.execute("update segments.segment_registry set next_review_on = ?::date - ? where segment_id = 'vip'", [as_of, days])
            assert [row[0] for row in connection.execute(compiled).fetchall()] == segments


@pytest.mark.parametrize("change", [
    "insert into reference.jurisdictions by name select * replace (timestamp '2026-01-01' as valid_from) from reference.jurisdictions where {row}",
    "update reference.jurisdictions set valid_to = '2020-01-01 07:59:59.999999' where {row} and valid_to is not null",  # a gap
    "update reference.jurisdictions set valid_to = '2020-01-01 08:00:00.000001' where {row} and valid_to is not null",  # an overlap
    "update reference.jurisdictions set valid_to = '2030-01-01' where {row} and valid_to is null",  # an end without a next law
    "update reference.jurisdictions set valid_from = null where {row} and valid_to is null",
    "update reference.jurisdictions set valid_to = '1900-01-01' where {row} and valid_to is not null",
    "delete from reference.jurisdictions where {row} and valid_to is null",
])
def test_laws_of_a_place_that_overlap_or_leave_a_gap_stop_the_build(demo: Built, demo_copy: Built, change: str):
    compiled = (demo.folder / "target/compiled/segmentation/tests/singular/assert_reference_lists_agree.sql").read_text()
    with duckdb.connect(str(demo_copy.folder / "warehouse.duckdb")) as connection:
        assert connection.execute(compiled).fetchall() == []
        connection.execute(change.format(row="jurisdiction = 'US-CA'"))
        found = {problem for (problem,) in connection.execute(compiled).fetchall()}
    assert found == {"jurisdiction US-CA: each row must end when the next begins, and the last one must be open"}
