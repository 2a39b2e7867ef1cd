"""Who may be written to as a customer of one's own (Directive 2002/58/EC Art. 13(2)): a table of persons, one test per row.

Every row of soft_opt_in_cases.csv is a person, evaluated from raw rows on 1 March 2026 at noon. Orders are written
`day[>recorded] amount address [status] [-refund@day ...]`, `=` for a later version of the order before; addresses are own, OWN (the
same in another spelling), other or none. Choices are written as in consent_truth_table.csv.
"""

import csv
from datetime import datetime
from pathlib import Path

import pytest
from compiled import CompiledModels
from conftest import Built
from dated_shop import dated_shop, erased_shop, later_shop, people_of
from test_consent import AS_OF, NOTICES, choices_of, instant, records_of
from test_vendors import own_keys

# places whose law changes: allowed from the first instant on; of the later ones forbidden from it on
TURNS = {"SA": "2026-03-01 11:59:59.999999", "SB": AS_OF, "SC": "2026-03-01 12:00:00.000001"}
TURNS |= {later: TURNS[earlier] for later, earlier in zip(("SD", "SE", "SF"), TURNS.copy(), strict=True)}
with (Path(__file__).with_name("soft_opt_in_cases.csv")).open(newline="", encoding="utf-8") as file:
    CASES = {row["case"]: row for row in csv.DictReader(file)}


def address(who: str, kind: str) -> str | None:
    own = f"p{list(CASES).index(who) if who in CASES else who}@example.com"
    return {"own": own, "OWN": f" {own.upper()} ", "other": f"other.{own}", "none": None}[kind]


def orders_of(who: str, text: str) -> tuple[list[dict], list[dict]]:
    """The raw rows of a person's orders and refunds."""
    orders, refunds = [], []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        when, amount, given, *rest = part.split()
        day, _, known = when.partition(">")
        number = f"{who} {len(orders)}" if day != "=" else orders[-1]["order_id"]
        ordered_at = instant(day) if day != "=" else orders[-1]["ordered_at"]
        orders.append({"order_id": number, "customer_id": who, "ordered_at": ordered_at, "recorded_at": instant(known) if known else ordered_at,
                       "gross_amount": amount, "currency": "EUR", "email": address(who, given),
                       "status": next((word for word in rest if not word.startswith("-")), None)})
        for refund in (word for word in rest if word.startswith("-")):
            value, _, at = refund[1:].partition("@")
            refunds.append({"refund_id": f"{number} {at}", "order_id": number, "refunded_at": instant(at), "recorded_at": instant(at), "amount": value})
    return orders, refunds


def raw_of(cases: dict[str, dict]) -> dict[str, list[dict]]:
    tables = {"notices": NOTICES, "customers": [], "orders": [], "refunds": [], "consents": [], "events": []}
    for who, row in cases.items():
        tables["customers"] += [record | {"email": address(who, row["account"])} for record in records_of(who, row["place"] or " ", row["born"])]
        orders, refunds = orders_of(who, row["orders"])
        tables["orders"] += orders
        tables["refunds"] += refunds
        tables["consents"] += choices_of(who, row["choices"])
        if row["unsubscribed"]:
            at = instant(row["unsubscribed"])
            tables["events"].append({"event_id": f"u {who}", "event_type": "unsubscribed", "customer_id": who, "occurred_at": at, "recorded_at": at})
    return tables


@pytest.fixture(scope="module")
def models(demo: Built, tmp_path_factory) -> CompiledModels:
    models = CompiledModels(demo, tmp_path_factory, ("channel_permissions",))
    for schema in ("reference", "replay_reference"):
        for place, turn in TURNS.items():
            is_later = place in ("SD", "SE", "SF")
            for is_allowed, start, end in ((is_later, "1900-01-01", turn), (not is_later, turn, None)):
                models.connection.execute(
                    f"insert into warehouse.{schema}.jurisdictions by name select ? as jurisdiction, 'Nowhere' as name, 'other' as regime, "
                    "'opt_in' as posture, ?::boolean as allows_soft_opt_in, ?::timestamp as valid_from, ?::timestamp as valid_to",
                    [place, is_allowed, start, end])
    return models


def permissions(models: CompiledModels, raw: dict[str, list[dict]], as_of: str = AS_OF) -> dict[str, tuple]:
    """Person -> basis and evidence, on the channel email; nobody has the basis on another channel."""
    models.run(raw, [(as_of, as_of)])
    rows = models.connection.execute("""
        select identifier, channel, permission_basis, customer_since, consent_event_key is not null
        from warehouse.replay_marts.channel_permissions inner join restricted.vault.customer_keys using (customer_key) order by all
    """).fetchall()
    assert {channel for _, channel, basis, *_ in rows if basis == "soft_opt_in"} <= {"email"}
    return {who: tuple(rest) for who, channel, *rest in rows if channel == "email"}


@pytest.fixture(scope="module")
def answers(models: CompiledModels) -> dict[str, tuple]:
    return permissions(models, raw_of(CASES))


@pytest.mark.parametrize("case", CASES)
def test_who_may_be_written_to_and_on_which_basis(answers, case):
    basis, since, has_consent = answers.get(case, ("", None, False))
    assert basis == CASES[case]["basis"]
    assert has_consent == (basis == "consent")
    assert (since is not None) == (basis == "soft_opt_in")


def test_a_soft_opt_in_names_the_sale_that_it_rests_on(answers):
    assert answers["own customer"][1] == datetime(2026, 2, 1)
    assert answers["order: one cancelled and one that stands"][1] == answers["address: given with the second order"][1] == datetime(2026, 2, 2)


