"""The consent state machine: a truth table, one test per row, and what other tools get wrong.

Every row of consent_truth_table.csv is a person, evaluated from raw rows on 1 March 2026 at noon. Choices are written
`day[>recorded] status[/event type][@place][#notice] purpose`. Numbers C.. are the adversarial cases of the privacy research.
"""

import csv
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from compiled import CompiledModels
from conftest import Built
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja_macros import Macros

from segmentation.home import PROJECT

AS_OF = "2026-03-01 12:00:00"
PURPOSES = {
    "P": "personalize.content.profiling", "E": "marketing.communications.email", "S": "marketing.communications.sms",
    "T": "third_party_sharing", "X": "sale_share",
}
NOTICES = [
    {"consent_version": "v1", "text_sha256": "11", "published_at": "2025-01-01"},
    {"consent_version": "bad", "text_sha256": "22", "published_at": "2025-01-01", "invalidated_at": "2026-02-01"},
    {"consent_version": "narrow", "text_sha256": "33", "published_at": "2025-01-01", "purposes": PURPOSES["P"]},
]
# places whose law changes: notice_only, from the first instant on opt_in, from the second on opt_out
CHANGED_LAWS = {
    "YA": ["2026-03-01 11:59:59.999999"], "YB": [AS_OF], "YC": ["2026-03-01 12:00:00.000001"],
    "YX": ["2026-01-10", "2026-02-10"],
    "YD": ["2026-01-10", "2026-03-01 11:59:59.999999"], "YE": ["2026-01-10", AS_OF], "YF": ["2026-01-10", "2026-03-01 12:00:00.000001"],
}
CHOICE = re.compile(r"(?P<when>[^ >]+)(>(?P<known>\S+))? (?P<status>\w+)(/(?P<act>\w+))?(@(?P<place>[\w-]+))?(#(?P<notice>\w+))? (?P<purpose>\S+)")
with (Path(__file__).with_name("consent_truth_table.csv")).open(newline="", encoding="utf-8") as file:
    TRUTH = {row["case"]: row for row in csv.DictReader(file)}


def instant(day: str) -> str:
    """An instant of 2026 as the table writes it."""
    return f"2026-{day.replace('T', ' ')}"


def choices_of(who: str, text: str) -> list[dict]:
    """The raw rows of a person's choices."""
    rows = []
    for number, choice in enumerate(filter(None, (part.strip() for part in text.split(";")))):
        found = CHOICE.fullmatch(choice)
        assert found, choice
        rows.append({
            "consent_event_id": f"{who} {number}", "customer_id": who, "status": found["status"], "event_type": found["act"],
            "purpose": PURPOSES.get(found["purpose"], found["purpose"]), "jurisdiction": found["place"], "consent_version": found["notice"],
            "effective_at": instant(found["when"]), "recorded_at": instant(found["known"] or found["when"])})
    return rows


def records_of(who: str, places: str, born: str) -> list[dict]:
    """The customer record, and a second one of February for who moved; none where no place is known."""
    known = ("2025-06-01", "2026-02-01")
    return [{"customer_id": who, "country": place[:2] if "-" in place else place, "region": place if "-" in place else None, "birth_date": born or None,
             "created_at": "2025-06-01", "recorded_at": recorded}
            for place, recorded in zip(filter(None, places.split(" > ")), known)]


def shop(**tables: list[dict]) -> dict[str, list[dict]]:
    """Raw tables of a shop: somebody must have bought."""
    order = {"order_id": "o", "customer_id": "buyer", "ordered_at": "2026-01-01", "gross_amount": "9.00", "currency": "EUR"}
    return {"orders": [order], "notices": NOTICES} | tables


@pytest.fixture(scope="module")
def models(demo: Built, tmp_path_factory) -> CompiledModels:
    models = CompiledModels(demo, tmp_path_factory, ("consent_state", "consent_intervals", "consent_evidence", "customer_behaviour"))
    for schema in ("reference", "replay_reference"):
        for place, turns in {"ZZ": [], **CHANGED_LAWS}.items():
            starts = [datetime(1900, 1, 1), *(datetime.fromisoformat(turn) for turn in turns)]
            for posture, start, end in zip(["notice_only", "opt_in", "opt_out"], starts, [*starts[1:], None], strict=False):
                models.connection.execute(
                    f"insert into warehouse.{schema}.jurisdictions by name select ? as jurisdiction, 'Nowhere' as name,"
                    " 'other' as regime, ? as posture, ? as valid_from, ? as valid_to", [place, posture, start, end])
    return models


