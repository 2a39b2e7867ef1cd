"""Every rule on rows of features: at, below and above each number of each version of each spec (table: boundaries.py)."""

import csv
from datetime import datetime, timedelta
from decimal import Decimal

import golden_behaviour
import golden_predictions
import pytest
from boundaries import RULES, Row
from compiled import CompiledModels, relation
from conftest import Built

from segmentation.files import read_yaml
from segmentation.home import PROJECT

SPECS = {
    path.parent.name: read_yaml(path)["models"][0]["config"]["meta"]["segment"]
    for path in sorted((PROJECT / "models/segments").glob("*/seg_*.yml"))
}
# a date of each version: noon of an ordinary day, or of the first day on which the version is in force
ORDINARY_DAY = datetime(2026, 1, 15, 12)


@pytest.fixture(scope="session")
def compiled(demo: Built, tmp_path_factory) -> CompiledModels:
    """All models up to the members, ready to run on small tables; customer_features may also be filled by hand."""
    models = CompiledModels(demo, tmp_path_factory, ("segment_members",))
    models.connection.execute(f"attach '{demo.folder / 'warehouse.duckdb'}' as built (read_only)")
    return models


def versions(segment: str) -> list[tuple[dict, datetime]]:
    """The versions of a spec, each with an instant at which it is in force."""
    listed = SPECS[segment]["versions"]
    ends = [datetime.fromisoformat(version["effective_from"]) for version in listed[1:]] + [datetime.max]
    starts = [datetime.fromisoformat(version["effective_from"]) for version in listed]
    return [(version, ORDINARY_DAY if start <= ORDINARY_DAY < end else start + timedelta(hours=12))
            for version, start, end in zip(listed, starts, ends)]


def exact(value):
    """A number of a spec as the rule sees it."""
    return Decimal(str(value)) if isinstance(value, float) else value


def cases(segment: str) -> list[tuple[str, datetime, Row, bool]]:
    """Rows of features for one segment: name, as_of, features, whether the rule must match."""
    rule, found = RULES[segment], []
    for version, as_of in versions(segment):
        values = {name: exact(value) for name, value in version["parameters"].items()}
        bounds = {name: (values[name], bound) for name, bound in rule.parameters.items()} | rule.conditions
        for name, (value, bound) in bounds.items():
            for point, features, is_matched in bound.points(value, as_of):
                row = {}
                for other, (inside, other_bound) in bounds.items():
                    if other != name:
                        row |= other_bound.inside(inside, as_of)
                row |= rule.given | features
                for function in (False, True):  # functions of the row come last
                    row |= {key: item(row) for key, item in row.items() if function and callable(item)}
                found.append((f"version {version['number']}, {name}: {point}", as_of, row, is_matched))
    return found


def matching(compiled: CompiledModels, segment: str, rows: list[tuple[str, datetime, Row]]) -> set[str]:
    """The names of the rows that the compiled rule of a segment picks."""
    nodes = {node["name"]: node for node in compiled.nodes}
    table = relation(nodes["customer_features"])
    compiled.connection.execute(f"create or replace table {table} as from built.marts.customer_features limit 0")
    for name, as_of, features in rows:
        columns = ["as_of", "customer_key", *features]
        marks = ", ".join("?" for _ in columns)
        compiled.connection.execute(
            f"insert into {table} ({', '.join(columns)}) values ({marks})", [as_of, name, *features.values()])
    return {name for (name,) in compiled.connection.execute(
        f"select customer_key from ({nodes['seg_' + segment]['compiled_code']})").fetchall()}


def test_every_parameter_of_every_segment_has_a_boundary():
    declared = {segment: set(spec["versions"][0]["parameters"]) for segment, spec in SPECS.items()}
    assert {segment: set(rule.parameters) for segment, rule in RULES.items()} == declared


@pytest.mark.parametrize("segment", RULES)
def test_a_rule_turns_exactly_at_its_numbers(compiled, segment):
    listed = cases(segment)
    expected = {name for name, _, _, is_matched in listed if is_matched}
    assert expected and len(expected) < len(listed)
    assert matching(compiled, segment, [case[:3] for case in listed]) == expected


@pytest.mark.parametrize("segment", RULES)
def test_a_feature_that_is_not_known_never_matches(compiled, segment):
    """A rule on null never matches, except where the table says that null is a value of its own (no order yet)."""
    rows = []
    for name, as_of, row, is_matched in cases(segment):
        if is_matched:
            rows += [(f"{name}, {feature} is null", as_of, row | {feature: None}) for feature, value in row.items()
                     if (segment, feature) not in {("high_intent_visitor", "last_order_at")}]
    assert rows
    assert matching(compiled, segment, rows) == set()


