"""The numbers of segments over the demo's twelve Mondays, against a computation from the record and the raw rows in Python."""

import csv
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from conftest import Built, command

from segmentation.ask import ask, check, find
from segmentation.cli import DEMO_AS_OFS
from segmentation.home import PROJECT, Home

WINDOW = timedelta(days=30)
NOT_VALID = {"cancelled", "voided", "test", "pending", "failed"}


def raw(table: str) -> list[dict]:
    with open(PROJECT / "seeds" / "demo" / "generic" / f"demo_{table}.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def members(weeks: Built) -> dict[tuple[datetime, str], set[str]]:
    """Members of every Monday and segment, by the record."""
    held = defaultdict(set)
    rows = weeks.rows("select segment_id, customer_key, valid_from, coalesce(valid_to, timestamp '9999-12-31')"
                      " from segments.segment_membership_history")
    for segment, person, start, end in rows:
        for day in DEMO_AS_OFS:
            if start <= day < end:
                held[day, segment].add(person)
    return held


@pytest.fixture(scope="module")
def orders(weeks: Built) -> dict[datetime, list[tuple[str, datetime]]]:
    """The valid orders of customers that each Monday knew, from the raw rows: customer_key and ordered_at."""
    keys = dict(weeks.rows("select identifier, customer_key from restricted.vault.customer_keys where identifier_type = 'customer_id'"))
    keys |= dict(weeks.rows("select identifier, customer_key from restricted.vault.customer_keys where identifier_type = 'email'"))
    usable = {row[0] for row in weeks.rows("select order_id from restricted.intermediate.int_orders")}
    known = {}
    for day in DEMO_AS_OFS:
        newest = {}
        for row in raw("orders"):
            recorded = datetime.fromisoformat(row["recorded_at"] or row["ordered_at"])
            if row["order_id"] in usable and recorded <= day and recorded >= newest.get(row["order_id"], (recorded,))[0]:
                newest[row["order_id"]] = (recorded, row)
        known[day] = [
            (keys[row["customer_id"] or row["email"].strip().lower()], datetime.fromisoformat(row["ordered_at"])) for _, row in newest.values()
            if row["status"].strip().lower() not in NOT_VALID and (row["customer_id"] or row["email"].strip().lower()) in keys]
    return known


def test_members_at_the_start_entered_and_left_are_those_of_the_record(weeks: Built, members):
    """All Mondays but the last come from one backfill, the last from a build of its own."""
    rows = weeks.rows(
        "select as_of, window_from, segment_id, n_members, n_members_at_start, n_entered, n_left from marts.segment_metrics"
        " where breakdown = 'total' and segment_id <> '(all)' order by all")
    assert len(rows) % len(DEMO_AS_OFS) == 0 and len(rows) >= 12 * len(DEMO_AS_OFS)
    for day, window_from, segment, *counts in rows:
        now = members[day, segment]
        starts = [start for start in DEMO_AS_OFS if start <= day - WINDOW]
        if not starts:
            assert (window_from, counts) == (day - WINDOW, [len(now), None, None, None])
            continue
        before = members[starts[-1], segment]
        assert (window_from, counts) == (starts[-1], [len(now), len(before), len(now - before), len(before - now)]), (day, segment)


def test_everybody_is_compared_with_everybody_on_record(weeks: Built):
    """Segment (all): as many at the start as were recorded then, with those who objected since; null without a record, as of segments."""
    columns = "as_of, window_from, n_members, n_members_at_start, n_entered, n_left, growth_factor, n_marketable_at_start, n_opted_out"
    rows = {row[0]: row[1:] for row in weeks.rows(f"select {columns} from marts.segment_metrics where segment_id = '(all)' and breakdown = 'total'")}
    assert set(rows) == set(DEMO_AS_OFS)
    for day, (window_from, now, *at_start) in rows.items():
        if window_from not in rows:
            assert day - WINDOW < DEMO_AS_OFS[0] and at_start == [None] * 6
            continue
        before, entered, left, growth, granted, opted_out = at_start
        assert before == rows[window_from][1] and entered - left == now - before
        assert abs(growth - Decimal(now) / before) <= Decimal("0.00005")
        [segments] = weeks.rows("select max(n_marketable_at_start), max(n_opted_out) from marts.segment_metrics where segment_id <> '(all)'"
                                " and breakdown = 'total' and as_of = ?", [day])
        assert granted >= segments[0] and opted_out >= segments[1]
    assert any(row[4] for row in rows.values()), "somebody objects in these weeks"


def test_conversion_is_who_of_those_measured_ordered_in_the_window(weeks: Built, members, orders):
    rows = weeks.rows(
        "select as_of, window_from, segment_id, n_members_at_start, n_measured, n_converted, order_count_in_window"
        " from marts.segment_metrics where breakdown = 'total' and segment_id <> '(all)' and n_measured is not null order by all")
    assert len({row[0] for row in rows}) == 7
    exact = 0
    for day, start, segment, n_start, n_measured, n_converted, n_orders in rows:
        inside = [person for person, at in orders[day] if start < at <= day and person in members[start, segment]]
        assert n_measured <= n_start and n_converted <= len(set(inside)) and n_orders <= len(inside)
        if n_measured == n_start:  # nobody objected since
            assert (n_converted, n_orders) == (len(set(inside)), len(inside)), (day, segment)
            exact += n_orders > 0
    assert exact > 20
    assert any(row[3] > row[4] for row in rows), "somebody objects in these weeks"


def test_conversion_on_product_pages_is_who_of_those_who_viewed_ordered_in_the_window(weeks: Built, members, orders):
    """On the newest Monday exactly whom the features show, on all of them nobody without a raw view that was known."""
    columns = "as_of, window_from, segment_id, n_measured, n_product_viewers, n_product_viewers_converted, product_view_conversion_rate"
    rows = weeks.rows(f"select {columns} from marts.segment_metrics where breakdown = 'total' and segment_id <> '(all)' order by all")
    assert all((row[3] is None) == (row[4] is None) == (row[5] is None) for row in rows)
    keys = dict(weeks.rows("select identifier, customer_key from restricted.vault.customer_keys where identifier_type = 'customer_id'"))
    seen = [(keys.get(row["customer_id"]), datetime.fromisoformat(row["occurred_at"]))
            for row in raw("events") if row["event_type"] == "product_view"]
    newest = dict(weeks.rows("select customer_key, last_viewed_at from marts.customer_behaviour where last_viewed_at is not null"))
    measured = {who for (who,) in weeks.rows("select customer_key from restricted.intermediate.int_metric_customers where is_measured")}
    exact = 0
    for day, start, segment, n_measured, n_viewers, n_converted, rate in rows:
        if n_measured is None:
            continue
        bought = {person for person, at in orders[day] if start < at <= day}
        viewed = {person for person, at in seen if start < at <= day} & members[start, segment]
        assert n_converted <= n_viewers <= min(n_measured, len(viewed)) and n_converted <= len(viewed & bought)
        assert (rate is None) == (n_viewers == 0) and (rate is None or abs(rate - Decimal(n_converted) / n_viewers) <= Decimal("0.00005"))
        if day == DEMO_AS_OFS[-1]:
            viewed = {who for who, at in newest.items() if at > start} & members[start, segment] & measured
            assert (n_viewers, n_converted) == (len(viewed), len(viewed & bought)), segment
            exact += 0 < n_converted < n_viewers < n_measured
    assert exact > 3


def test_who_withdrew_since_still_counts_as_unsubscribed(weeks: Built):
    rows = weeks.rows("select n_sent, n_unsubscribed, n_opened, n_clicked from marts.campaign_metrics where segment_id = '(all)'")
    assert sum(row[1] for row in rows) > 0 and all(row[0] >= max(row[1:]) for row in rows)
    sent = {row["campaign_id"] for row in raw("events") if row["event_type"] == "email_sent"}
    assert {name for (name,) in weeks.rows("select distinct campaign_id from marts.campaign_metrics")} <= sent


def test_the_marketable_may_be_mailed_and_the_consented_have_granted(weeks: Built):
    newest = str(DEMO_AS_OFS[-1])
    expected = weeks.rows(
        "select segment_id, count(*) filter (where is_granted or is_permitted_by_posture), count(*) filter (where is_granted)"
        " from segments.segment_members inner join marts.consent_state using (customer_key)"
        " where purpose = 'marketing.communications.email' and not has_opted_out and not is_objected and not is_restricted"
        " group by all order by all")
    rows = weeks.rows("select segment_id, n_marketable, n_consented, n_members, consent_coverage from marts.segment_metrics"
                      " where breakdown = 'total' and segment_id <> '(all)' and n_members > 0 and as_of = ? order by all", [newest])
    assert [row[:3] for row in rows if row[1]] == [row for row in expected if row[1]]
    assert all(abs(coverage - Decimal(n_consented) / n_members) <= Decimal("0.00005") for *_, n_consented, n_members, coverage in rows)
    assert any(n_consented < n_marketable for _, n_marketable, n_consented, *_ in rows), "some are permitted by a law of opt-out"


def test_every_purpose_counts_who_permits_it_and_who_granted_it(weeks: Built):
    newest = DEMO_AS_OFS[-1]
    expected = {row[:2]: row[2:] for row in weeks.rows(
        "select segment_id, purpose, count(*) filter (where is_granted or is_permitted_by_posture), count(*) filter (where is_granted)"
        " from segments.segment_members inner join marts.consent_state using (customer_key)"
        " where not has_opted_out and not is_objected and not is_restricted group by all")}
    rows = weeks.rows("select segment_id, purpose, n_permitted, n_granted, n_members, consent_coverage from marts.segment_consent_metrics"
                      " where segment_id <> '(all)' and as_of = ?", [newest])
    asked = {row["purpose"] for row in csv.DictReader((PROJECT / "seeds/reference/purposes.csv").open()) if row["is_evaluated"] == "true"}
    segments = {name for (name,) in weeks.rows("select distinct segment_id from marts.segment_metrics where as_of = ?", [newest])} - {"(all)"}
    assert {row[:2] for row in rows} == {(segment, purpose) for segment in segments for purpose in asked} and len(asked) > 5
    for segment, purpose, permitted, granted, n_members, coverage in rows:
        assert (permitted, granted) == expected.get((segment, purpose), (0, 0)), (segment, purpose)
        assert coverage is None if not n_members else abs(coverage - Decimal(granted) / n_members) <= Decimal("0.00005")
    assert dict(weeks.rows("select distinct purpose, channel from marts.segment_consent_metrics where channel is not null")) == {
        "marketing.communications.email": "email", "marketing.communications.sms": "sms", "third_party_sharing": "paid_ads"}


def test_who_had_granted_at_the_start_is_whom_the_evaluation_of_that_day_counted(weeks: Built):
    """Two computations of one number: what stood at the start, asked anew, and n_granted of the evaluation with which the window begins."""
    rows = weeks.rows(
        "select later.as_of, later.segment_id, later.purpose, later.n_granted_at_start, later.n_opted_out, first.n_granted"
        " from marts.segment_consent_metrics as later left join marts.segment_consent_metrics as first"
        " on later.window_from = first.as_of and later.segment_id = first.segment_id and later.purpose = first.purpose")
    for day, segment, purpose, at_start, opted_out, then in rows:
        assert at_start == then and (at_start is None) == (opted_out is None), (day, segment, purpose)
    ended = {purpose for _, _, purpose, _, opted_out, _ in rows if opted_out}
    assert len(ended) > 2, "several purposes are given up in these weeks"


def test_every_number_can_be_followed_to_its_rows(weeks: Built):
    question = find("q29")
    for segment in ("vip", "existing_customer", "repeat_buyer"):
        answer = ask(Home(weeks.folder), question, check(question, {"segment": segment, "on": str(DEMO_AS_OFS[-1])}))
        facts = [dict(zip(answer.columns, row)) for row in answer.rows]
        found = [fact for fact in facts if fact["fact"] == "order"]
        assert all(fact["source_system"] == "generic" and fact["recorded_at"] and fact["was_known"] for fact in facts)
        assert weeks.rows(
            "select n_converted, order_count_in_window, net_revenue_in_window from marts.segment_metrics"
            " where breakdown = 'total' and segment_id = ? and as_of = ?", [segment, DEMO_AS_OFS[-1]]
        ) == [(len({fact["customer_key"] for fact in found}), len(found), sum(fact["amount"] for fact in found))]


def test_the_report_agrees_with_the_matrix_and_the_curve(weeks: Built):
    """Cultivated and retained core customers, and the concentration, are the same numbers wherever they stand."""
    newest = DEMO_AS_OFS[-1]
    tiers = dict(weeks.rows("select value_tier, count(*) from marts.customer_rfm group by all"))
    [(n_core, n_potential, n_non, top)] = weeks.rows(
        "select n_core, n_potential_core, n_non_core, top_20_percent_revenue_share from marts.buying_behaviour where as_of = ?", [newest])
    assert (n_core, n_potential, n_non) == (tiers["core"], tiers["potential_core"], tiers["non_core"])
    [(poorer,)] = weeks.rows("select revenue_share from marts.revenue_concentration where percentile = 80")
    assert abs(1 - poorer - top) <= 1 / 10_000
    assert weeks.rows("select sum(n_retained) filter (where month_number = 0) = max(n) from marts.cohort_retention,"
                      " (select count(*) as n from marts.customer_rfm)") == [(True,)]


def test_a_date_built_again_replaces_its_numbers(weeks: Built, tmp_path):
    import shutil

    home = tmp_path / "home"
    shutil.copytree(weeks.folder, home, symlinks=True)
    tables = ("segment_metrics", "segment_consent_metrics", "segment_conversions", "campaign_metrics", "segment_migration", "buying_behaviour")
    before = {table: weeks.rows(f"from marts.{table} order by all") for table in tables}
    built = command(home, "build", "--without-tests", AS_OF=str(DEMO_AS_OFS[-1]))
    assert built.code == 0
    assert {table: built.rows(f"from marts.{table} order by all") for table in tables} == before