def evaluate(models: CompiledModels, raw: dict[str, list[dict]], as_of: str = AS_OF) -> None:
    """One date, as recorded."""
    models.run(raw, [(as_of, as_of)])


def states(models: CompiledModels) -> dict[tuple[str, str], dict]:
    """(person, purpose) -> the row of consent_state, and whether it permits on the basis of consent and on another one."""
    macros = Macros(PROJECT / "macros" / "consent")
    query = f"""
        select keys.identifier, state.*, {macros.is_permitted('true', 'state')} as on_consent, {macros.is_permitted('false', 'state')} as on_other_basis
        from warehouse.replay_marts.consent_state as state inner join restricted.vault.customer_keys as keys using (customer_key)
    """
    found = models.connection.execute(query)
    names = [column[0] for column in found.description]
    return {(row["identifier"], row["purpose"]): row for row in (dict(zip(names, values, strict=True)) for values in found.fetchall())}


@pytest.fixture(scope="module")
def truth(models: CompiledModels) -> dict[tuple[str, str], dict]:
    evaluate(models, shop(
        customers=[row for case in TRUTH.values() for row in records_of(case["case"], case["place"], case["born"])],
        consents=[row for case in TRUTH.values() for row in choices_of(case["case"], case["choices"])]))
    return states(models)


@pytest.mark.parametrize("case", TRUTH)
def test_the_truth_table(truth, case):
    row = TRUTH[case]
    found = truth.get((case, PURPOSES[row["purpose"]]))
    if found is None:  # nothing known: permits what needs no consent
        answer = ("", "no", "yes", "")
    else:
        answer = (found["consent_status"], *("yes" if found[basis] else "no" for basis in ("on_consent", "on_other_basis")), found["resolved_jurisdiction"])
    assert answer == (row["status"], row["on_consent"], row["on_other_basis"], row["jurisdiction"])


def test_the_truth_table_has_every_status_and_every_posture(models):
    statuses = {row[0] for row in models.connection.execute("select status from warehouse.reference.consent_statuses").fetchall()}
    written = " ".join(row["choices"] for row in TRUTH.values())
    assert {status for status in statuses if not re.search(rf" {status}[/@# ]", written + " ")} == set()
    assert {case.split(":")[0] for case in TRUTH} >= {"opt_in", "opt_out", "notice_only", "unresolved"}


# --- what other tools get wrong


def permitted(models: CompiledModels, raw: dict, as_of: str = AS_OF) -> set[tuple[str, str]]:
    """(person, purpose) that consent permits."""
    evaluate(models, raw, as_of)
    return {key for key, row in states(models).items() if row["on_consent"]}


def test_a_late_grant_does_not_overwrite_a_withdrawal(models):
    """Snowplow's consent model took the last event to arrive."""
    consents = choices_of("anna", "01-20 withdrawn P; 01-10>02-01 granted P")
    assert permitted(models, shop(consents=consents)) == set()


def test_an_event_of_the_banner_alone_wipes_no_consent(models):
    """Snowplow: showing the banner again set all scopes to none."""
    consents = choices_of("anna", "01-10 granted P; 02-01 pending *; 02-02 unknown/dismiss *; 02-03 unknown/implicit *")
    assert permitted(models, shop(consents=consents)) == {("anna", PURPOSES["P"])}


def test_state_and_time_of_a_choice_are_those_of_one_account(models):
    """Fivetran joined the state of one account with the time of another of the same person's e-mail address."""
    first = choices_of("one account", "01-10 granted E")
    second = choices_of("another", "02-10 denied P; 02-11 granted T")
    for row in first + second:
        row["email"] = "same@example.com"
    evaluate(models, shop(consents=first + second))
    found = {key: (row["consent_status"], row["consent_effective_at"]) for key, row in states(models).items() if row["consent_status"] != "unknown"}
    assert found == {
        ("one account", PURPOSES["E"]): ("granted", datetime(2026, 1, 10)), ("another", PURPOSES["P"]): ("denied", datetime(2026, 2, 10)),
        ("another", PURPOSES["T"]): ("granted", datetime(2026, 2, 11)),
    }


