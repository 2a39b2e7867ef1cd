"""The stability rule: the sequences of statistics.md 7, and real builds, one by one, in one backfill and in one in parts, which record the same.

Random histories: test_history_properties.py.
"""

from pathlib import Path

import duckdb
import pytest
from conftest import PROJECT, SEGMENT_FOLDERS, Built, build, command, copy_home
from jinja_macros import Macros
from processes import shop_settings, write_rows, write_shop
from test_changes import Rows

from segmentation.backfill import COMPARED
from segmentation.dbt_run import run_dbt
from segmentation.home import Home
from segmentation.replay import in_parts as parts
from segmentation.verify import verify

# candidate by evaluation, evaluations before which the person purchased, expected with stability 2 and with 3
SEQUENCES = {
    "blip": ("AABAAA", (), "AAAAAA", "AAAAAA"),
    "confirmed on the third": ("AABBBB", (), "AAABBB", "AAAABB"),
    "alternating": ("ABABAB", (), "AAAAAA", "AAAAAA"),
    "two, then back": ("ABBABBA", (), "AABBBBB", "AAAAAAA"),
    "drift through levels": ("ADDRRRLLLL", (), "AADDRRRLLL", "AAAAARRRLL"),
    "a purchase acts at once": ("LLLAAA", (3,), "LLLAAA", "LLLAAA"),
    "a purchase, then back": ("RRRARRR", (3,), "RRRAARR", "RRRAAAR"),
    "the first one counts": ("R", (), "R", "R"),
}


@pytest.fixture(scope="module")
def macros() -> Macros:
    return Macros(PROJECT / "macros" / "segments")


