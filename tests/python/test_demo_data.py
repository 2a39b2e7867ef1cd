"""The demo shop: its seeds are what the generator writes, and its story is what the build tells."""

import csv
from datetime import datetime

import pytest
from conftest import SETTINGS, Built

from segmentation import demo_data
from segmentation.cli import DEMO_AS_OFS, main
from segmentation.contract import CONTRACT
from segmentation.home import PROJECT

SEEDS = PROJECT / "seeds" / "demo" / "generic"
CHARACTERS = {
    "Ada": "C-0001", "Bruno": "C-0002", "Carla": "C-0003", "David": "C-0004", "Elif": "C-0005", "Farid": "C-0006",
    "Greta": "C-0007", "Hugo": "C-0008", "Isa": "C-0009", "Lena": "C-0011", "Lars": "C-0012", "Max": "C-0013",
    "Nora": "C-0014", "Omar": "C-0015",
}


@pytest.fixture(scope="session")
def weeks(tmp_path_factory) -> Built:
    """The demo evaluated on its twelve Mondays, as `segmentation demo` does it."""
    home = tmp_path_factory.mktemp("weeks")
    with pytest.MonkeyPatch.context() as patch:
        for name in SETTINGS:
            patch.delenv(name, raising=False)
        patch.setenv("SEGMENTS_HOME", str(home))
        code = main(["demo"])
    assert code == 0
    return Built(home, code)


@pytest.fixture(scope="session")
def memberships(weeks) -> dict[tuple[str, str], set[str]]:
    """(character, Monday as MM-DD): segments, read from the recorded history."""
    rows = weeks.rows(
        """
        select identifier, segment_id, valid_from, coalesce(valid_to, timestamp '9999-12-31')
        from segments.segment_membership_history inner join restricted.vault.customer_keys using (customer_key)
        """
    )
    held = {}
    for name, customer_id in CHARACTERS.items():
        for as_of in DEMO_AS_OFS:
            held[name, f"{as_of:%m-%d}"] = {
                segment for identifier, segment, start, end in rows if identifier == customer_id and start <= as_of < end
            }
    return held


def test_the_generator_writes_the_committed_seeds_byte_for_byte(tmp_path):
    demo_data.write(tmp_path)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(written) == {f"demo_{table}.csv" for table in CONTRACT}
    assert {name for name, content in written.items() if (SEEDS / name).read_bytes() != content} == set()


def test_the_seeds_have_the_columns_of_the_input_contract():
    for table, contract in CONTRACT.items():
        with open(SEEDS / f"demo_{table}.csv", newline="", encoding="utf-8") as file:
            assert sorted(next(csv.reader(file))) == sorted(contract.columns), table


def test_every_monday_is_recorded_once(weeks):
    assert weeks.rows("select as_of, attempt from audit.segment_runs order by as_of") == [(as_of, 1) for as_of in DEMO_AS_OFS]
    assert DEMO_AS_OFS[0] == datetime(2026, 1, 12) and DEMO_AS_OFS[-1] == datetime(2026, 3, 30)


# README's story: who is in a segment on which Mondays (first and last of a span, all Mondays between included), and
# on which Mondays they are not.
STORY = [
    ("Ada withdrew her consent", "Ada", "cart_abandoner", [("03-02", "03-02")], [("03-09", "03-30")]),
    ("Bruno's grant arrived late", "Bruno", "cart_abandoner", [("02-23", "02-23")], [("01-12", "02-16")]),
    ("Carla objected", "Carla", "vip", [("01-19", "02-16")], [("02-23", "03-30")]),
    ("a new version of the rule dropped David's small cart", "David", "cart_abandoner", [("02-23", "02-23")], [("03-02", "03-30")]),
    ("Elif's choice is unknown", "Elif", "cart_abandoner", [], [("01-12", "03-30")]),
    ("Farid's grant cannot be shown to have been known", "Farid", "cart_abandoner", [], [("01-12", "03-30")]),
    ("Greta was refunded", "Greta", "high_lifetime_value", [("01-12", "02-02")], [("02-09", "03-30")]),
    ("Hugo's order was revised", "Hugo", "high_lifetime_value", [("01-26", "02-02")], [("02-09", "03-30")]),
    ("Isa's duplicate counts once", "Isa", "one_time_buyer", [("02-16", "03-30")], [("01-12", "02-09")]),
    ("Lena's address was restricted", "Lena", "new_subscriber_no_purchase", [("03-02", "03-09")], [("03-16", "03-30")]),
    ("Lars shares that address", "Lars", "new_subscriber_no_purchase", [("03-02", "03-09")], [("03-16", "03-30")]),
    ("Max withdrew and came back", "Max", "cart_abandoner", [("01-12", "01-12"), ("03-30", "03-30")], [("01-19", "03-23")]),
    ("Nora bought", "Nora", "new_subscriber_no_purchase", [("02-02", "02-16")], [("02-23", "03-30")]),
    ("Omar objected and took it back", "Omar", "one_time_buyer", [("01-12", "01-12"), ("03-09", "03-30")], [("01-19", "03-02")]),
]


@pytest.mark.parametrize(("name", "segment", "member", "no_member"), [row[1:] for row in STORY], ids=[row[0] for row in STORY])
def test_the_story_of_the_readme_holds(memberships, name, segment, member, no_member):
    def mondays(spans: list[tuple[str, str]]) -> set[str]:
        return {f"{d:%m-%d}" for d in DEMO_AS_OFS for first, last in spans if first <= f"{d:%m-%d}" <= last}

    expected = {day: True for day in mondays(member)} | {day: False for day in mondays(no_member)}
    assert {day: segment in memberships[name, day] for day in expected} == expected


@pytest.mark.parametrize(("name", "first", "last"), [("Carla", "02-23", "03-30"), ("Omar", "01-19", "03-02")])
def test_who_objects_is_in_no_segment_at_all(memberships, name, first, last):
    held = {day: segments for (who, day), segments in memberships.items() if who == name and first <= day <= last}
    assert held and set().union(*held.values()) == set()


def test_each_kind_of_bad_row_of_the_story_is_rejected_with_its_reason(demo):
    reasons = {reason.split(" for ")[0] for (reason,) in demo.rows("select distinct reason from audit.rejected_rows")}
    assert {
        "negative gross_amount", "ordered_at lies after recorded_at", "no exchange rate", "unreadable ordered_at",
        "unknown order_id", "unknown status", "unknown purpose", "refunded_at lies before the order",
    } >= reasons - {"occurred_at lies after recorded_at"}
    assert {"negative gross_amount", "ordered_at lies after recorded_at", "no exchange rate", "unreadable ordered_at",
            "unknown order_id", "unknown status", "unknown purpose"} <= reasons


def test_every_segment_has_members_and_changes_in_the_twelve_weeks(weeks):
    """A history in which a segment stays empty or never changes would have nothing to show."""
    rows = weeks.rows("select segment_id, count(*), count(distinct valid_from), count(valid_to) from segments.segment_membership_history group by all")
    assert len(rows) == 12
    assert [segment for segment, members, starts, ends in rows if members == 0 or starts < 2 or ends == 0] == []
