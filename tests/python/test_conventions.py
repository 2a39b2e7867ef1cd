"""House rules that need more than a pattern on one file; the others are in dbt-bouncer.yml."""

import csv
import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from conftest import Built

from segmentation.files import read_yaml
from segmentation.home import PROJECT

CODE_FOLDERS = ("models", "macros", "snapshots", "seeds", "tests", "analyses")
RECORDED_FOLDERS = ("intermediate", "marts", "segments", "audit")
# One row per source row (or one row in all): nothing there is unique by its meaning. int_prediction_inputs is
# a view that `segmentation fit` alone reads, grouped by its grain: a test would read all orders once more in every build.
PER_SOURCE_ROW = re.compile(r".*_(checked|repeated)|int_events|int_settings|int_rejected_rows|int_other_order_rows|int_prediction_inputs")


@pytest.fixture(scope="module")
def manifest(demo: Built) -> dict:
    """The manifest that the demo's build has written."""
    return json.loads((demo.folder / "target" / "manifest.json").read_text())


@pytest.fixture(scope="module")
def nodes(manifest) -> list[dict]:
    """The project's own models, snapshots and seeds."""
    return [node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "snapshot", "seed")]


@pytest.fixture(scope="module")
def tested_grains(manifest) -> dict[str, list[list[str]]]:
    """Node id: the column lists that tests/grains and unique_combination_of_columns tests prove."""
    found = defaultdict(list)
    for node in manifest["nodes"].values():
        is_grain = (node.get("test_metadata") or {}).get("name") == "unique_combination_of_columns"
        # of a model that only a replay enables, dbt keeps or drops the test, as it parses everything or only a part
        if is_grain and node["attached_node"] in manifest["nodes"]:
            found[node["attached_node"]].append(node["test_metadata"]["kwargs"]["combination_of_columns"])
        if node["original_file_path"].startswith("tests/grains/"):
            for parent in node["depends_on"]["nodes"]:
                found[parent].append(manifest["nodes"][parent]["config"]["meta"]["grain"])
    # the union names the segment of each row, so its grain is that of every rule in it
    (union,) = (node for node in manifest["nodes"].values() if node["name"] == "segment_candidates")
    if found[union["unique_id"]] == [["as_of", "segment_id", "customer_key"]]:
        for rule in union["depends_on"]["nodes"]:
            if rule.split(".")[2].startswith("seg_") and not found[rule]:
                found[rule].append(["as_of", "customer_key"])
    return found


def sources(folder: str, *suffixes: str) -> list[Path]:
    """The project's files of one folder, by suffix."""
    return sorted(path for path in (PROJECT / folder).rglob("*") if path.suffix in suffixes)


def described_columns() -> dict[str, set[tuple[str, str]]]:
    """Column name: (description as written in YAML, file) wherever a model, snapshot, seed or source describes it."""
    found = defaultdict(set)
    for path in [p for folder in ("models", "snapshots", "seeds") for p in sources(folder, ".yml")]:
        content = read_yaml(path)
        relations = [r for kind in ("models", "snapshots", "seeds") for r in content.get(kind, [])]
        relations += [table for source in content.get("sources", []) for table in source.get("tables", [])]
        for relation in relations:
            for column in relation.get("columns", []):
                found[column["name"]].add((column.get("description", "").strip(), f"{path.name} {relation['name']}"))
    return found


def relative(paths) -> list[str]:
    """Paths as they read in a message."""
    return [str(path.relative_to(PROJECT)) for path in paths]


def test_the_grain_in_the_meta_of_a_model_is_the_grain_that_is_tested(nodes, tested_grains):
    declared = {node["unique_id"]: node["config"]["meta"]["grain"] for node in nodes
                if "grain" in node["config"]["meta"] and not node["original_file_path"].startswith("seeds/demo/")}
    assert len(declared) > 40
    wrong = {name: (grain, tested_grains[name]) for name, grain in declared.items() if tested_grains[name] != [grain]}
    assert wrong == {}
    assert set(tested_grains) == set(declared)


def test_the_grain_of_a_seed_holds_in_its_file(nodes):
    seeds = [node for node in nodes if node["resource_type"] == "seed" and "grain" in node["config"]["meta"]]
    assert {Path(seed["original_file_path"]) for seed in seeds} >= {
        path.relative_to(PROJECT) for path in (PROJECT / "seeds" / "reference").glob("*.csv")}
    for seed in seeds:
        with (PROJECT / seed["original_file_path"]).open(newline="") as file:
            keys = [tuple(row[column] for column in seed["config"]["meta"]["grain"]) for row in csv.DictReader(file)]
        assert len(set(keys)) == len(keys) and all(all(key) for key in keys), seed["name"]


