"""Persons with several identifiers: accounts and addresses of a small shop (dated_shop.py) are linked, merged and split, three times evaluated.

Every id says what happens to its holder. Numbers C.. are the adversarial cases of the privacy research.
"""

import random

import duckdb
import pytest
from compiled import OF_THE_ROWS
from conftest import Built
from dated_shop import DATES, SECOND, dated_shop, people_of, replayed_shop
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja_macros import Macros
from test_changes import EXISTING, HIGH, NEWS, Rows, changes_of

from segmentation.home import PROJECT, duckdb_settings

EMAIL, PROFILING = "marketing.communications.email", "personalize.content.profiling"
MERGED_AT, SPLIT_AT = "2026-03-02 10:00:00", "2026-03-04 10:00:00"
EARLY, LATER = "2026-01-10 10:00:00", "2026-01-20 10:00:00"


def link(number: str, left: str, right: str, known: str = MERGED_AT, ends: str = "", match_class: str = "deterministic", when: str = MERGED_AT,
         score: str = "") -> dict:
    """A link between two identifiers, an e-mail when it has an @; when is its effective time."""
    kinds = ["email" if "@" in name else "customer_id" for name in (left, right)]
    return dict(link_id=number, left_type=kinds[0], left_id=left, right_type=kinds[1], right_id=right, match_class=match_class, effective_at=when,
                score=score, valid_to=ends, recorded_at=known)


def shop() -> dict[str, list[dict]]:
    """Orders, subscriptions and links. What is merged at MERGED_AT is known at the second date; what is split then, at the third."""
    rows = Rows("identity ")
    rows.notice("v1", "2025-01-01", "")
    # two accounts, the second known later: together above 200.00; split again, known only after the second date
    for who, day in (("first", EARLY), ("second", LATER), ("wrong", EARLY), ("wrongly", LATER), ("stays", EARLY)):
        rows.order(who, day, "120.00")
    rows.order("second", "2026-03-08 10:00:00", "10.00", number="2")
    # a guest and an account, a household and its guest, a guess
    for who, email, day in (("", " Guest@Example.com", EARLY), ("account", "", LATER), ("", "home@example.com", EARLY), ("mother", "home@example.com", EARLY),
                            ("father", "home@example.com", EARLY), ("guessed", "", EARLY), ("chained", "", LATER), ("anchor", "", EARLY)):
        rows.tables["orders"].append(dict(order_id=f"{who or email} #1", customer_id=who, ordered_at=day, gross_amount="120.00", currency="EUR",
                                          status="paid", recorded_at=day, email=email))
    # consents: both agree; one withdrew before; one withdrew and agrees anew after the merge
    for who in ("both a", "both b", "refused a", "refused b", "renewed a", "renewed b"):
        rows.say(who, "*", "granted", "2025-06-02 10:00:00" if who.endswith("b") else "2025-06-01 10:00:00")
        rows.event(who, "subscribed", "2026-02-25 10:00:00")
    for who in ("refused b", "renewed b"):
        rows.say(who, "*", "withdrawn", "2026-02-01 10:00:00")
    rows.say("renewed a", "*", "granted", "2026-03-06 10:00:00")
    tables = rows.tables
    for row in tables["orders"]:
        row.setdefault("email", "")
    tables["identity_links"] = [
        link("l1", "first", "second"), link("l2", "wrongly", "wrong"), link("l2", "wrongly", "wrong", known="2026-03-06 10:00:00", ends=SPLIT_AT),
        link("l3", "guest@example.com ", "account"), link("l4", "home@example.com", "mother"), link("l5", "HOME@example.com", "father"),
        link("l6", "stays", "guessed", match_class="probabilistic", score="0.93"), link("l7", "chained", "anchor"),
        link("l8", "anchor", "guessed", match_class="probabilistic", score="0.99"),
        link("l9", "both b", "both a"), link("l10", "refused b", "refused a"), link("l11", "renewed b", "renewed a"),
    ]
    return {name: rows for name, rows in tables.items() if rows}


@pytest.fixture(scope="module")
def history(tmp_path_factory) -> Built:
    return dated_shop(tmp_path_factory)


def members(built: Built, segment: str, date: str) -> set[str]:
    """Who was in a segment on a date, by identifier."""
    return {who for (who,) in built.rows(
        "select identifier from segments.segment_membership_history inner join restricted.vault.customer_keys using (customer_key)"
        " where segment_id = $1 and valid_from <= $2 and coalesce(valid_to, 'infinity') > $2", [segment, date])}