@pytest.mark.parametrize("status", [None, "", "unknown", "null", "{}"])
def test_c11_a_missing_consent_object_is_not_read_as_yes(models, status):
    """Segment let an event without a consent object flow to all destinations; an empty one set everything to false."""
    consents = choices_of("anna", "01-10 granted P") + [
        row | {"status": status} for who in ("anna", "ben") for row in choices_of(f"{who}", "02-01 granted *")]
    for number, row in enumerate(consents):
        row["consent_event_id"] = f"k{number}"
    assert permitted(models, shop(consents=consents)) == {("anna", PURPOSES["P"])}


# --- cases that a row of the table cannot hold


def test_c09_any_order_of_arrival_gives_the_same_state(models):
    choices = ["01-10T10:00:00.1 withdrawn P", "01-10T10:00:00.5 granted P", "01-10T10:00:00.9 withdrawn P"]
    for turn in range(3):
        shuffled = "; ".join(choice.replace(" ", f">01-10T10:00:0{(number + turn) % 3 + 1} ", 1) for number, choice in enumerate(choices))
        evaluate(models, shop(consents=choices_of("anna", shuffled)))
        assert states(models)["anna", PURPOSES["P"]]["consent_status"] == "withdrawn"


def test_c13_a_signal_of_a_device_binds_whoever_is_linked_to_it(models):
    link = {"left_type": "anonymous_id", "left_id": "browser", "right_type": "customer_id", "effective_at": "2026-01-20", "recorded_at": "2026-01-20"}
    [signal] = choices_of("nobody yet", "01-10 denied/gpc_signal sale_share")
    raw = shop(
        customers=[row for who in ("linked", "guessed", "other") for row in records_of(who, "US-CA", "")],
        consents=[signal | {"customer_id": None, "anonymous_id": "browser"}],
        identity_links=[link | {"link_id": "1", "right_id": "linked", "match_class": "deterministic"},
                        link | {"link_id": "2", "right_id": "guessed", "match_class": "probabilistic"}])
    shared = {(who, PURPOSES[letter]) for who in ("linked", "guessed", "other") for letter in "TX"}
    assert permitted(models, raw, "2026-01-19 00:00:00") >= shared
    assert shared - permitted(models, raw) == {("linked", PURPOSES["T"]), ("linked", PURPOSES["X"])}


def test_c17_c18_what_happened_under_another_law_or_age_does_not_count(models):
    """Silence permits what happened in California, not before the move there; before a birthday it permits nothing."""
    visits = [{"event_id": f"{who} {day}", "event_type": "product_view", "customer_id": who, "session_id": day, "occurred_at": f"2026-{day}",
               "recorded_at": f"2026-{day}"} for who in ("moved", "stayed", "young") for day in ("01-31", "02-02", "02-25")]
    raw = shop(events=visits, customers=[
        *records_of("moved", "DE > US-CA", ""), *records_of("stayed", "US-CA", ""), *records_of("young", "US-CA", "2010-02-20")])
    evaluate(models, raw)
    found = models.connection.execute("""
        select identifier, product_view_count_90d from warehouse.replay_marts.customer_behaviour
        inner join restricted.vault.customer_keys using (customer_key)
    """).fetchall()
    assert dict(found) == {"moved": 2, "stayed": 3, "young": 1}


def test_what_happened_counts_by_the_law_of_its_time(models):
    """Silence permitted until 10 January and again since 10 February, to the microsecond; what lies between stays out."""
    instants = ["2026-01-09 23:59:59.999999", "2026-01-10 00:00:00", "2026-02-09 23:59:59.999999", "2026-02-10 00:00:00"]
    visits = [{"event_id": f"{who} {at}", "event_type": "product_view", "customer_id": who, "session_id": at, "occurred_at": at, "recorded_at": at}
              for who, at in zip(("until", "from", "before", "since"), instants, strict=True)]
    evaluate(models, shop(events=visits, customers=[row for visit in visits for row in records_of(visit["customer_id"], "YX", "")]))
    found = models.connection.execute("""
        select identifier, product_view_count_90d from warehouse.replay_marts.customer_behaviour
        inner join restricted.vault.customer_keys using (customer_key)
    """).fetchall()
    assert dict(found) == {"until": 1, "from": 0, "before": 0, "since": 1}


def test_the_evidence_of_a_choice_names_the_law_of_its_time(models):
    choices = "01-09T23:59:59.999999 granted P; 01-10 granted E; 02-10 denied T"
    evaluate(models, shop(consents=choices_of("anna", choices), customers=records_of("anna", "YX", "")))
    found = models.connection.execute("select posture from warehouse.replay_audit.consent_evidence order by effective_at").fetchall()
    assert found == [("notice_only",), ("opt_in",), ("opt_out",)]