def test_a_broken_grain_is_named(demo: Built, demo_copy: Built):
    compiled = (demo.folder / "target/compiled/segmentation/tests/grains/grains_of_segments.sql").read_text()
    with duckdb.connect(str(demo_copy.folder / "warehouse.duckdb")) as connection:
        connection.execute(f"attach '{demo_copy.folder / 'restricted.duckdb'}' as restricted")
        assert connection.execute(compiled).fetchall() == []
        connection.execute("insert into segments.segment_members select * from segments.segment_members limit 2")
        sentence = r"The grain of segment_members \(as_of, segment_id, customer_key\) does not hold: 2 keys stand in more than one row\."
        with pytest.raises(duckdb.Error, match=sentence):
            connection.execute(compiled).fetchall()


def test_every_model_but_those_per_source_row_has_a_tested_grain(nodes, tested_grains):
    names = {
        node["unique_id"] for node in nodes
        if node["resource_type"] == "snapshot" or (node["resource_type"] == "model" and node["fqn"][1] in RECORDED_FOLDERS
                                                   and not PER_SOURCE_ROW.fullmatch(node["name"]))
    }
    assert len(names) > 40
    assert sorted(names - set(tested_grains)) == []


def test_the_grain_that_a_description_begins_with_names_the_columns_of_the_grain(nodes):
    """`One row per as_of and customer_key. ...` must not say less or more than the tested grain."""
    wrong = {}
    for node in nodes:
        grain = node["config"]["meta"].get("grain")
        if grain:
            first = " ".join(node["description"].split()).split(". ")[0]
            if {word for word in re.findall(r"[a-z_0-9]+", first) if word in node["columns"]} != set(grain):
                wrong[node["name"]] = (first, grain)
    assert wrong == {}


def test_the_union_of_candidates_lists_exactly_the_segment_models():
    listed = re.findall(r"\('(\w+)', ref\('(\w+)'\)\)", (PROJECT / "models/segments/segment_candidates.sql").read_text())
    models = [path.stem for path in sources("models/segments", ".sql") if path.stem.startswith("seg_")]
    assert len(models) >= 12
    assert listed == [(name.removeprefix("seg_"), name) for name in sorted(models)]


def test_every_segment_folder_holds_exactly_a_rule_and_a_spec():
    folders = [path for path in (PROJECT / "models/segments").iterdir() if path.is_dir()]
    assert len(folders) >= 12
    for folder in folders:
        assert sorted(path.name for path in folder.iterdir()) == [f"seg_{folder.name}.sql", f"seg_{folder.name}.yml"]


def test_the_id_of_a_segment_is_its_folder(nodes):
    rules = [node for node in nodes if node["name"].startswith("seg_")]
    assert {node["name"]: node["config"]["meta"]["segment"]["segment_id"] for node in rules} == {
        node["name"]: Path(node["original_file_path"]).parent.name for node in rules}


def test_only_the_cross_database_macros_ask_for_the_engine():
    asking = [path for folder in CODE_FOLDERS for path in sources(folder, ".sql", ".yml")
              if re.search(r"target\s*(\.|\[\s*['\"])\s*type", path.read_text())]
    assert [name for name in relative(asking) if not name.startswith("macros/cross_db/")] == []
    dispatching = [path for path in sources("macros", ".sql") if "adapter.dispatch" in path.read_text()]
    assert dispatching and [name for name in relative(dispatching) if not name.startswith("macros/cross_db/")] == []


def test_only_the_clock_reads_the_date_to_evaluate():
    """`segmentation demo` builds nothing but the clock and what depends on it from its second date on."""
    reading = [path for folder in CODE_FOLDERS for path in sources(folder, ".sql")
               if re.search(r"(env_var|_setting)\(\s*['\"](AS_OF|KNOWN_AT)['\"]", path.read_text())]
    assert relative(reading) == ["models/marts/evaluation_clock.sql"]


def test_a_staging_model_is_a_source_and_a_renaming_and_nothing_else():
    paths = sources("models/staging", ".sql")
    assert len(paths) == 12
    for path in paths:
        assert re.findall(r"^(?:with )?(\w+) as \($", path.read_text(), re.MULTILINE) == ["source", "renamed"], path.name


