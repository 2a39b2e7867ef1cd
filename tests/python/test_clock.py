"""Without AS_OF the newest recording of an accepted row is evaluated: neither rejected rows nor dates ahead move the clock."""

import pytest
from conftest import Built

INGESTED_AT = "2026-06-01 00:00:00"
EURO = {"ordered_at": "2026-01-10", "gross_amount": "5", "currency": "EUR", "customer_id": "c"}
DOLLAR = EURO | {"currency": "USD", "ordered_at": "2026-01-11"}
GRANT = {"customer_id": "c", "purpose": "*", "status": "granted", "effective_at": "2026-01-12", "recorded_at": "2026-01-12"}

TABLES = {
    "orders": [
        {"order_id": "o1", "recorded_at": "2026-01-10 10:00:00"} | EURO,
        {"order_id": "o1", "recorded_at": "2026-02-10 10:00:00"} | DOLLAR,  # an order does not change its currency
        {"order_id": "o2", "recorded_at": "2026-06-01 00:00:01"} | EURO,
    ],
    "exchange_rates": [
        {"currency": "USD", "rate": "0.5", "rate_date": "2026-01-01", "recorded_at": "2026-01-05 10:00:00"},
        {"currency": "USD", "rate": "0.5", "rate_date": "2026-12-01", "recorded_at": "2026-01-06 10:00:00"},
        {"currency": "USD", "rate": "0.5", "rate_date": "2026-12-02"},
    ],
    "notices": [
        {"consent_version": "v1", "text_sha256": "00", "published_at": "2026-01-01"},
        {"consent_version": "v2", "text_sha256": "00", "published_at": "2026-12-01"},
    ],
    "consents": [
        {"consent_event_id": "g"} | GRANT,
        {"consent_event_id": "clock-ahead"} | GRANT | {"effective_at": "2026-12-01", "recorded_at": "2026-01-13 10:00:00"},
        # it counts as recorded at INGESTED_AT, which is the time of a file and no fact
        {"consent_event_id": "clock-wrong"} | GRANT | {"status": "withdrawn", "effective_at": "2026-12-01", "recorded_at": ""},
    ],
    "scheduled_sends": [{"send_id": "s", "channel": "email", "scheduled_at": "2026-12-01"}],
}
NEWEST = {
    "orders": "2026-01-10 10:00:00", "exchange_rates": "2026-01-06 10:00:00", "notices": "2026-01-01 00:00:00",
    "consents": "2026-01-13 10:00:00", "scheduled_sends": "1900-01-01 00:00:00",
}


LATER = "recorded_at lies after the data was ingested"
REJECTED = [("exchange_rates", LATER), ("orders", LATER),
            ("orders", "currency differs from the first row of the same order_id")]


@pytest.fixture(scope="module")
def unclocked(newest_shop: Built) -> Built:
    """A shop built without AS_OF, in which test_blank_text.py and test_privacy_scan.py have rows too, all of them older."""
    return newest_shop


@pytest.mark.parametrize("table", NEWEST)
def test_the_newest_accepted_recording_of_each_table(unclocked: Built, table: str):
    found = unclocked.rows("select newest_recorded_at::varchar from audit.control_totals where table_name = ?", [table])
    assert found == [(NEWEST[table],)]


def test_the_newest_of_all_is_evaluated(unclocked: Built):
    assert unclocked.code == 0
    assert unclocked.rows("select as_of::varchar, known_at::varchar from marts.evaluation_clock") == [(max(NEWEST.values()),) * 2]


def test_a_restriction_dated_ahead_does_not_wait(unclocked: Built):
    acts = "select acts_at::varchar, recorded_at::varchar from restricted.intermediate.int_consent_events where consent_event_id = ?"
    assert unclocked.rows(acts, ["clock-wrong"]) == [(INGESTED_AT, INGESTED_AT)]
    assert unclocked.rows(acts, ["clock-ahead"]) == [("2026-12-01 00:00:00", "2026-01-13 10:00:00")]