def test_a_law_changes_no_date_before_it(models):
    """The same people and choices, once more without the laws that are still to come: nothing about the date differs."""
    raw = shop(customers=[row for place in CHANGED_LAWS for row in records_of(place, place, "")],
               consents=[row for place in CHANGED_LAWS for row in choices_of(place, "01-20 denied/gpc_signal T; 01-25 granted E")])
    before = "2026-02-09 23:59:59.999999"

    def told():
        evaluate(models, raw, before)
        return models.rows("consent_state"), models.rows("consent_intervals")

    with_later_laws = told()
    laws = models.relation("int_laws")
    models.connection.execute(f"create table kept as from {laws}")
    try:
        for schema in ("reference", "replay_reference"):
            models.connection.execute(f"create table {schema}_kept as from warehouse.{schema}.jurisdictions")
            models.connection.execute(f"delete from warehouse.{schema}.jurisdictions where valid_from > '{before}'")
            models.connection.execute(f"update warehouse.{schema}.jurisdictions set valid_to = null where valid_to > '{before}'")
        assert told() == with_later_laws
        assert models.connection.execute(f"select (select count(*) from {laws}) < (select count(*) from kept)").fetchone() == (True,)
    finally:
        for schema in ("reference", "replay_reference"):
            models.connection.execute(f"delete from warehouse.{schema}.jurisdictions")
            models.connection.execute(f"insert into warehouse.{schema}.jurisdictions from {schema}_kept")


# --- the evidence, and the past


def test_c05_a_contradiction_is_denied_and_marked(models):
    evaluate(models, shop(consents=choices_of("anna", "01-10 granted P; 01-10 denied P; 01-11 granted E")))
    found = models.connection.execute(
        "select consent_status, effect, has_conflict, n_states_decided from warehouse.replay_audit.consent_evidence order by all").fetchall()
    assert found == [("denied", "refuses", True, 1), ("granted", "permits", False, 1), ("granted", "permits", True, 0)]


def test_every_choice_has_its_evidence(models):
    """What was said, under which text and law, what it does and why; a device without a person and a void grant, too."""
    said = [*choices_of("anna", "01-10 granted#bad P; 01-12 granted/default@US-CA#v1 E; 01-15>02-20 withdrawn *; 03-02 granted *"),
            *choices_of("nobody", "01-13 granted/gpc_signal X")]
    said[2]["request_id"], said[-1]["customer_id"], said[-1]["anonymous_id"] = "Q-1", None, "browser"
    evaluate(models, shop(consents=said, customers=records_of("anna", "DE", "")))
    found = models.connection.execute("""
        select consent_status, effect, finding, is_in_force, text_sha256, request_key is not null, jurisdiction, resolved_jurisdiction,
            customer_key is not null
        from warehouse.replay_audit.consent_evidence order by effective_at, recorded_at
    """).fetchall()
    assert found == [
        ("granted", "permits", "choice", False, "22", False, None, "DE", True),
        ("invalidated", "ends", "defective_notice", True, "22", False, None, "DE", True),
        ("unknown", "none", "no_act", True, "11", False, "US-CA", "DE", True),
        ("denied", "opts_out", "signal", True, None, False, None, "unresolved", False),
        ("withdrawn", "refuses", "choice", True, None, True, None, "DE", True),
    ]


INTERVALS = {
    "01-10 granted P; 01-20 withdrawn P": ("DE", [("01-10", "01-20", "granted", True), ("01-20", None, "withdrawn", False)]),
    "01-20 withdrawn P; 01-10>02-01 granted P": ("DE", [("01-20", None, "withdrawn", False)]),
    "01-10>01-15 granted P; 01-12>02-20 withdrawn *": ("DE", [("01-12", None, "withdrawn", False)]),
    "01-10 granted#bad P": ("DE", [("01-10", None, "invalidated", False)]),
    "01-10 denied P": ("DE > US-CA", [("1900-01-01", "01-10", "unknown", False), ("01-10", None, "denied", False)]),
    "": ("DE > US-CA", [("1900-01-01", "02-01", "unknown", False), ("02-01", None, "unknown", True)]),
    "01-10 objected *; 01-20 objection_lifted *": (
        "US-CA", [("1900-01-01", "01-10", "unknown", True), ("01-10", "01-20", "unknown", False), ("01-20", None, "unknown", True)]),
    "01-12 unknown P": (
        "YX", [("1900-01-01", "01-10", "unknown", True), ("01-10", "02-10", "unknown", False), ("02-10", None, "unknown", True)]),
}