@pytest.fixture(scope="module")
def golden_members(compiled) -> dict[str, set[tuple[str, str]]]:
    """before, after: the members (segment, person) of the golden shop of the behavioural segments."""
    dates = [(str(as_of), str(as_of)) for as_of in (golden_behaviour.BEFORE, golden_behaviour.AFTER)]
    compiled.run(golden_behaviour.shop(), dates)
    nodes = {node["name"]: relation(node) for node in compiled.nodes}
    rows = compiled.connection.execute(f"""
        select as_of, segment_id, identifier
        from {nodes['segment_members']} inner join {nodes['customer_keys']} using (customer_key)
    """).fetchall()
    site = compiled.connection.execute(f"select distinct average_order_value from {nodes['site_averages']}").fetchall()
    assert site == [(Decimal("100.0000"),)], "the boundaries at the site average mean nothing otherwise"
    return {column: {(segment, person) for as_of, segment, person in rows if as_of == instant}
            for column, instant in (("before", golden_behaviour.BEFORE), ("after", golden_behaviour.AFTER))}


@pytest.mark.parametrize("segment", golden_behaviour.SEGMENTS)
@pytest.mark.parametrize("column", ["before", "after"])
def test_members_are_exactly_the_golden_people(golden_members, segment, column):
    wanted = golden_behaviour.expected(segment, column)
    assert wanted and wanted != set(golden_behaviour.PEOPLE)
    assert {person for segment_id, person in golden_members[column] if segment_id == segment} == wanted


@pytest.fixture(scope="module")
def predicted(compiled) -> dict[datetime, tuple[dict[str, tuple], set[tuple[str, str]]]]:
    """By evaluation: predictions of everybody (churn risk, value), and members (segment, person), of the golden shop of predictions."""
    compiled.run(golden_predictions.shop(), [(str(as_of), str(as_of)) for as_of in (golden_predictions.BEFORE, golden_predictions.AFTER)])
    nodes = {node["name"]: relation(node) for node in compiled.nodes}

    def by_person(table: str, columns: str, as_of: datetime) -> list[tuple]:
        return compiled.connection.execute(
            f"select {columns} from {nodes[table]} inner join {nodes['customer_keys']} using (customer_key) where as_of = ?", [as_of]).fetchall()

    return {as_of: ({person: scores for person, *scores in by_person(
                        "customer_predictions", "identifier, churn_risk_90d, predicted_ltv_365d", as_of)},
                    set(by_person("segment_members", "segment_id, identifier", as_of)))
            for as_of in (golden_predictions.BEFORE, golden_predictions.AFTER)}


@pytest.mark.parametrize("as_of", [golden_predictions.BEFORE, golden_predictions.AFTER])
def test_golden_people_are_predicted_what_the_textbook_says(predicted, as_of):
    scores, _ = predicted[as_of]
    people = {name: person for name, person in golden_predictions.PEOPLE.items() if golden_predictions.is_profiled(name, as_of)}
    assert set(scores) == set(people)
    for name, person in people.items():
        risk, value = golden_predictions.churn_risk(person, as_of), golden_predictions.predicted_ltv(person, as_of)
        assert float(scores[name][0]) == pytest.approx(risk, abs=1e-7), name
        assert float(scores[name][1]) == pytest.approx(value, abs=0.005001), name


def test_golden_predictions_read_as_listed():
    for name, person in golden_predictions.PEOPLE.items():
        risk, value = (predict(person, golden_predictions.BEFORE) for predict in (golden_predictions.churn_risk, golden_predictions.predicted_ltv))
        assert (f"{risk:.4f}", f"{value:.2f}") == (person.churn_risk_90d, person.predicted_ltv_365d), name


@pytest.mark.parametrize("segment", golden_predictions.SEGMENTS)
@pytest.mark.parametrize("column", ["before", "after"])
def test_members_are_exactly_the_golden_people_predicted(predicted, segment, column):
    """The evaluations must show each version of the spec with somebody in and somebody out."""
    as_of = getattr(golden_predictions, column.upper())
    wanted = golden_predictions.expected(segment, column)
    assert wanted and wanted != set(golden_predictions.PEOPLE)
    assert {person for segment_id, person in predicted[as_of][1] if segment_id == segment} == wanted
    starts = [datetime.fromisoformat(version["effective_from"]) for version in SPECS[segment]["versions"]]
    evaluated = {max(start for start in starts if start <= instant) for instant in predicted}
    assert evaluated == set(starts), "a version without golden rows: add a date at which it is in force"


@pytest.mark.parametrize("path", sorted((PROJECT / "tests/golden").glob("*.csv")), ids=lambda path: path.stem)
def test_the_golden_rows_of_a_scaffolded_segment_are_met(compiled, path):
    """Files of `segmentation new-segment`: every version needs a row in and a row out."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    listed = [(row.pop("name"), datetime.fromisoformat(row.pop("as_of")), row.pop("is_member") == "true", row) for row in rows]
    starts = [datetime.fromisoformat(version["effective_from"]) for version in SPECS[path.stem]["versions"]]
    proven = {(max(start for start in starts if start <= as_of), is_member) for _, as_of, is_member, _ in listed}
    assert proven == {(start, is_member) for start in starts for is_member in (True, False)}
    features = [(name, as_of, {key: value or None for key, value in row.items()}) for name, as_of, _, row in listed]
    assert matching(compiled, path.stem, features) == {name for name, _, is_member, _ in listed if is_member}