def guest(number: str, **fields) -> dict:
    return {"order_id": f"guest {number}", "ordered_at": "2026-02-01", "recorded_at": "2026-02-01", "gross_amount": "50", "currency": "EUR"} | fields


def test_a_guest_is_written_to_where_a_choice_names_the_place_and_the_order_the_address(models: CompiledModels):
    said = {"effective_at": "2026-01-15", "recorded_at": "2026-01-15", "status": "pending", "purpose": "personalize.content.profiling"}
    found = permissions(models, {
        "orders": [guest("1", email="known@example.com"), guest("2", email="unplaced@example.com"), guest("3", phone="+49 171 1234567"),
                   guest("4", email="cancelled@example.com", status="cancelled")],
        "consents": [said | {"consent_event_id": str(number), "email": email, "jurisdiction": "DE"}
                     for number, email in enumerate(("known@example.com", "cancelled@example.com"))]})
    assert {who: basis for who, (basis, *_) in found.items()} == {"known@example.com": "soft_opt_in"}


def test_whoever_holds_an_address_that_somebody_restricted_is_not_written_to(models: CompiledModels):
    """A withdrawal given by the address binds its other holders on that channel (privacy.md C25)."""
    both = {name: CASES["own customer"] for name in ("own customer", "restricts")}
    raw = raw_of(both)
    for row in raw["customers"] + raw["orders"]:
        row["email"] = "shared@example.com"
    raw["consents"] = [{"consent_event_id": "1", "email": "shared@example.com", "purpose": "marketing.communications.email", "status": "objected",
                        "effective_at": "2026-02-20", "recorded_at": "2026-02-20"}]
    assert permissions(models, raw) == {}
    assert set(permissions(models, raw, "2026-02-19 23:59:59.999999")) == set(both)


@pytest.mark.parametrize(("other", "is_permitted"), [
    ({"place": "DE"}, True), ({"place": "PL"}, False), ({"place": ""}, False), ({"place": "DE", "choices": "02-20 objected E"}, False),
    ({"place": "DE", "choices": "01-10 denied E"}, False), ({"place": "DE", "unsubscribed": "02-20"}, False),
])
def test_a_merge_never_widens_a_soft_opt_in(models: CompiledModels, other: dict, is_permitted: bool):
    """Two accounts of one person: what speaks against one of them speaks against the person."""
    cases = {"one": CASES["own customer"], "two": CASES["no order"] | other}
    link = {"link_id": "1", "left_type": "customer_id", "left_id": "one", "right_type": "customer_id", "right_id": "two", "match_class": "deterministic",
            "effective_at": "2026-01-01", "recorded_at": "2026-01-01"}
    found = permissions(models, raw_of(cases) | {"identity_links": [link]})
    assert [basis for basis, *_ in found.values()] == (["soft_opt_in"] if is_permitted else [])


# --- the audience of a real build, and an erasure


def shop() -> dict[str, list[dict]]:
    """The raw tables of this file in dated_shop.py: six persons, three of whom may be written to as customers and one of whom agreed."""
    three = "; ".join(f"0{month}-0{month} 200 own" for month in (1, 2, 3))
    tables = raw_of({who: CASES["own customer"] | {"orders": three.replace("03-03", "02-25")} | change for who, change in {
        "customer": {}, "goes": {}, "agreed": {"choices": "01-10 granted E"}, "objects": {"choices": "02-28 objected E"},
        "elsewhere": {"place": "PL"}, "few orders": {"orders": "02-01 900 own"}}.items()})
    return {name: rows for name, rows in tables.items() if rows and name != "notices"}


def test_an_audience_holds_own_customers_until_they_object_or_are_erased(tmp_path_factory):
    """vip is sent by e-mail to who agreed and to own customers; cart_abandoner and SMS ask for consent as ever."""

    def bases(built: Built) -> dict[str, str]:
        rows = built.rows("select identifier, permission_basis from marts.channel_permissions inner join restricted.vault.customer_keys "
                          "using (customer_key) where channel = 'email'")
        return {who: basis for who, basis in rows if who in people_of(shop())}

    def sent(built: Built, segment: str = "vip") -> int:
        return built.rows("select count(*) from activation.audience_memberships where audience_id = ?", [f"{segment}.email.newsletter"])[0][0]

    built = dated_shop(tmp_path_factory)
    assert bases(built) == {"customer": "soft_opt_in", "goes": "soft_opt_in", "few orders": "soft_opt_in", "agreed": "consent"}
    assert built.rows("select audience_id, is_soft_opt_in_enough from activation.audiences where channel = 'email' order by 1") == [
        ("cart_abandoner.email.newsletter", False), ("vip.email.newsletter", True)]
    assert sent(built) == 3
    consented = own_keys_of(built)
    listed = {key for (key,) in built.rows("select member_key from activation.audience_memberships where audience_id = 'vip.email.newsletter'")}
    assert len(consented) == 1 and consented < listed
    assert set(bases(erased_shop(tmp_path_factory))) == {"customer", "few orders", "agreed"}
    later = later_shop(tmp_path_factory)
    assert set(bases(later)) == {"customer", "few orders", "agreed"} and sent(later) == 2


def own_keys_of(built: Built) -> set[str]:
    """The keys of members who agreed or whose law takes silence as permission, by a shop's own vault."""
    [(inner, outer)] = built.rows("select inner_block, outer_block from restricted.vault.hmac_keys where key_name = 'record_key'")
    return own_keys(built, "vip", "marketing.communications.email", "nordpost_mail", blocks=(inner, outer))