@pytest.mark.parametrize("choices", INTERVALS)
def test_intervals_tell_what_was_permitted_when(models, choices):
    place, expected = INTERVALS[choices]
    evaluate(models, shop(customers=records_of("anna", place, ""), consents=choices_of("anna", choices)))
    permits = Macros(PROJECT / "macros" / "consent").is_permitted("true", "intervals")
    found = models.connection.execute(f"""
        select valid_from, valid_to, consent_status, {permits} from warehouse.replay_marts.consent_intervals as intervals
        where purpose = '{PURPOSES["P"]}' order by valid_from
    """).fetchall()
    assert found == [
        (datetime.fromisoformat(start if len(start) > 5 else f"2026-{start}"), end and datetime.fromisoformat(f"2026-{end}"), status, is_permitted)
        for start, end, status, is_permitted in expected]


SOME = st.sampled_from(["P", "E", "T", "X", "*", "marketing"])
DAYS = st.integers(0, 57).map(lambda days: f"{datetime(2026, 1, 1) + timedelta(days=days):%m-%d}")
PLACES = st.sampled_from(["DE", "US-CA", "DE > US-CA", "US-CA > DE", "ZZ", "YX", "YX > YE", "US-CA > YX", "YD", ""])
STATUSES = st.sampled_from(["granted", "granted", "granted", "renewed", "denied", "withdrawn", "expired", "pending", "unknown", "objected",
                            "objection_lifted", "restricted", "restriction_lifted", "denied/gpc_signal", "granted/default"])


@st.composite
def random_choices(draw) -> str:
    """Choices of one person, in any order, some recorded late."""
    choices = []
    for _ in range(draw(st.integers(0, 6))):
        when, known = sorted((draw(DAYS), draw(DAYS)))
        status, notice = draw(STATUSES), draw(st.sampled_from(["", "", "#v1", "#bad", "#narrow", "#asks"]))
        choices.append(f"{when}>{draw(st.sampled_from([when, when, known]))} {status}{notice} {draw(SOME)}")
    return "; ".join(choices)


@settings(max_examples=8, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(people=st.lists(st.tuples(random_choices(), PLACES), min_size=12, max_size=12))
def test_state_at_any_date_is_the_interval_of_that_date(models, people):
    """Of what is known today: the state evaluated at earlier dates is what the intervals of today say of them."""
    notices = [*NOTICES, {"consent_version": "asks", "text_sha256": "44", "published_at": "2025-02-01", "purposes": "marketing"},
               {"consent_version": "anew", "text_sha256": "55", "published_at": "2026-02-10", "purposes": PURPOSES["E"], "material_change": "true"}]
    raw = shop(
        notices=notices, customers=[row for number, (_, place) in enumerate(people) for row in records_of(f"p{number}", place, "")],
        consents=[row for number, (choices, _) in enumerate(people) for row in choices_of(f"p{number}", choices)])
    dates = [f"2026-{day} 12:00:00" for day in ("01-05", "01-20", "02-09", "02-14", "02-27")] + [AS_OF]
    models.run(raw, [(date, AS_OF) for date in dates])
    columns = ", ".join(f"coalesce(cast({{0}}.{name} as varchar), '') as {name}" for name in (
        "consent_status", "is_granted", "is_permitted_by_posture", "has_opted_out", "is_objected", "is_restricted", "consent_event_key"))
    different = models.connection.execute(f"""
        with states as (
            select as_of, customer_key, purpose, {columns.format("state")} from warehouse.replay_marts.consent_state as state
        ),
        intervals as (
            select dates.as_of, customer_key, purpose, {columns.format("lasting")}
            from warehouse.replay_marts.consent_intervals as lasting
            inner join (select distinct as_of from states) as dates
                on dates.as_of >= lasting.valid_from and (dates.as_of < lasting.valid_to or lasting.valid_to is null)
            where lasting.as_of = '{AS_OF}'
        )
        (select * from states except select * from intervals)
        union all
        (select * from intervals where consent_status != 'unknown' or is_permitted_by_posture = 'true' except select * from states)
    """).fetchall()
    assert different == []
