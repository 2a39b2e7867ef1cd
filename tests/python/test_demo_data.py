"""The demo shop: its seeds are what the generator writes, and its story is what the build tells."""

import csv
from datetime import datetime
from decimal import Decimal

import pytest
from conftest import Built, build

from segmentation import demo_data
from segmentation.cli import DEMO_AS_OFS
from segmentation.contract import CONTRACT
from segmentation.home import PROJECT

SEEDS = PROJECT / "seeds" / "demo" / "generic"
CHARACTERS = {
    "Ada": "C-0001", "Bruno": "C-0002", "Carla": "C-0003", "David": "C-0004", "Elif": "C-0005", "Farid": "C-0006",
    "Greta": "C-0007", "Hugo": "C-0008", "Isa": "C-0009", "Kim": "C-0010", "Lena": "C-0011", "Lars": "C-0012", "Max": "C-0013",
    "Nora": "C-0014", "Omar": "C-0015", "Susan": "C-0018",
}


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
    ("Carla was among the best", "Carla", "vip_top_5_percent", [("01-19", "02-16")], [("02-23", "03-30")]),
    ("a new version of the rule dropped David's small cart", "David", "cart_abandoner", [("02-23", "02-23")], [("03-02", "03-30")]),
    ("Elif's choice is unknown", "Elif", "cart_abandoner", [], [("01-12", "03-30")]),
    ("Farid's grant cannot be shown to have been known", "Farid", "cart_abandoner", [], [("01-12", "03-30")]),
    ("Greta was refunded", "Greta", "high_lifetime_value", [("01-12", "02-02")], [("02-09", "03-30")]),
    ("Hugo's order was revised", "Hugo", "high_lifetime_value", [("01-26", "02-02")], [("02-09", "03-30")]),
    ("Isa's duplicate counts once", "Isa", "one_time_buyer", [("02-16", "03-30")], [("01-12", "02-09")]),
    ("Lena's address was restricted", "Lena", "new_subscriber_no_purchase", [("03-02", "03-09")], [("03-16", "03-30")]),
    ("Lars shares that address", "Lars", "new_subscriber_no_purchase", [("03-02", "03-09")], [("03-16", "03-30")]),
    ("Max withdrew and came back", "Max", "cart_abandoner", [("01-12", "01-12"), ("03-30", "03-30")], [("01-19", "03-23")]),
    ("Susan's law takes silence as permission", "Susan", "cart_abandoner", [("03-30", "03-30")], [("01-12", "03-23")]),
    ("Nora bought", "Nora", "new_subscriber_no_purchase", [("02-02", "02-16")], [("02-23", "03-30")]),
    ("Nora is a customer since", "Nora", "existing_customer", [("02-23", "03-30")], [("01-12", "02-16")]),
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


def test_david_was_admitted_under_version_1_and_only_then(weeks):
    rows = weeks.rows(
        """
        select valid_from, valid_to, spec_version
        from segments.segment_membership_history inner join restricted.vault.customer_keys using (customer_key)
        where identifier = 'C-0004' and segment_id = 'cart_abandoner'
        """
    )
    assert rows == [(datetime(2026, 2, 23), datetime(2026, 3, 2), 1)]


def test_who_objected_keeps_the_orders_and_has_no_score_and_no_place_in_a_ranking(weeks):
    key = "(select customer_key from restricted.vault.customer_keys where identifier = 'C-0003')"
    assert weeks.rows(f"select order_count, net_spend from marts.customer_orders where customer_key = {key}") == [(4, Decimal("2460.00"))]
    for mart in ("customer_features", "customer_rfm", "customer_retention"):
        assert weeks.rows(f"select * from marts.{mart} where customer_key = {key}") == [], mart
    profiled = weeks.rows("select count(*), sum(net_spend) from marts.customer_features where order_count > 0")
    assert weeks.rows("select buyer_count, net_spend from marts.site_averages") == profiled


@pytest.mark.parametrize(
    ("name", "orders", "net"),
    [("Greta", 2, "185.00"), ("Hugo", 1, "160.00"), ("Isa", 1, "59.90"), ("Nora", 1, "32.00"), ("Kim", 0, "0.00")])
def test_refund_revision_duplicate_and_rejected_rows_show_in_orders_and_money(weeks, name, orders, net):
    rows = weeks.rows(
        """
        select order_count, net_spend
        from marts.customer_features inner join restricted.vault.customer_keys using (customer_key) where identifier = ?
        """,
        [CHARACTERS[name]],
    )
    assert rows == [(orders, Decimal(net))]