def test_columns_stand_in_yaml_in_the_order_in_which_they_are_built(nodes, demo: Built):
    built = defaultdict(list)
    for database, schema, relation, column in demo.rows(
        "select database_name, schema_name, table_name, column_name from duckdb_columns() order by table_oid, column_index"
    ):
        built[database, schema, relation].append(column)
    wrong = {}
    for node in nodes:
        listed = list(node["columns"])
        if node["resource_type"] == "seed":
            # a seed is loaded in the order of its file
            with open(PROJECT / node["original_file_path"], newline="", encoding="utf-8") as file:
                actual = next(csv.reader(file))
        else:
            actual = built[node["database"], node["schema"], node["alias"]]
        if listed != actual:
            wrong[node["name"]] = (listed, actual)
    assert wrong == {}


def test_a_column_has_one_meaning_wherever_it_stands():
    """The same name has the same description, and one that stands in several relations has it from a shared block."""
    columns = described_columns()
    assert len(columns) > 200
    several = {name: places for name, places in columns.items() if len(places) > 1}
    differing = {name: places for name, places in several.items() if len({text for text, _ in places}) > 1}
    assert differing == {}
    written_out = {name: places for name, places in several.items() if not next(iter(places))[0].startswith("{{ doc(")}
    assert written_out == {}


def test_every_shared_description_is_used():
    blocks = {name for path in sources("models", ".md") for name in re.findall(r"{%-?\s*docs\s+(\w+)", path.read_text())}
    text = "\n".join(path.read_text() for folder in CODE_FOLDERS for path in sources(folder, ".yml"))
    used = set(re.findall(r"doc\(['\"](\w+)['\"]\)", text))
    assert len(blocks) > 100
    assert sorted(blocks - used - {"__overview__"}) == []


def test_every_evaluated_purpose_is_used(nodes):
    """Consent is computed per person and purpose: one that nothing asks for is cost without an answer."""
    with open(PROJECT / "seeds/reference/purposes.csv", newline="", encoding="utf-8") as file:
        purposes = [row for row in csv.DictReader(file) if row["is_evaluated"] == "true"]
    assert purposes
    with open(PROJECT / "seeds/reference/event_types.csv", newline="", encoding="utf-8") as file:
        used = {row["purpose"] for row in csv.DictReader(file)}
    for node in nodes:
        spec = node["config"]["meta"].get("segment", {})
        used |= {spec.get("purpose"), *spec.get("consent_purposes", [])}
    sql = "\n".join(path.read_text() for path in sources("models", ".sql") + sources("macros", ".sql"))
    # is_profiling decides who is profiled; a channel says which purposes a restriction given by address ends
    unused = [row["purpose"] for row in purposes if not (
        row["purpose"] in used or row["is_profiling"] == "true" or row["channel"] or f"'{row['purpose']}'" in sql)]
    assert unused == []


def test_every_purpose_that_a_segment_needs_is_evaluated(nodes):
    """Otherwise nobody is ever permitted, or nobody's objection is ever seen."""
    with open(PROJECT / "seeds/reference/purposes.csv", newline="", encoding="utf-8") as file:
        evaluated = {row["purpose"] for row in csv.DictReader(file) if row["is_evaluated"] == "true"}
    specs = [node["config"]["meta"]["segment"] for node in nodes if node["name"].startswith("seg_")]
    assert specs
    assert {purpose for spec in specs for purpose in [spec["purpose"], *spec.get("consent_purposes", [])]} - evaluated == set()


def test_every_macro_file_says_first_what_its_macros_are_for():
    silent = []
    for path in sources("macros", ".sql"):
        comment = re.match(r"\s*{#-?(.*?)-?#}", path.read_text(), re.DOTALL)
        if not comment or len(comment[1].split()) < 4:
            silent.append(path)
    assert len(sources("macros", ".sql")) > 20
    assert relative(silent) == []


def test_every_macro_is_described_with_the_arguments_that_it_has(manifest):
    """What an engine's variant does (default__x, duckdb__x) is told by the macro that dispatches to it."""
    macros = {macro["name"]: macro for macro in manifest["macros"].values()
              if macro["package_name"] == "segmentation" and macro["original_file_path"].startswith("macros/")}
    wrong = {}
    for name, macro in macros.items():
        if "__" in name or name.startswith("materialization_"):  # dbt gives a materialization no place for either
            continue
        signature = re.search(r"macro\s+\w+\((.*?)\)\s*-?%}", macro["macro_sql"], re.DOTALL)[1]
        expected = re.findall(r"(?:^|, *)(\w+)", signature)
        described = [argument["name"] for argument in macro["arguments"] if argument["description"]]
        if not macro["description"] or described != expected:
            wrong[name] = (expected, described)
    assert len(macros) > 100
    assert wrong == {}