def people(built: Built) -> dict[str, tuple]:
    """Person -> identity class, guest, orders, spend at the newest evaluation."""
    return {row[0]: row[1:] for row in built.rows(
        "select identifier, identity_class, is_guest, order_count, net_spend from marts.customers inner join restricted.vault.customer_keys"
        " using (customer_key) left join marts.customer_features using (as_of, customer_key)")}


def test_linked_accounts_are_one_person_with_all_orders_until_they_are_split(history: Built):
    assert [{"first", "second"} & members(history, HIGH, date) for date in DATES] == [set(), {"first"}, {"first"}]
    assert [{"wrong", "wrongly"} & members(history, HIGH, date) for date in DATES] == [set(), {"wrong"}, set()]
    assert [{"wrong", "wrongly"} & members(history, EXISTING, date) for date in DATES] == [{"wrong", "wrongly"}, {"wrong"}, {"wrong", "wrongly"}]
    found = people(history)
    assert found["first"] == ("deterministic", False, 3, 250) and "second" not in found
    assert found["wrong"] == ("unlinked", False, 1, 120) == found["wrongly"]


def test_a_guest_is_counted_with_the_account_it_is_linked_to(history: Built):
    found = people(history)
    assert found["account"] == ("deterministic", False, 2, 240) and "guest@example.com" not in found


def test_c21_a_merge_permits_what_every_account_permits_and_a_new_grant_counts_for_all(history: Built):
    assert [{who for who in members(history, NEWS, date) if who[:4] in ("both", "refu", "rene")} for date in DATES] == [
        {"both a", "both b", "refused a", "renewed a"}, {"both a"}, {"both a", "renewed a"}]
    states = dict(history.rows(
        "select identifier, consent_status from marts.consent_state inner join restricted.vault.customer_keys using (customer_key) where purpose = ?",
        [EMAIL]))
    assert (states["both a"], states["refused a"], states["renewed a"]) == ("granted", "withdrawn", "granted")
    assert not {"both b", "refused b", "renewed b"} & set(states)


def test_changes_of_identity_are_the_reason_of_changes_of_membership(history: Built):
    merged, split = changes_of(history, DATES[1]), changes_of(history, DATES[2])
    assert {who: merged[who, EXISTING][:2] for who in ("second", "wrongly", "guest@example.com")} == dict.fromkeys(
        ("second", "wrongly", "guest@example.com"), ("left", "identity_merged"))
    assert merged["first", HIGH][:2] == merged["wrong", HIGH][:2] == ("entered", "identity_merged")
    assert merged["both b", NEWS][:2] == merged["refused a", NEWS][:2] == ("left", "identity_merged")
    assert split["wrongly", EXISTING][:2] == ("entered", "identity_split") and split["wrong", HIGH][:2] == ("left", "identity_split")
    assert split["renewed a", NEWS][:2] == ("entered", "consent_granted")
    published = set(history.rows("select distinct reason from segments.segment_changes where reason like 'identity%'"))
    assert published == {("identity_merged",), ("identity_split",)}


def test_the_migration_matrix_has_merged_and_split(history: Built):
    moves = history.rows(
        "select to_as_of::varchar, from_group, to_group, customers from marts.segment_migration where from_group = 'split' or to_group = 'merged'")
    assert sum(n for date, _, to, n in moves if (date, to) == (DATES[1], "merged")) == 7
    # one is split from "wrong", one from "linked" by test_corrections.py
    assert [(date, sum(n for on, come_from, _, n in moves if (on, come_from) == (date, "split"))) for date in DATES[1:]] == [(DATES[1], 0), (DATES[2], 2)]


def test_c22_as_recorded_keeps_the_merged_view_and_as_corrected_splits_when_the_link_ended(tmp_path_factory):
    """As corrected, orders return to their owners, and no order is counted twice or lost."""
    replayed = replayed_shop(tmp_path_factory)
    assert replayed.rows("select count(distinct as_of), bool_and(is_root_equal) from audit.replay_partitions where mode = 'as_recorded'") == [(3, True)]
    rows = replayed.rows(
        "select identifier, segment_id, difference, replay_cause from audit.replay_differences inner join restricted.vault.customer_keys"
        " using (customer_key) where mode = 'as_corrected' and as_of = ? and segment_id in (?, ?)", [SECOND, HIGH, EXISTING])
    assert {row for row in rows if row[0] in people_of(shop())} == {("wrong", HIGH, "removed", "late_data"), ("wrongly", EXISTING, "added", "late_data")}