def test_six_rows_of_kim_are_rejected_each_for_its_own_reason(weeks):
    rows = weeks.rows("select reason from restricted.intermediate.int_rejected_rows where payload like '%customer_id=C-0010%' order by 1")
    assert [reason for (reason,) in rows] == [
        "negative gross_amount", "no exchange rate for currency XXX", "ordered_at lies after recorded_at",
        "unknown purpose", "unknown status", "unreadable ordered_at",
    ]
    assert {reason for (reason,) in rows} <= {reason for (reason,) in weeks.rows("select reason from audit.rejected_rows")}


def test_guests_are_known_by_email_else_by_phone_and_an_order_of_nobody_is_kept(weeks):
    guests = weeks.rows(
        """
        select identifier_type, identifier, is_guest, order_count
        from restricted.vault.customer_keys
        inner join marts.customers using (customer_key)
        inner join marts.customer_orders using (customer_key)
        where identifier in ('jo.guest@example.com', '493023125011') order by all
        """
    )
    assert guests == [("email", "jo.guest@example.com", True, 1), ("phone", "493023125011", True, 1)]
    assert weeks.rows("select net_amount from marts.orders where customer_key is null") == [(Decimal("22.50"),)]


def test_an_address_in_common_does_not_make_one_person(weeks):
    rows = weeks.rows("select count(distinct customer_key) from restricted.vault.customer_keys where identifier in ('C-0011', 'C-0012')")
    assert rows == [(2,)]


def test_a_late_grant_does_not_admit_for_an_earlier_date_even_as_corrected(tmp_path):
    """Bruno on 16 February with all that is known today: a grant needs both clocks."""
    built = build(tmp_path / "home", "--without-tests", AS_OF="2026-02-16 00:00:00", KNOWN_AT="latest")
    assert built.code == 0
    assert built.rows("select as_of::varchar, known_at > '2026-03-31' from marts.evaluation_clock") == [("2026-02-16 00:00:00", True)]
    admitted = {identifier for (identifier,) in built.rows(
        """
        select identifier from segments.segment_members inner join restricted.vault.customer_keys using (customer_key)
        where segment_id = 'cart_abandoner'
        """
    )}
    assert admitted and CHARACTERS["Bruno"] not in admitted


def test_every_segment_has_members_and_changes_in_the_twelve_weeks(weeks):
    """A history in which a segment stays empty or never changes would have nothing to show."""
    rows = weeks.rows("select segment_id, count(*), count(distinct valid_from), count(valid_to) from segments.segment_membership_history group by all")
    assert {(segment,) for segment, *_ in rows} == set(weeks.rows("select distinct segment_id from segments.segment_registry"))
    # one person becomes likely to churn, in the last weeks
    assert [segment for segment, members, starts, ends in rows if members == 0 or starts < 2 or ends == 0] == ["likely_to_churn"]


# Why the people of the story enter and leave: (character, segment, Monday) -> change, exact reason, late.
REASONS = {
    ("Ada", "cart_abandoner", "03-02"): ("entered", "own_activity", False),  # version 2 would not have kept her out
    ("Ada", "cart_abandoner", "03-09"): ("left", "consent_withdrawn", False),  # although she filled another cart
    ("Bruno", "cart_abandoner", "02-23"): ("entered", "consent_granted", True),
    ("Bruno", "cart_abandoner", "03-02"): ("left", "time_decay", False),  # too old for either version
    ("Carla", "vip", "02-23"): ("left", "objection", False),
    ("Carla", "vip_top_5_percent", "02-23"): ("left", "objection", False),
    ("David", "cart_abandoner", "02-23"): ("entered", "own_activity", False),
    ("David", "cart_abandoner", "03-02"): ("left", "rule_version", False),
    ("Greta", "high_lifetime_value", "02-09"): ("left", "refund_or_cancellation", False),
    ("Hugo", "high_lifetime_value", "01-26"): ("entered", "own_order", False),
    ("Hugo", "high_lifetime_value", "02-09"): ("left", "refund_or_cancellation", False),
    ("Isa", "one_time_buyer", "02-16"): ("entered", "time_decay", False),
    ("Lena", "new_subscriber_no_purchase", "03-02"): ("entered", "consent_granted", False),
    ("Lena", "new_subscriber_no_purchase", "03-16"): ("left", "objection", False),
    ("Lars", "new_subscriber_no_purchase", "03-16"): ("left", "objection", False),
    ("Max", "cart_abandoner", "01-12"): ("entered", "first_evaluation", False),
    ("Max", "cart_abandoner", "01-19"): ("left", "consent_withdrawn", False),
    ("Max", "cart_abandoner", "03-30"): ("entered", "own_activity", False),  # he had agreed again before the 23rd
    ("Susan", "cart_abandoner", "03-30"): ("entered", "own_activity", False),  # nobody had to ask her
    ("Nora", "new_subscriber_no_purchase", "02-02"): ("entered", "consent_granted", False),
    ("Nora", "new_subscriber_no_purchase", "02-23"): ("left", "own_order", False),
    ("Nora", "existing_customer", "02-23"): ("entered", "own_order", False),
    ("Omar", "one_time_buyer", "01-19"): ("left", "objection", False),
    ("Omar", "one_time_buyer", "03-09"): ("entered", "objection", False),  # taken back
}