def test_names_of_relations_and_unit_tests_fit_postgres(manifest, nodes):
    """dbt makes a relation of each; Postgres cuts names at 63 characters, and dbt refuses to."""
    names = {node["alias"] for node in nodes} | {test["name"] for test in manifest["unit_tests"].values()}
    assert len(names) > 150
    assert sorted(name for name in names if len(name) > 63) == []


def test_no_line_of_sql_is_longer_than_130_characters():
    """Here and not in sqlfluff, whose rule (LT05) reads the rendered text: twenty times slower, and it blames lines that a loop made."""
    files = [path for folder in ("models", "snapshots", "analyses", "tests") for path in sources(folder, ".sql")]
    assert len(files) > 180
    assert [f"{path.name}:{number}" for path in files
            for number, line in enumerate(path.read_text().splitlines(), start=1) if len(line) > 130] == []


def test_no_model_is_longer_than_a_reader_can_hold():
    lengths = {path.name: len(path.read_text().splitlines()) for path in sources("models", ".sql") + sources("snapshots", ".sql")}
    assert len(lengths) > 80
    assert {name: length for name, length in lengths.items() if length > 210} == {}


def test_no_committed_file_names_a_registry_or_a_path_of_one_machine():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout: which files are committed is not known")
    # written in parts, so that this file does not name them
    hosts = ["pypi" + ".org", "python" + "hosted.org", "npm" + "js.org", "proxy.golang" + ".org", "/" + "simple/"]
    folders = ["/" + name + "/" for name in ("work", "root", "farm")]
    found = {}
    names = [name for name in listed.stdout.split("\0") if name and (PROJECT / name).is_file()]
    assert len(names) > 100
    for name in names:
        try:
            text = (PROJECT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        hits = [part for part in hosts if part in text]
        # a path of the machine begins there: not the middle of a longer path or an address
        hits += [part for part in folders if re.search(r"(?<![\w.*~})-])" + re.escape(part), text)]
        if hits:
            found[name] = hits
    assert found == {}


def test_what_depends_on_the_clock_inside_the_restricted_area_is_marked(manifest):
    """A replay gives marked models schemas of their own; an unmarked one would overwrite what the builds read."""
    children = manifest["child_map"]
    clocked, waiting = set(), ["model.segmentation.evaluation_clock"]
    while waiting:
        name = waiting.pop()
        for child in children[name]:
            if child.startswith("model.") and child not in clocked:
                clocked.add(child)
                waiting.append(child)
    restricted = {name: node for name, node in manifest["nodes"].items()
                  if node["resource_type"] == "model" and node["config"]["database"] == "restricted"}
    assert restricted
    assert {name for name, node in restricted.items() if "clocked" in node["config"]["tags"]} == clocked & set(restricted)


def test_every_feature_says_what_can_move_it_and_is_kept_for_the_next_comparison(nodes):
    """A change of membership is traced feature by feature: one that is forgotten here would leave it unexplained."""
    columns = {node["name"]: list(node["columns"]) for node in nodes}
    features = [name for name in columns["customer_features"] if name not in ("as_of", "customer_key")]
    assert len(features) > 50
    with open(PROJECT / "seeds/reference/feature_causes.csv", newline="", encoding="utf-8") as file:
        causes = {row.pop("feature"): row for row in csv.DictReader(file)}
    assert list(causes) == ["as_of", *features]
    assert [name for name, cells in causes.items() if not any(cells.values())] == []
    kept = [name for name in columns["int_evaluated_customers"] if name not in ("as_of", "customer_key", "not_profiled_reason")]
    assert kept == features


def test_the_inputs_of_every_rule_are_found_in_its_sql(demo: Built):
    """segment_inputs is read from the text of the rules; a rule that it misreads could never be explained."""
    found = defaultdict(set)
    for segment, feature in demo.rows("select segment_id, feature from segments.segment_inputs"):
        found[segment].add(feature)
    assert set(found) == {path.parent.name for path in sources("models/segments", ".sql") if path.stem.startswith("seg_")}
    assert set().union(*found.values()) <= {name for (name,) in demo.rows("select feature from reference.feature_causes")}
    assert found["vip"] == {"order_count", "net_spend"}
    assert found["vip_top_5_percent"] == {"order_count", "buyers_spending_more", "buyer_count"}
    assert found["cart_abandoner"] == {"abandoned_cart_at", "abandoned_cart_value", "as_of"}  # it counts days itself
    assert dict(demo.rows("select feature, purpose from segments.segment_inputs where segment_id = 'cart_abandoner'")) == {
        "abandoned_cart_at": "personalize.content.profiling", "abandoned_cart_value": "personalize.content.profiling", "as_of": None}


# Joins of small lists (purposes, laws, vendors, months, the dates evaluated) or of rows by group, which may compare everything with everything.
COMPARED_ROW_BY_ROW = {
    "int_consent_choices", "int_consent_intervals", "int_device_periods", "int_evaluated_segments", "int_jurisdictions",
    "int_metric_consents", "int_metric_customers", "int_notice_gaps", "int_order_totals", "int_rule_outcomes", "int_cancelled_sends",
    "cohort_retention", "platform_reconciliation",
}


def compares_all_rows(plan: dict) -> bool:
    """Whether a join of a DuckDB plan does; not one with the few dates of the clock, which macro `mostly` writes so on purpose."""
    details = plan["extra_info"]
    is_meant = details.get("Join Type") == "INNER" and details.get("Condition", "").startswith("COALESCE(") \
        and details["Condition"].endswith(", false)")
    return (plan["name"] == "BLOCKWISE_NL_JOIN" and not is_meant) or any(compares_all_rows(child) for child in plan["children"])


def test_no_join_compares_every_row_with_every_other(demo: Built):
    """DuckDB joins so when an outer join has a condition on one side only, or "or": unnoticed in the demo, minutes at 100,000 people."""
    found = set()
    with duckdb.connect(str(demo.folder / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute(f"attach '{demo.folder / 'restricted.duckdb'}' as restricted (read_only)")
        compiled = [path for path in (demo.folder / "target" / "compiled" / "segmentation" / "models").rglob("*.sql")
                    if path.is_file() and "_tests.yml" not in str(path)]
        for path in compiled:
            if path.stem != "leaf_nonces":
                [plan] = json.loads(connection.execute(f"explain (format json) {path.read_text()}").fetchone()[1])
                if compares_all_rows(plan):
                    found.add(path.stem)
    assert len(compiled) > 100 and found <= COMPARED_ROW_BY_ROW


def narrow_products(plan) -> Iterator[str]:
    """The products in a bound plan of DuckDB whose type holds eighteen digits only."""
    if isinstance(plan, dict):
        result = plan.get("return_type") or {}
        if plan.get("name") == "*" and result.get("id") == "DECIMAL" and result["type_info"]["width"] <= 18:
            yield f"decimal({result['type_info']['width']},{result['type_info']['scale']})"
    for part in plan.values() if isinstance(plan, dict) else plan if isinstance(plan, list) else ():
        yield from narrow_products(part)


def test_no_product_of_exact_numbers_is_narrow(demo: Built):
    """DuckDB multiplies two decimal(18) into a decimal(18) whose places behind the point add up: a line of a hundred million rupiah,
    times a rate of eight places, stopped the build. Whatever the demo's amounts, the type of a product tells it (macro `wide`)."""
    with duckdb.connect(str(demo.folder / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute(f"attach '{demo.folder / 'restricted.duckdb'}' as restricted (read_only)")

        def plan(query: str) -> dict:
            found = json.loads(connection.execute("select json_serialize_plan(?)", [query]).fetchone()[0])
            assert not found["error"], found
            return found

        assert list(narrow_products(plan("select 1.5::decimal(18, 4) * 2::decimal(18, 2)"))) == ["decimal(18,6)"]
        assert not list(narrow_products(plan("select 1.5::decimal(38, 4) * 2::decimal(18, 2)")))
        compiled = [path for path in (demo.folder / "target" / "compiled" / "segmentation").rglob("*.sql")
                    if path.is_file() and "_tests.yml" not in str(path) and path.stem != "leaf_nonces"]
        found = {path.stem: list(narrow_products(plan(path.read_text()))) for path in compiled}
    assert len(compiled) > 150 and not {name: products for name, products in found.items() if products}


def rows_read(plan: dict) -> int:
    """How many rows a DuckDB plan that was run read from Parquet files."""
    own = plan["operator_cardinality"] if plan.get("operator_name", "").strip() == "READ_PARQUET" else 0
    return own + sum(rows_read(child) for child in plan["children"])


def rows_read_of_events(demo: Built, folder: Path, model: str, condition: str) -> tuple[int, int]:
    """How many events a model reads of two Parquet files, the first of them with the demo's recent events; and how many those are.

    Each event that meets the condition stands sixty times in them: of few rows DuckDB would make the side of a join that it holds in
    memory, and it guesses how many there are by the first file.
    """
    views = {"int_events": "events", "int_events_checked": "events", "stg_generic__events": "../staging/generic"}
    models = demo.folder / "target/compiled/segmentation/models/intermediate"
    query = next(models.rglob(f"{model}.sql")).read_text()
    for view, place in views.items():
        query = re.sub(rf'"restricted"\."\w+"\."{view}"', lambda _, file=models / place / f"{view}.sql": f"({file.read_text()})", query)
    assert '"restricted"."raw"."demo_events"' in query
    query = query.replace('"restricted"."raw"."demo_events"', f"read_parquet('{folder}/*.parquet')")
    with duckdb.connect(str(demo.folder / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute(f"attach '{demo.folder / 'restricted.duckdb'}' as restricted (read_only)")
        numbers = []
        for name, years in (("1 recent", "occurred_at >= '2025-11-01'"), ("2 older", "occurred_at < '2025-11-01'")):
            connection.execute(f"""copy (
                select * exclude (n) replace (
                    event_id || n as event_id, cast(occurred_at as timestamp) as occurred_at, cast(recorded_at as timestamp) as recorded_at
                ) from restricted.raw.demo_events cross join range(60) as numbers (n) where {years} and {condition}
            ) to '{folder / name}.parquet'""")
            [(number,)] = connection.execute(f"select count(*) from '{folder / name}.parquet'").fetchall()
            numbers.append(number)
        assert min(numbers) > 1000
        connection.execute("set threads = 2")
        # nothing of the demo's other tables is rejected here
        connection.execute("create temp table counts as select * replace (0 as n_unusable) from restricted.intermediate.int_load_counts")
        query = query.replace('"restricted"."intermediate"."int_load_counts"', "counts")
        [(_, plan)] = connection.execute(f"explain (analyze, format json) {query}").fetchall()
    return rows_read(json.loads(plan)), numbers[0]


@pytest.mark.parametrize("model", ["int_recent_activity", "int_campaign_events"])
def test_what_looks_at_recent_days_reads_no_older_events(demo: Built, tmp_path: Path, model: str):
    """A condition beside the one that leaves out files, or an expression for its column, and all years are read again."""
    found, recent = rows_read_of_events(demo, tmp_path, model, "true")
    assert 0 < found <= recent


def test_without_a_rejected_event_events_are_not_read_again(demo: Built, tmp_path: Path):
    """Not more than the first rows that each thread asks for."""
    found, recent = rows_read_of_events(demo, tmp_path, "int_rejected_rows", "occurred_at <= recorded_at and event_id is not null")
    assert found < recent / 10


def test_no_text_of_a_spec_or_vendor_is_rendered():
    """dbt renders Jinja in YAML: an approver could be read from the environment, and a secret written into the docs."""
    files = sources("models/segments", ".yml") + sources("models/activation", ".yml")
    rendered = {path.name: found for path in files
                if (found := re.findall(r"{[{%](?!\s*doc\('\w+'\)\s*}}).*", path.read_text())) and not path.name.startswith("_")}
    assert len(files) > 40 and rendered == {}


def test_every_unit_test_was_run(demo: Built, manifest):
    results = json.loads((demo.folder / "target" / "run_results.json").read_text())["results"]
    run = {row["unique_id"] for row in results if row["unique_id"].startswith("unit_test.") and row["status"] == "pass"}
    assert len(run) > 40 and run == set(manifest["unit_tests"])


def test_every_test_that_the_list_of_adversarial_cases_names_exists():
    named = set(re.findall(r"`((?:test_)?[a-z0-9]+(?:_[a-z0-9]+){3,})`", (PROJECT / "tests" / "README.md").read_text()))
    in_python = {name for path in Path(__file__).parent.glob("test_*.py") for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)}
    in_yaml = {
        name for path in (PROJECT / "models").rglob("_*__unit_tests.yml") for name in re.findall(r"^  - name: (\w+)$", path.read_text(), re.M)}
    assert len(named) > 20
    assert named - in_python - in_yaml == set()