def held(macros: Macros, rows: list[tuple]) -> dict[str, str]:
    """What the macro makes of rows, a text per person.

    A row: person, number, candidate, is_first, has_purchased, stability; and what the evaluation before knew: candidate, streak, value.
    """
    with duckdb.connect() as connection:
        connection.execute("""
            create table series (person text, as_of integer, candidate text, is_first boolean, has_purchased boolean,
                                 stability integer, carried_candidate text, carried_streak bigint, carried_value text)
        """)
        connection.executemany("insert into series values (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        query = macros.held_values("series", ["person"])
        found = connection.execute(f"select person, string_agg(effective, '' order by as_of) from ({query}) group by person").fetchall()
    return dict(found)


def rows_of(person: str, candidates: str, purchases: tuple, stability: int) -> list[tuple]:
    return [(person, number, candidate, number == 0, number in purchases, stability, None, None, None)
            for number, candidate in enumerate(candidates)]


@pytest.mark.parametrize("stability", [2, 3])
def test_the_sequences_of_the_reference(macros: Macros, stability: int):
    rows = [row for name, (candidates, purchases, *_) in SEQUENCES.items() for row in rows_of(name, candidates, purchases, stability)]
    assert held(macros, rows) == {name: expected[stability - 2] for name, (_, _, *expected) in SEQUENCES.items()}


@pytest.mark.parametrize("name", [name for name, (candidates, *_) in SEQUENCES.items() if len(candidates) > 1])
@pytest.mark.parametrize("stability", [2, 3])
def test_a_sequence_goes_on_from_what_the_evaluation_before_knew(macros: Macros, name: str, stability: int):
    """Cut anywhere, the second part carried over by its last candidate, streak and value gives what the whole gives."""
    candidates, purchases, *expected = SEQUENCES[name]
    for cut in range(1, len(candidates)):
        last = candidates[cut - 1]
        streak = len(candidates[:cut]) - len(candidates[:cut].rstrip(last))
        head, *tail = rows_of(name, candidates, purchases, stability)[cut:]
        carried = (last, streak, expected[stability - 2][cut - 1])
        assert held(macros, [head[:6] + carried, *tail])[name] == expected[stability - 2][cut:]


# vip_top_5_percent asks for three evaluations from its second version on, which takes effect with the second date
DATES = [f"{day} 00:00:00" for day in ("2026-02-23", "2026-03-02", "2026-03-09", "2026-03-16", "2026-03-23")]
# what is recorded on 5 March is late for the dates before only, but the rule holds who was in then until it has asked three times
LATE = "2026-03-05 10:00:00"
HELD, LATE_BUYERS = {"refunded late", "overtaken late"}, {"F", "G"}
MEMBERS = [
    {"A", "B", "C", "D", *HELD},
    {"X", "A", "B", "C", *HELD},  # D is overtaken and leaves with the new version
    {"X", "A", "B", "C", *HELD, *LATE_BUYERS},  # B, C and both of HELD are refunded; D and E are candidates in the place of two
    {"X", "A", "B", *HELD, *LATE_BUYERS},  # C objects
    {"X", "A", "D", "Y", *LATE_BUYERS},  # the third time that the rule says so: B out, D in. E is overtaken by Y, who orders
]
BARRED = {"C", "customer 5", "customer 13", "customer 21"}
HISTORY = ("segments.segment_membership_history", "audit.segment_evaluations", "marts.rfm_thresholds", "marts.retention_thresholds",
           "marts.retention_transitions")
REASONS = {
    (1, "D", "left", "threshold_moved"), (1, "X", "entered", "own_order"), (3, "C", "left", "objection"),
    (4, "B", "left", "time_decay"), (4, "D", "entered", "time_decay"), (4, "Y", "entered", "own_order"),
    *((2, who, "entered", "late_data") for who in LATE_BUYERS), *((4, who, "left", "time_decay") for who in HELD),
}
# what a replay that knows better finds: on the last date they are out, as they always were for it
HELD_CAUSES = {
    *((DATES[1], who, "added", "late_data") for who in LATE_BUYERS),
    *((date, "refunded late", "removed", "late_data") for date in DATES[1:4]),
    *((date, "overtaken late", "removed", "threshold_moved") for date in DATES[1:4]),
    (DATES[4], "written in", "removed", "unexplained"),
}


def shop(folder: Path) -> dict[str, str]:
    """Settings of a shop of about 105 buyers, of whom six are among the top 5 percent. Who counts spends thousands, the others less.

    Among the others is the small shop, with its carts, consents and objections: a backfill must record those as well.
    """
    rows = Rows()
    for who, when, amount in (
        ("A", "2026-01-10", "10000"), ("B", "2026-01-10", "9000"), ("C", "2026-01-10", "8000"), ("D", "2026-01-10", "7000"),
        ("E", "2026-01-10", "6000"), ("X", "2026-02-25", "20000"), ("Y", "2026-03-18", "30000"),
        ("refunded late", "2026-02-10", "50000"), ("overtaken late", "2026-02-10", "7500"),
        *((who, "2026-02-10", "5") for who in ("F", "G", "written in", *(f"other {number}" for number in range(70)))),
    ):
        rows.order(who, f"{when} 10:00:00", f"{amount}.00")
    for who in LATE_BUYERS:
        rows.order(who, "2026-02-20 10:00:00", "40000.00", known=LATE, number="2")
    rows.refund("refunded late", "2026-02-20 10:00:00", "49990.00", known=LATE)
    rows.refund("overtaken late", "2026-03-04 10:00:00", "7490.00")
    rows.refund("B", "2026-03-04 10:00:00", "8900.00")
    rows.refund("C", "2026-03-04 10:00:00", "7900.00")
    rows.say("C", "marketing", "objected", "2026-03-11 10:00:00")
    raw = write_shop(folder / "raw")
    write_rows(raw, {name: (",".join(table[0]), [",".join(row.values()) for row in table]) for name, table in rows.tables.items() if table})
    return shop_settings(raw, DATES[4]) | {"INGESTED_AT": "2026-03-30 00:00:00"}


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> dict[str, str]:
    return shop(tmp_path_factory.mktemp("steady"))


@pytest.fixture(scope="module")
def builds(settings: dict[str, str], tmp_path_factory) -> Built:
    """Built on each date."""
    folder = tmp_path_factory.mktemp("builds") / "home"
    for date in DATES:
        assert build(folder, "--without-tests", **settings | {"AS_OF": date}).code == 0
    return Built(folder, 0)


class Filled(Built):
    """A home after a backfill, and what each call of dbt built."""

    calls: list[set[str]]


@pytest.fixture(scope="module")
def filled(settings: dict[str, str], tmp_path_factory) -> Filled:
    """Four dates backfilled at once, and a build at the fifth."""
    calls: list[set[str]] = []

    def run(*given):
        results = run_dbt(*given)
        calls.append({done.node.name for done in results if done.node.resource_type != "operation"})  # hooks of every call
        return results

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("segmentation.dbt_run.run_dbt", run)
        built = command(tmp_path_factory.mktemp("filled") / "home", "backfill", "--from", DATES[0], "--to", DATES[3], **settings)
    assert built.code == 0
    filled = Filled(built.folder, 0)
    filled.calls = calls
    return filled


@pytest.fixture(scope="module")
def in_parts(settings: dict[str, str], tmp_path_factory) -> Built:
    """All five dates backfilled, the fifth in a part of its own, and built again by the build that ends the backfill."""
    folder = tmp_path_factory.mktemp("parts") / "home"
    with pytest.MonkeyPatch.context() as patch:
        at_once(patch, settings, 4)
        built = command(folder, "backfill", "--from", DATES[0], "--to", DATES[4], **settings)
        assert built.code == 0 and [len(part) for part in parts(Home(folder), DATES)] == [4, 1]
    return built


def at_once(patch: pytest.MonkeyPatch, settings: dict[str, str], n_dates: int) -> None:
    """Let so many dates of a shop be evaluated together."""
    orders = Path(settings["SEGMENTS_RAW"], "orders.csv").read_text().splitlines()[1:]
    patch.setattr("segmentation.replay.ROWS_AT_ONCE", n_dates * len(orders))


def people(built: Built) -> dict[str, str]:
    """Name by key."""
    return dict(built.rows("select customer_key, identifier from restricted.vault.customer_keys where identifier_type = 'customer_id'"))


def test_who_waits_and_who_does_not(builds: Built):
    names = people(builds)
    for date, expected in zip(DATES, MEMBERS, strict=True):
        found = builds.rows("select customer_key from segments.segment_membership_history where segment_id = 'vip_top_5_percent'"
                            " and valid_from <= $1::timestamp and coalesce(valid_to, 'infinity') > $1::timestamp", [date])
        assert {names[key] for (key,) in found} == expected, date
    found = builds.rows("select as_of::varchar, customer_key, change, reason from audit.segment_change_reasons"
                        " where segment_id = 'vip_top_5_percent' and as_of > $1::timestamp", [DATES[0]])
    assert {(DATES.index(date), names[key], *rest) for date, key, *rest in found} == REASONS


def test_a_backfill_counts_as_separate_builds_do(builds: Built, filled: Built):
    """Whoever objects now is no part of what is backfilled."""
    memberships = "select * from segments.segment_membership_history where segment_id = 'vip_top_5_percent' order by all"
    [barred] = [key for key, name in people(builds).items() if name == "C"]
    expected = [row for row in builds.rows(memberships) if barred not in row]
    assert filled.rows(memberships) == expected and len(expected) > len(REASONS)


def test_a_backfill_records_what_separate_builds_record(builds: Built, filled: Built):
    """Beside those barred today: what is recorded today admits nobody who objected since."""
    barred = {key for (key,) in builds.rows(
        "select distinct customer_key from segments.segment_membership_history where valid_to is not null"
        " except select customer_key from segments.segment_members")}
    names = people(builds)
    assert {names[key] for key in barred} == BARRED
    for table in HISTORY:
        columns = [row[0] for row in builds.rows(f"describe {table}")]
        if table == "audit.segment_evaluations":  # its counts include those barred since
            columns = [name for name in columns if not name.startswith(("n_members", "partition_hash"))]
        query = f"select {', '.join(columns)} from {table} order by all"
        place = columns.index("customer_key") if "customer_key" in columns else None
        expected = [row for row in builds.rows(query) if place is None or row[place] not in barred]
        assert expected and [row for row in filled.rows(query) if place is None or row[place] not in barred] == expected
    keys = {key for (key,) in filled.rows("select customer_key from segments.segment_membership_history")}
    assert keys and not keys & barred


def test_the_build_that_ends_a_backfill_loads_nothing_again_and_checks_what_every_build_checks(filled: Filled):
    loading, _, _, closing = filled.calls
    invariants = {path.stem for path in (PROJECT / "tests" / "singular").glob("*.sql")}
    assert "stg_generic__orders" in loading and not loading & closing and len(invariants) > 10
    assert invariants <= closing and {"segment_runs", "segment_membership", "segment_history"} <= closing


def test_a_backfilled_run_is_marked(filled: Built):
    assert filled.rows("select as_of::varchar, attempt, origin from audit.segment_runs order by as_of") == [
        *((date, 1, "backfill") for date in DATES[:4]), (DATES[4], 1, "scheduled")]


def test_a_backfilled_history_verifies(filled: Built):
    """Row ids, leaves, roots and the chain of several runs made by one statement."""
    found = verify(Home(filled.folder))
    assert found.findings == [] and found.runs == 5 and found.partitions == 5 * len(SEGMENT_FOLDERS)


# the last two dates, which the next build may compare, and the record; beside what says when and how often a date was built
TWO_DATES = [".".join(("restricted", *table)) for table in COMPARED]
ON_RECORD = ["marts.segment_migration", "segments.segment_changes", "audit.segment_change_reasons", "segments.segment_membership_history"]


def kept(built: Built) -> dict[str, list[tuple]]:
    return {table: built.rows(f"select * from {table} order by all") for table in [*TWO_DATES, *ON_RECORD]}


def test_a_backfill_in_parts_is_one_history(filled: Built, in_parts: Built, settings: dict[str, str], monkeypatch, capsys):
    """What is compared, the intervals and the chain go on from part to part; to the last date the build that ends it adds nothing.

    A replay, three dates at a time, finds every row.
    """
    assert kept(in_parts) == kept(filled)
    reasons = "select as_of::varchar, reason = 'first_evaluation', count(*) > 0 from segments.segment_changes group by all order by all"
    assert in_parts.rows(reasons) == [(date, date == DATES[0], True) for date in DATES]
    assert [row[0] for row in in_parts.rows("select origin from audit.segment_runs order by run_number")] == ["backfill"] * 5
    assert verify(Home(in_parts.folder)).findings == []
    kinds = "select changed_at::varchar, change_kind, count(*) from segments.segment_history where change_kind <> 'membership' group by all"
    assert in_parts.rows(f"{kinds} order by all") == [(DATES[0], "defined", len(SEGMENT_FOLDERS)), (DATES[1], "rule_changed", 2)]
    # those barred at the date of the backfill are not in the record, and not in its replay
    at_once(monkeypatch, settings, 3)
    assert command(in_parts.folder, "replay").code == 0 and "replaying 2 of 2" in capsys.readouterr().out
    assert in_parts.rows("select count(distinct as_of), count(*) > 30, bool_and(is_root_equal) from audit.replay_partitions") == [(5, True, True)]


def test_the_last_date_of_a_backfill_can_be_built_again(filled: Built, in_parts: Built, settings: dict[str, str]):
    """By the build that ends the backfill, and by one more: the date is compared with the one before, and nobody is new again.

    Four dates were evaluated at once, and the fifth in a part of its own: the last two dates lie in two parts.
    """
    expected = kept(filled)
    assert kept(in_parts) == expected
    for table in ("int_evaluated_customers", "int_evaluated_segments", "int_stability"):
        assert in_parts.rows(f"select distinct as_of::varchar from restricted.evaluated.{table} order by 1") == [(date,) for date in DATES[3:]]
    moved = in_parts.rows("select to_as_of::varchar, sum(customers) filter (from_group = 'new') from marts.segment_migration group by 1 order by 1")
    assert moved == [(DATES[1], 1), (DATES[2], None), (DATES[3], None), (DATES[4], 1)], "X and Y"
    assert build(in_parts.folder, "--without-tests", **settings).code == 0 and kept(in_parts) == expected


def test_a_replay_counts_from_where_the_version_began_and_from_part_to_part(builds: Built, settings: dict[str, str], monkeypatch):
    """Replayed are the last three dates, and the one before them for the count; two at once."""
    at_once(monkeypatch, settings, 2)
    assert command(builds.folder, "replay", "--from", DATES[2]).code == 0
    found = builds.rows("select as_of::varchar, sum(n_recorded) > 0, sum(n_recorded) = sum(n_identical), bool_and(is_root_equal)"
                        " from audit.replay_partitions group by 1 order by 1")
    assert found == [(date, True, True, True) for date in DATES[2:]]


@pytest.fixture(scope="module")
def written_in(filled: Built, tmp_path_factory) -> Built:
    """A copy of the backfilled home, and somebody whom an edit of the record has made a member on the last date."""
    built = Built(copy_home(filled.folder, tmp_path_factory.mktemp("written in") / "home"), 0)
    [key] = [key for key, name in people(built).items() if name == "written in"]
    with duckdb.connect(str(built.folder / "warehouse.duckdb")) as warehouse:
        warehouse.execute(
            "insert into snapshots.segment_membership select * replace ($1 as customer_key, $2 as dbt_valid_from, null as dbt_valid_to)"
            " from snapshots.segment_membership where segment_id = 'vip_top_5_percent' limit 1", [key, DATES[4]])
    return built


@pytest.mark.parametrize("n_dates", [1, 4])
def test_what_was_late_for_an_evaluation_since_which_the_rule_holds_explains_it(
    written_in: Built, settings: dict[str, str], monkeypatch, n_dates: int,
):
    """One date after the other, the fact is known three parts later; nothing late on the way explains nothing."""
    at_once(monkeypatch, settings, n_dates)
    assert command(written_in.folder, "replay", "--mode", "as_corrected", "--from", DATES[1], "--to", DATES[4]).code == 1
    names = people(written_in)
    found = written_in.rows("select as_of::varchar, customer_key, difference, replay_cause, segment_id from audit.replay_differences")
    assert {(date, names[key], *rest) for date, key, *rest, segment in found if segment == "vip_top_5_percent"} == HELD_CAUSES
    # another primary segment, on the dates on which the membership differs
    assert {names[key] for _, key, _, cause, segment in found if cause == "unexplained"} == {"written in"}