def test_the_people_of_the_story_enter_and_leave_for_the_reasons_it_tells(weeks):
    rows = weeks.rows(
        """
        select identifier, segment_id, strftime(as_of, '%m-%d'), change, reason, is_late
        from audit.segment_change_reasons inner join restricted.vault.customer_keys using (customer_key)
        """
    )
    found = {row[:3]: row[3:] for row in rows}
    assert {(name, *key): found.get((CHARACTERS[name], *key)) for name, *key in REASONS} == REASONS


def test_every_change_of_the_twelve_mondays_has_one_reason_and_most_reasons_occur(weeks):
    assert weeks.rows(
        """
        select count(*) from segments.segment_membership_history
        where (entered_reason is null and valid_from = (select min(valid_from) from segments.segment_membership_history))
            or (valid_to is null and left_reason is not null)
        """
    ) == [(0,)]
    reasons = dict(weeks.rows("select reason, count(*) from audit.segment_change_reasons group by reason"))
    # nobody is erased, no identity is merged, and no consent of the demo expires while it carries a membership
    assert set(reasons) == {
        "objection", "consent_withdrawn", "consent_granted", "retention_expired", "rule_version", "late_data",
        "refund_or_cancellation", "own_order", "own_activity", "threshold_moved", "time_decay", "first_evaluation",
    }


def test_a_value_group_changes_by_others_or_by_time_and_says_which(weeks):
    """value_class moves with ranks and averages, the retention state with days: neither may take the other's blame."""
    reasons = weeks.rows(
        """
        select segment_id, change, reason from audit.segment_change_reasons
        where segment_id in ('drifting', 'churn_risk', 'low_value', 'loyalists') and as_of > timestamp '2026-01-12'
        group by all
        """
    )
    assert {("drifting", "entered", "time_decay"), ("churn_risk", "left", "time_decay"), ("loyalists", "left", "threshold_moved"),
            ("loyalists", "left", "time_decay")} <= set(reasons)
    assert [row for row in reasons if row[0] == "low_value" and row[2] == "time_decay"] == []


def test_changes_add_up_to_the_members_of_every_monday(weeks):
    """Entries minus exits so far are the members recorded, for every segment and Monday."""
    rows = weeks.rows(
        """
        select evaluations.as_of, evaluations.segment_id, any_value(evaluations.n_members),
            count(*) filter (where change = 'entered') - count(*) filter (where change = 'left')
        from audit.segment_evaluations as evaluations
        left join segments.segment_changes as changes
            on evaluations.segment_id = changes.segment_id and evaluations.as_of >= changes.as_of
        group by all
        """
    )
    [(n_segments,)] = weeks.rows("select count(distinct segment_id) from segments.segment_registry")
    assert len(rows) == n_segments * len(DEMO_AS_OFS)
    assert [row for row in rows if row[2] != row[3]] == []


def test_the_history_of_cart_abandoner_tells_its_new_version_once(weeks):
    rows = weeks.rows(
        "select changed_at, change_kind from segments.segment_history where segment_id = 'cart_abandoner'"
        " and change_kind != 'membership' order by all")
    assert rows == [(datetime(2026, 1, 12), "defined"), (datetime(2026, 3, 2), "rule_changed")]


def test_a_lapsed_contract_and_a_missed_check_block_their_vendors_on_one_monday_each(weeks):
    assert weeks.rows("select vendor_id, strftime(as_of, '%m-%d'), blocked_reason from marts.vendor_states where is_blocked order by all") == [
        ("kummerkasten_desk", "03-02", "contract_expired"), ("umfrago_surveys", "03-09", "verification_overdue")]
    # kept for every date, those that were evaluated together too
    assert weeks.rows("select count(*), count(distinct as_of) from marts.vendor_states") == [(4 * len(DEMO_AS_OFS), len(DEMO_AS_OFS))]
    assert weeks.rows("select iso_week, result from audit.vendor_verification where is_failed order by all") == [
        ("2026-W10", "failed"), ("2026-W10", "missed")]