def test_the_end_of_a_link_that_comes_late_is_a_late_arrival(history: Built):
    rows = history.rows("select identifier from audit.late_arrivals inner join restricted.vault.customer_keys using (customer_key) where fact = 'late_link'")
    assert {who for (who,) in rows if who in people_of(shop())} == {"wrong", "wrongly"}


def test_c23_and_c24_a_guess_is_kept_and_flagged_and_joins_nobody(history: Built):
    links = dict(history.rows("select link_id, link_status from restricted.intermediate.int_identity_edges"))
    assert (links["l6"], links["l8"], links["l7"], links["l2"]) == ("not_allowed", "not_allowed", "acting", "ended")
    found = people(history)
    assert found["guessed"][0] == "unlinked" and found["stays"] == ("unlinked", False, 1, 120)
    assert found["anchor"] == ("deterministic", False, 2, 240) and "chained" not in found


def test_c25_a_household_address_merges_nobody(history: Built):
    found = people(history)
    assert found["mother"] == found["father"] == ("unlinked", False, 1, 120)
    assert found["home@example.com"] == ("unlinked", True, 1, 120)


def test_every_order_has_one_person_at_every_date(history: Built):
    [(n_orders, n_owned)] = history.rows(
        "select (select count(*) from marts.orders where is_valid), (select sum(order_count) from marts.customer_orders)")
    assert n_orders == n_owned + 3, "one of test_corrections.py and two of test_rotation.py are nobody's"


@pytest.fixture(scope="module")
def graph() -> duckdb.DuckDBPyConnection:
    """Empty tables of nodes and pairs, and `components`, planned once: that takes many times as long as to run it."""
    connection = duckdb.connect(config=duckdb_settings())
    connection.execute("create table nodes (as_of int, node varchar)")
    connection.execute("create table pairs (as_of int, node varchar, other varchar)")
    sql = Macros(PROJECT / "macros/identity").connected_components("nodes", "pairs")
    connection.execute(f"set disabled_optimizers = '{OF_THE_ROWS}'")
    connection.execute(f"prepare components as with {sql} select * from components")
    return connection


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(size=st.integers(1, 40), n_edges=st.integers(0, 50), seed=st.integers(0, 10_000), is_chain=st.booleans())
def test_connected_components_are_those_that_a_search_finds(graph, size: int, n_edges: int, seed: int, is_chain: bool):
    """On random graphs and on chains in random order, on two dates at once."""
    chance = random.Random(seed)
    names = [f"{number:02}" for number in range(size)]
    chance.shuffle(names)
    edges = {1: list(zip(names, names[1:])) if is_chain else [tuple(chance.choices(names, k=2)) for _ in range(n_edges)], 2: []}
    rows = [(day, left, right) for day, pairs in edges.items() for left, right in [*pairs, *((b, a) for a, b in pairs)]]
    graph.execute("delete from nodes")
    graph.execute("delete from pairs")
    graph.execute("insert into nodes values " + ", ".join(f"({day}, '{name}')" for day in edges for name in names))
    if rows:
        graph.execute("insert into pairs values " + ", ".join(map(str, rows)))
    found = {row[:2]: row[2] for row in graph.execute("execute components").fetchall()}
    for day, pairs in edges.items():
        groups = {name: {name} for name in names}
        for left, right in pairs:
            whole = groups[left] | groups[right]
            for name in whole:
                groups[name] = whole
        assert {name: found[day, name] for name in names} == {name: min(groups[name]) for name in names}


def test_a_chain_of_63_links_is_one_component():
    """Longest that six rounds are said to join, in the order that is worst for them."""
    sql = Macros(PROJECT / "macros/identity").connected_components("nodes", "pairs")
    with duckdb.connect() as connection:
        connection.execute("create table nodes as select 1 as as_of, printf('%02d', range) as node from range(64)")
        connection.execute("""
            create table pairs as
            select 1 as as_of, printf('%02d', range) as node, printf('%02d', range + 1) as other from range(63)
            union all select 1, printf('%02d', range + 1), printf('%02d', range) from range(63)
        """)
        assert connection.execute(f"with {sql} select count(distinct label) from components").fetchall() == [(1,)]
