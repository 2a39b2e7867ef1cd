"""The spec gate: what it refuses, by which sentence, and that a released rule cannot change unseen."""

import contextlib
import copy
import datetime
import hashlib
import json
import math
import re
import shutil
from pathlib import Path

import pytest
from conftest import made_once
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja_macros import Macros, Refused

from segmentation.dbt_run import AS_THE_DEMO, close_databases, environment, parse_cache, spared
from segmentation.errors import UserError
from segmentation.files import read_yaml
from segmentation.home import PROJECT
from segmentation.new_segment import GOLDEN, UNION, new_segment
from segmentation.release import COPY, LOCKS, read_locks, release

SEGMENTS = PROJECT / "models/segments"
NAMES = sorted(path.name for path in SEGMENTS.iterdir() if path.is_dir())
SHARED = read_yaml(PROJECT / "dbt_project.yml")["models"]["segmentation"]["segments"]["+meta"]
DEFAULTS = SHARED["segment_defaults"]
VENDORS = PROJECT / "models/activation/vendors"
NO_LOCKS = "segment_id,spec_version,rule_hash,released_at,released_by"
ABSENT = ...  # survives deepcopy, unlike object()


def as_dbt_reads(value):
    """What stands in YAML as dbt has it: every text is rendered, and that takes the line end off a folded one."""
    if isinstance(value, dict):
        return {key: as_dbt_reads(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [as_dbt_reads(entry) for entry in value]
    return value.removesuffix("\n") if isinstance(value, str) else value


def read_node(name: str) -> dict:
    """A segment model as dbt's graph shows it."""
    folder = SEGMENTS / name
    meta = as_dbt_reads(read_yaml(folder / f"seg_{name}.yml"))["models"][0]["config"]["meta"]
    return {
        "name": f"seg_{name}",
        "resource_type": "model",
        "fqn": ["segmentation", "segments", name, f"seg_{name}"],
        "raw_code": (folder / f"seg_{name}.sql").read_text(),
        "depends_on": {"nodes": ["model.segmentation.customer_features"]},
        "config": {"meta": meta | {"segment_defaults": DEFAULTS}},
    }


NODES = {name: read_node(name) for name in NAMES}


def read_exposures() -> dict[str, dict]:
    """The vendors as dbt's graph shows them."""
    found = {}
    for path in sorted(VENDORS.glob("*.yml")):
        [exposure] = as_dbt_reads(read_yaml(path))["exposures"]
        vendor = exposure["config"]["meta"]["vendor"]
        vendor["verifications"] = vendor["verifications"][:1]  # a build checks them all; here they would take half of the time
        parents = [re.sub(r"ref\('(\w+)'\)", r"model.segmentation.\1", parent) for parent in exposure.get("depends_on", [])]
        found[f"exposure.segmentation.{exposure['name']}"] = exposure | {"depends_on": {"nodes": parents}}
    return found


EXPOSURES = read_exposures()


@pytest.fixture(scope="module")
def macros() -> Macros:
    """The macros of the gate. It checks each of EXPOSURES once: they are the same in nearly every test, and took half of its time.

    The tests share the table of fields too, as all specs do in a build: there the gate notes which values were right and checks them no more.
    """
    macros, known = Macros(PROJECT / "macros/segments", PROJECT / "macros/cross_db"), {}
    fields = macros.spec_fields()
    macros.context["spec_fields"] = lambda: fields
    check = macros.context["vendor_problems_of"]

    def check_once(exposure: dict):
        if not any(exposure is one for one in EXPOSURES.values()):
            return check(exposure)
        if exposure["name"] not in known:
            known[exposure["name"]] = check(exposure)
        return known[exposure["name"]]

    macros.context["vendor_problems_of"] = check_once
    return macros


def spec_of(node: dict) -> dict:
    return node["config"]["meta"]["segment"]


def change(spec: dict, path: str, value) -> None:
    """Set what a path like `versions.0.author` names, or take it out with ABSENT."""
    *parents, last = (int(part) if part.isdigit() else part for part in path.split("."))
    for part in parents:
        spec = spec[part]
    if value is ABSENT:
        del spec[last]
    else:
        spec[last] = value


def refusals(macros: Macros, nodes: list[dict], locks: str = NO_LOCKS, exposures: dict | None = None) -> list[str]:
    """The lines of the gate for these segments, this lock file and these vendors; none when it lets them pass."""
    seed = {"resource_type": "seed", "checksum": {"checksum": hashlib.sha256(locks.encode()).hexdigest()}}
    graph = {f"model.segmentation.{node['name']}": node for node in nodes}
    macros.context["graph"]["nodes"] = graph | {"seed.segmentation.segment_locks": seed}
    macros.context["graph"]["exposures"] = EXPOSURES if exposures is None else exposures
    released = macros.context["segment_locks_csv"]
    macros.context["segment_locks_csv"] = lambda: locks
    try:
        macros.assert_segment_specs()
    except Refused as refused:
        head, *lines = str(refused).split("\n")
        assert head == "The segment specs are refused, nothing is built:"
        return lines
    finally:
        macros.context["segment_locks_csv"] = released
    return []


def broken(name: str, /, **changes) -> dict:
    """A copy of a segment's node with parts of its spec changed; `__` stands for the dot of a path."""
    node = copy.deepcopy(NODES[name])
    spec = spec_of(node)
    for field, value in changes.items():
        spec.setdefault(field.split("__")[0], copy.deepcopy(DEFAULTS.get(field.split("__")[0])))
        change(spec, field.replace("__", "."), copy.deepcopy(value))
    return node


def test_the_projects_specs_pass(macros):
    assert len(NAMES) >= 23
    assert refusals(macros, list(NODES.values())) == []


# DESIGN 7; what a shop adds later begins after what is on record
FROM_THE_START = """at_risk_loyal bargain_hunter big_spenders browse_heavy_low_purchase cart_abandoner category_interest champions churn_risk drifting
    email_engaged existing_customer former_high_value_at_risk frequent_buyer high_aov_one_time_buyer high_intent_visitor high_lifetime_value
    high_value_repeat likely_to_churn lost_customers low_value loyalists mobile_first new_customers new_subscriber_no_purchase new_visitor
    one_time_buyer predicted_high_ltv promising repeat_buyer seasonal_gift_giver seasonal_shopper vip vip_top_5_percent weekly_replenisher"""


@pytest.mark.parametrize("name", NAMES)
def test_every_spec_has_a_playbook(name):
    assert spec_of(NODES[name])["playbook"]["campaign_ideas"]


@pytest.mark.parametrize("name", FROM_THE_START.split())
def test_the_first_version_of_the_designs_segments_is_from_1900(name):
    assert spec_of(NODES[name])["versions"][0]["effective_from"] == "1900-01-01 00:00:00"


OWN_FIELDS = """segment_id name description_plain status priority trigger persistence rule_kind data_inputs identifiers
    lawful_basis purpose privacy_impact retention on_consent_loss opt_out_path owner metrics versions"""
SHARED_FIELDS = """spec_schema_version timezone jurisdictions regime default_posture data_subjects minors_policy sale_or_share
    special_category cross_border automated_decision backup_retention privacy_notice_ref data_steward sampling
    min_publish_size vendors downstream_uses export_controls consent_text_review holdback"""


@pytest.mark.parametrize("field", OWN_FIELDS.split())
def test_a_missing_field_is_named(macros, field):
    lines = refusals(macros, [broken("vip", **{field: ABSENT})])
    assert [line for line in lines if line.startswith(f"segment vip, field {field}: is missing; it must be ")] == lines
    assert lines


@pytest.mark.parametrize("field", SHARED_FIELDS.split())
def test_a_missing_shared_field_is_named(macros, field):
    node = copy.deepcopy(NODES["repeat_buyer"])
    del node["config"]["meta"]["segment_defaults"][field]
    lines = refusals(macros, [node])
    assert len(lines) == 1
    assert lines[0].startswith(f"segment repeat_buyer, field {field}: is missing; it must be ")


VERSION = spec_of(NODES["vip"])["versions"][0]
LATER = VERSION | {"number": 2, "effective_from": "2026-05-01 00:00:00"}
HIGH = {"privacy_impact": "high", "dpia_ref": "DPIA-2026-01"}
PROBABILISTIC = {"allow_match_class": ["deterministic", "probabilistic"], "min_score": 0.9,
                 "requires_consent_purpose": "identity.cross_device_linking"}
MAILING = spec_of(NODES["vip"])["downstream_uses"][0]
ABROAD = {"transfers": True, "countries": ["US"], "transfer_basis": "sccs"}

# segment, what is changed to what, the field that the line must name, words that it must hold
BROKEN = [
    ("vip", {"segment_id": "Vip"}, "segment_id", "text like repeat_buyer"),
    ("vip", {"segment_id": "1vip"}, "segment_id", "text like repeat_buyer"),
    ("vip", {"segment_id": "x'); drop table members; --"}, "segment_id", "text like repeat_buyer"),
    ("vip", {"segment_id": "v" * 64}, "segment_id", "text like repeat_buyer"),
    ("vip", {"segment_id": "other"}, "segment_id", 'it must be "vip"'),
    ("vip", {"name": 7}, "name", "plain text"),
    ("vip", {"name": {"first": "V", "last": "IP"}}, "name", "is a mapping"),
    ("vip", {"name": "  "}, "name", "plain text"),
    ("vip", {"name": "a\x00b"}, "name", "plain text"),
    ("vip", {"description_plain": "x" * 501}, "description_plain", "at most 500 characters"),
    ("vip", {"status": "live"}, "status", "one of draft, active, paused, retired"),
    ("vip", {"priority": "10"}, "priority", "a whole number"),
    ("vip", {"priority": True}, "priority", "a whole number"),
    ("vip", {"priority": 0}, "priority", "at least 1"),
    ("vip", {"timezone": "Middle/Earth"}, "timezone", "IANA"),
    ("vip", {"spec_schema_version": "1.0"}, "spec_schema_version", "text like 1.0.0"),
    ("vip", {"trigger": []}, "trigger", "is an empty list"),
    ("vip", {"trigger": ["purchase", "sneeze"]}, "trigger[2]", "one of page_view"),
    ("vip", {"trigger": ["purchase", "purchase"]}, "trigger", "twice"),
    ("vip", {"trigger": "purchase"}, "trigger", "a list"),
    ("vip", {"sampling": "half"}, "sampling", "it must be none"),
    ("vip", {"jurisdictions": ["DE", False]}, "jurisdictions[2]", "is false; it must be text like DE"),
    ("vip", {"regime": ["gdpr", "hipaa"]}, "regime[2]", "one of gdpr"),
    ("vip", {"default_posture": {"gdpr": "opt_in"}}, "default_posture.ccpa", "is missing"),
    ("vip", {"default_posture__gdpr": "hidden"}, "default_posture.gdpr", "one of opt_in, opt_out, notice_only"),
    ("vip", {"colour": "red"}, "colour", "not a known field"),
    ("vip", {"retention__colour": "red"}, "retention.colour", "not a known field"),
    ("vip", {"rule": {"all": []}}, "rule", "not a known field"),
    ("vip", {"data_inputs__0__dataset": "payroll"}, "data_inputs[1].dataset", "one of orders"),
    ("vip", {"data_inputs__0__data_category": "user.health"}, "data_inputs[1].data_category", "one of user.behavior"),
    ("vip", {"data_inputs__0__source_kind": "rumour"}, "data_inputs[1].source_kind", "one of crm"),
    ("vip", {"data_inputs__0__columns": ["order_count", "net_spend"]}, "data_inputs", "leaves out the column last_order_at"),
    ("vip", {"data_inputs__0__columns": ["order_count", "net_spend", "last_order_at", "country"]}, "data_inputs",
     "names the column country, which the SQL does not read"),
    ("vip", {"identifiers": ["passport"]}, "identifiers[1]", "one of customer_id"),
    ("vip", {"identity_policy": ABSENT}, "identity_policy", "more than one identifier"),
    ("vip", {"identity_policy": PROBABILISTIC | {"requires_consent_purpose": None}, **HIGH},
     "identity_policy.requires_consent_purpose", "probabilistic"),
    ("vip", {"identity_policy": PROBABILISTIC | {"min_score": None}, **HIGH}, "identity_policy.min_score", "probabilistic"),
    ("vip", {"special_category": True, **HIGH}, "special_category_basis", "special_category is true"),
    ("vip", {"automated_decision": {"significant_effect": True, "human_review": True}, **HIGH}, "automated_decision.basis",
     "significant_effect is true"),
    ("vip", {"cross_border": ABROAD | {"countries": []}, **HIGH}, "cross_border.countries", "transfers is true"),
    ("vip", {"cross_border": ABROAD | {"transfer_basis": "none"}, **HIGH}, "cross_border.transfer_basis", "exactly where"),
    ("vip", {"sale_or_share": True, "default_posture": {"gdpr": "opt_in", "ccpa": "notice_only"}, **HIGH},
     "default_posture.ccpa", "opt_out or opt_in"),
    ("vip", {"lawful_basis": "because"}, "lawful_basis", "one of consent"),
    ("vip", {"vendors": b""}, "vendors", "is binary data; it must be a list"),
    ("vip", {"lawful_basis": "contract"}, "lawful_basis", "must be consent or legitimate_interests"),
    ("vip", {"lawful_basis": "recognised_legitimate_interests"}, "lawful_basis", "must be consent or legitimate_interests"),
    ("vip", {"lawful_basis": "public_task"}, "lawful_basis", "must be consent or legitimate_interests"),
    ("vip", {"lawful_basis": "vital_interests"}, "lawful_basis", "must be consent or legitimate_interests"),
    ("vip", {"lawful_basis": "legal_obligation"}, "lawful_basis", "must be consent or legitimate_interests"),
    ("vip", {"lia_ref": ABSENT}, "lia_ref", "balancing test"),
    ("vip", {"consent_purposes": ["marketing.advertising.profiling"]}, "consent_purposes", "left out"),
    ("repeat_buyer", {"eprivacy_basis": "consent"}, "eprivacy_basis", "must not be consent"),
    ("vip", {"eprivacy_basis": "not_applicable"}, "eprivacy_basis", "uses e-mail or SMS"),
    ("repeat_buyer", {"eprivacy_basis": "soft_opt_in"}, "eprivacy_basis", "needs a use on the channel email"),
    ("new_subscriber_no_purchase", {"eprivacy_basis": "soft_opt_in"}, "eprivacy_basis", "another lawful_basis than consent"),
    ("vip", {"purpose": "marketing.magic"}, "purpose", "one of marketing.communications.email"),
    ("vip", {"purpose": "functional.storage"}, "purpose", "one of marketing.communications.email"),
    ("repeat_buyer", {"purpose": "marketing.communications.sms"}, "eprivacy_basis", "uses e-mail or SMS"),
    ("vip", {"privacy_impact": "low"}, "privacy_impact", "must be medium or high, because persistence"),
    ("vip", {"privacy_impact": "high"}, "dpia_ref", "impact assessment"),
    ("vip", {"special_category": "no"}, "special_category", "true or false"),
    ("vip", {"sensitive_pi_use": None}, "sensitive_pi_use", "ccpa"),
    ("vip", {"minors_policy": "all"}, "minors_policy", "one of excluded"),
    ("vip", {"min_publish_size": 4}, "min_publish_size", "at least 5"),
    ("vip", {"cross_border__transfer_basis": "sccs"}, "cross_border.transfer_basis", "exactly where"),
    ("vip", {"retention": "for ever"}, "retention", "a mapping with trigger, duration"),
    ("vip", {"retention__duration": "P1M"}, "retention.duration", "text like P30D"),
    ("vip", {"retention__duration": "P365D"}, "retention.duration", "must be null"),
    ("vip", {"retention__review_every": ABSENT}, "retention.review_every", "dated review"),
    ("vip", {"retention__next_review_on": ABSENT}, "retention.next_review_on", "dated review"),
    ("vip", {"retention__next_review_on": "2027-02-30"}, "retention.next_review_on", "a real day"),
    ("vip", {"retention__next_review_on": "soon"}, "retention.next_review_on", "a real day"),
    ("vip", {"retention__next_review_on": datetime.date(2027, 1, 15)}, "retention.next_review_on", "in quotes"),
    ("vip", {"retention__trigger": "last_activity"}, "retention.duration", "needs a number of days"),
    ("vip", {"backup_retention": "35 days"}, "backup_retention", "text like P30D"),
    ("vip", {"on_consent_loss": ["shrug"]}, "on_consent_loss[1]", "one of remove_flag"),
    ("vip", {"opt_out_path__as_easy_as_opt_in": False}, "opt_out_path.as_easy_as_opt_in", "it must be true"),
    ("vip", {"opt_out_path__url": "javascript:alert(1)"}, "opt_out_path.url", "/privacy/choices"),
    ("vip", {"currency": ABSENT}, "currency", "an input is money"),
    ("vip", {"metrics": ["vibes"]}, "metrics[1]", "one of size"),
    ("vip", {"rule_kind": "model"}, "model_ref", "rule_kind is model"),
    ("vip", {"vendors": [{"vendor_id": "acme", "call_id": "score", "client_side": False}]}, "vendors[1].vendor_id",
     "no known vendor"),
    ("vip", {"vendors": [{"vendor_id": "acme", "call_id": "score", "client_side": True}]}, "vendors[1].client_side",
     "it must be false"),
    ("vip", {"downstream_uses": [{"use": "mail", "channel": "email", "destination": "esp", "vendor_id": "acme",
                                  "purpose": "marketing.communications.email"}]},
     "downstream_uses[1].vendor_id", "no known vendor"),
    ("vip", {"vendors": [{"vendor_id": "umfrago_surveys", "call_id": "score", "client_side": False}]}, "vendors[1].call_id",
     "must be a call of umfrago_surveys in the manifest: fetch_answers"),
    ("vip", {"data_inputs__0__source_kind": "vendor", **HIGH}, "data_inputs[1].source_system", "one of the vendors of the spec: none"),
    ("vip", {"downstream_uses__0__purpose": "third_party_sharing"}, "downstream_uses[1].purpose",
     "on the channel email it must be marketing.communications.email"),
    ("vip", {"downstream_uses__0__vendor_id": "werbehafen_ads"}, "downstream_uses[1].channel",
     "which werbehafen_ads does not serve; the manifest says: paid_ads"),
    ("vip", {"downstream_uses": [MAILING, MAILING]}, "downstream_uses[2]", "twice"),
    ("vip", {"downstream_uses__0__destination": "the list; drop"}, "downstream_uses[1].destination", "text like newsletter_tool"),
    ("existing_customer", {"downstream_uses__0__vendor_id": ABSENT}, "downstream_uses[1].vendor_id", "advertising elsewhere"),
    ("existing_customer", {"sale_or_share": False}, "sale_or_share", "is sharing (CCPA); it must be true"),
    ("vip", {"holdback": ABSENT}, "holdback", "must plan its own"),
    ("vip", {"holdback__percent": 60}, "holdback.percent", "at most 50"),
    ("vip", {"consent_text_review__notice": "notices/v1"}, "consent_text_review.notice", "the notice of the spec, notices/v2"),
    ("vip", {"consent_text_review__reviewed_by": "Data-Engineering"}, "consent_text_review.reviewed_by", "somebody else"),
    ("vip", {"consent_text_review__reviewed_on": "lately"}, "consent_text_review.reviewed_on", "a real day"),
    ("vip", {"export_controls__columns": ["email"]}, "export_controls.columns[1]", "it must be member_key"),
    ("vip", {"export_controls__regions": ["other"]}, "export_controls.regions", "leaves out eea; nordpost_mail handles data in DE, NL"),
    ("vip", {"versions": []}, "versions", "is an empty list"),
    ("vip", {"versions__0__approver": "Data-Engineering"}, "versions[1].approver", "somebody else"),
    ("vip", {"versions__0__approver": ABSENT}, "versions[1].approver", "is missing"),
    ("vip", {"versions__0__reason": ""}, "versions[1].reason", "plain text"),
    ("vip", {"versions__0__number": 2}, "versions[1].number", "it must be 1"),
    ("vip", {"versions__0__effective_from": "1900-01-01"}, "versions[1].effective_from", "2026-03-02 00:00:00"),
    ("vip", {"versions__0__effective_from": "2025-02-29 00:00:00"}, "versions[1].effective_from", "a real UTC instant"),
    ("vip", {"versions__0__effective_from": "2025-01-01 24:00:00"}, "versions[1].effective_from", "a real UTC instant"),
    ("vip", {"versions__0__parameters__min_net_spend": ABSENT}, "versions.parameters.min_net_spend", "the SQL uses"),
    ("vip", {"versions__0__parameters__min_age": 3}, "versions.parameters.min_age", "not used in the SQL"),
    ("vip", {"versions__0__parameters__min_net_spend": None}, "versions[1].parameters.min_net_spend", "is missing"),
    ("vip", {"versions__0__parameters__min_net_spend": math.inf}, "versions[1].parameters.min_net_spend", "4 decimals"),
    ("vip", {"versions__0__parameters__min_net_spend": 0.00001}, "versions[1].parameters.min_net_spend", "4 decimals"),
    ("vip", {"versions__0__parameters__min_order_count": 2**31}, "versions[1].parameters.min_order_count", "2147483647"),
    ("vip", {"versions__0__parameters": [3, 500]}, "versions[1].parameters", "a mapping of parameter names to values"),
    ("vip", {"versions__0__parameters": {"min order": 1}}, "versions[1].parameters.min order", "not a parameter name"),
    ("vip", {"versions__0__parameters": {"spec_version": 1}}, "versions[1].parameters.spec_version", "choose another"),
    ("vip", {"versions__0__stability": 1}, "versions[1].stability", "2"),
    ("vip", {"versions__0__stability": 13}, "versions[1].stability", "12"),
    ("vip", {"versions__0__stability": "3"}, "versions[1].stability", "number"),
    ("vip", {"versions": [VERSION, LATER | {"number": 3}]}, "versions[2].number", "it must be 2"),
    ("vip", {"versions": [VERSION, LATER | {"effective_from": "1900-01-01 00:00:00"}]}, "versions[2].effective_from",
     "later than"),
    ("vip", {"versions": [VERSION, LATER | {"parameters": {"min_order_count": 3}}]}, "versions[2].parameters",
     "must name the same"),
    ("vip", {"versions": [VERSION, LATER | {"parameters": {"min_order_count": "3", "min_net_spend": 500.0}}]},
     "versions[2].parameters.min_order_count", "of one kind"),
    ("cart_abandoner", {"consent_purposes": ABSENT}, "consent_purposes", "is missing"),
    ("cart_abandoner", {"consent_purposes": []}, "consent_purposes", "is an empty list"),
    ("cart_abandoner", {"consent_purposes": ["third_party_sharing"]}, "consent_purposes", "must name personalize"),
    ("cart_abandoner", {"consent_purposes": ["personalize.content.profiled"]}, "consent_purposes[1]", "one of"),
    ("cart_abandoner", {"versions__1__min_notice_version": ABSENT}, "versions[2].min_notice_version", "oldest notice"),
    ("cart_abandoner", {"on_consent_loss": ["remove_flag", "stop_sends"]}, "on_consent_loss", "leaves out delete_features"),
    ("cart_abandoner", {"eprivacy_basis": ABSENT}, "eprivacy_basis", "read from a device"),
    ("cart_abandoner", {"eprivacy_basis": "not_applicable"}, "eprivacy_basis", "read from a device"),
    ("cart_abandoner", {"retention__duration": None}, "retention.duration", "needs a number of days"),
    ("cart_abandoner", {"retention": {"trigger": "until_erasure_request", "reset_on_activity": False, "plain_text": "Kept."}},
     "retention.review_every", "dated review"),
    ("new_subscriber_no_purchase", {"eprivacy_basis": "not_applicable"}, "eprivacy_basis", "uses e-mail or SMS"),
]


@pytest.mark.parametrize(("name", "changes", "field", "words"), BROKEN,
                         ids=[f"{name}-{'-'.join(changes)}-{number}" for number, (name, changes, *_) in enumerate(BROKEN)])
def test_a_broken_field_is_named(macros, name, changes, field, words):
    lines = refusals(macros, [broken(name, **changes)])
    named = [line for line in lines if line.startswith(f"segment {name}, field {field}: ")]
    assert len(named) == 1, lines
    assert words in named[0]
    # one slip, one line; a review has two fields
    assert len(lines) == 1 or field == "retention.review_every"


SURVEYS = {"vendor_id": "umfrago_surveys", "call_id": "fetch_answers", "client_side": False}
IMPACTS = [
    ({"special_category": True, "special_category_basis": "explicit_consent"}, "special_category"),
    ({"data_inputs__0__data_category": "user.location.precise"}, "precise location"),
    ({"data_inputs__0__data_category": "user.children"}, "minors"),
    ({"minors_policy": "teen_opt_in"}, "minors"),
    ({"cross_border": ABROAD}, "cross_border"),
    ({"data_inputs__0__source_kind": "vendor", "data_inputs__0__source_system": "umfrago_surveys", "vendors": [SURVEYS]}, "third parties"),
    ({"data_inputs__0__source_kind": "external_append", "data_inputs__0__source_system": "umfrago_surveys", "vendors": [SURVEYS]},
     "third parties"),
    ({"vendors": [SURVEYS, {"vendor_id": "kummerkasten_desk", "call_id": "fetch_tickets", "client_side": False}]}, "more than one vendor"),
    ({"data_inputs__0__source_kind": "crm", "data_inputs__1__source_kind": "payment"}, "crm and payment"),
    ({"identity_policy": PROBABILISTIC}, "probabilistic"),
    ({"sale_or_share": True}, "sale_or_share"),
    ({"automated_decision": {"significant_effect": True, "human_review": True, "basis": "explicit_consent"}},
     "automated_decision"),
]


@pytest.mark.parametrize(("changes", "reason"), IMPACTS, ids=[reason + str(n) for n, (_, reason) in enumerate(IMPACTS)])
def test_each_high_risk_raises_the_floor(macros, changes, reason):
    [line] = refusals(macros, [broken("vip", **changes)])
    assert line.startswith("segment vip, field privacy_impact: is medium; it must be high, because ")
    assert reason in line
    assert refusals(macros, [broken("vip", **changes, **HIGH)]) == []


def test_only_a_session_without_vendor_is_low(macros):
    spec = {"persistence": "session", "identifiers": ["session_id"], "vendors": []}
    assert macros.privacy_impact_floor(spec)[0] == "low"
    assert macros.privacy_impact_floor(spec | {"identifiers": ["cookie_id"]})[0] == "medium"
    assert macros.privacy_impact_floor(spec | {"persistence": "persistent"})[0] == "medium"
    assert macros.privacy_impact_floor(spec | {"vendors": [{}]})[0] == "medium"
    assert macros.privacy_impact_floor(spec | {"vendors": [{}, {}]})[0] == "high"
    assert macros.privacy_impact_floor(spec | {"downstream_uses": [MAILING]})[0] == "medium"


def test_lawful_basis_is_not_inherited(macros):
    node = broken("vip", lawful_basis=ABSENT)
    node["config"]["meta"]["segment_defaults"] = DEFAULTS | {"lawful_basis": "legitimate_interests"}
    assert refusals(macros, [node]) == [
        "segment vip, field lawful_basis: stands in segment_defaults; it must stand in the spec of each segment"
    ]


def test_all_problems_of_all_segments_come_at_once(macros):
    lines = refusals(macros, [broken("vip", owner=ABSENT, status="live"), broken("repeat_buyer", lia_ref=ABSENT)])
    assert [line.split(":")[0] for line in lines] == [
        "segment repeat_buyer, field lia_ref", "segment vip, field status", "segment vip, field owner",
    ]


def test_ids_and_priorities_are_not_shared(macros):
    [line] = refusals(macros, [NODES["repeat_buyer"], broken("vip", priority=80)])
    assert line == "segment vip, field priority: is 80 as in segment repeat_buyer; it must be its own"


def test_a_spec_states_the_zone_by_whose_days_its_features_are_computed(macros, monkeypatch):
    """An auditor reads the spec, the features read the project's variable: with two zones one of them says what is not so."""
    nodes = [broken("champions", timezone="Asia/Tokyo", status="retired"), NODES["repeat_buyer"], NODES["vip"]]
    assert refusals(macros, nodes) == [
        "segment champions, field timezone: is Asia/Tokyo in its spec, but local days are those of UTC, the variable timezone "
        "(dbt_project.yml or --vars); state UTC in its spec and release the segment"
    ]
    monkeypatch.setitem(macros.context, "var", {"timezone": "Asia/Tokyo"}.__getitem__)
    assert refusals(macros, nodes) == [
        "segment repeat_buyer and 1 more, field timezone: is UTC in segment_defaults, but local days are those of Asia/Tokyo, the variable "
        "timezone (dbt_project.yml or --vars); state Asia/Tokyo in segment_defaults and release the segments, or give the variable this value "
        "before the first build"
    ]
    # one slip, one line: what is no zone is compared with none, and another slip of a spec hides nothing
    assert [line.split(":")[0] for line in refusals(macros, [broken("repeat_buyer", timezone="Middle/Earth"), broken("vip", owner=ABSENT)])] == [
        "segment repeat_buyer, field timezone", "segment vip, field owner", "segment vip, field timezone"
    ]


def test_folder_and_model_carry_the_id(macros):
    node = copy.deepcopy(NODES["vip"])
    node["fqn"][-2] = "people"
    [line] = refusals(macros, [node])
    assert line == "segment vip, field segment_id: lies in the folder people; it must be models/segments/vip"


def test_a_rule_reads_customer_features_only(macros):
    node = copy.deepcopy(NODES["vip"])
    node["depends_on"]["nodes"].append("model.segmentation.orders")
    [line] = refusals(macros, [node])
    assert line.startswith("segment vip, field data_inputs: does not cover model.segmentation.orders")


# where the rule of vip goes on; each would read, or hide, what the spec does not declare
HOSTILE_RULES = {
    "another relation": "or exists (select 1 from restricted.vault.hmac_keys)",
    "a file": "or exists (select 1 from read_csv('/etc/passwd'))",
    "a path": "or exists (select 1 from '/etc/passwd')",
    "a relation after a comma": "or exists (select 1 from features, pg_tables)",
    "an environment variable": "or {{ env_var('HOME') }} = 'x'",
    "SQL in the argument of a macro": "or {{ in_last_days('features.as_of) or (true', 30, 'features.as_of') }}",
    "a Jinja statement": "{% if true %}or true{% endif %}",
    "an undeclared column with blanks": "or features . is_subscribed",
    "an undeclared column in quotes": 'or features."is_subscribed"',
    "an undeclared column without its relation": "or is_subscribed",
    "another alias": "or exists (select 1 from features as f where f.is_subscribed)",
    "all columns": "or exists (select features.* from features)",
    "the clock": "or current_timestamp > features.as_of",
    "chance": "or random() > 0.5",
    "a setting": "or getvariable('x') = 1",
    "another statement": "; drop table members",
    "a cast that only some engines know": "or features.order_count::varchar = '1'",
    "a quote by dollars": "or $$x$$ = 'x'",
}


@pytest.mark.parametrize("case", HOSTILE_RULES)
def test_a_rule_may_use_what_is_listed_and_nothing_else(macros, case):
    node = copy.deepcopy(NODES["vip"])
    node["raw_code"] = node["raw_code"].replace("\n)\n\nselect * from members", f"\n        {HOSTILE_RULES[case]}\n)\n\nselect * from members")
    assert node["raw_code"] != NODES["vip"]["raw_code"]
    lines = refusals(macros, [node])
    assert lines and any(line.startswith("segment vip, field rule: has ") and " in its SQL; it may use features.<column>" in line for line in lines)


@pytest.mark.parametrize("comment", ["-- harmless\r or true", "-- {{ '\\n' }} or true", "/* {{ '*/ or true /*' }} */", "-- {% raw %}"])
def test_no_comment_of_a_rule_hides_anything_from_its_lock(macros, comment):
    """DuckDB ends a comment at a carriage return, and Jinja prints into comments."""
    node = copy.deepcopy(NODES["vip"])
    node["raw_code"] += comment
    lines = refusals(macros, [node])
    assert any(line.startswith(("segment vip, field rule: has a carriage return", "segment vip, field rule: has Jinja in the comment")) for line in lines)


def test_a_rule_may_have_windows_line_ends_and_jinja_comments(macros):
    node = copy.deepcopy(NODES["vip"])
    node["raw_code"] = "{# it's -- a {{ comment }} #}\n" + node["raw_code"].replace("\n", "\r\n")
    assert refusals(macros, [node]) == []


@pytest.mark.parametrize("author, approver", [("ann", "ann\u200b"), ("ann", "\u202eann"), ("ann", "\u0430nn"), ("ann lee", "ann  lee"), ("ann", "ann\xad")])
def test_an_approver_is_not_the_author_in_disguise(macros, author, approver):
    lines = refusals(macros, [broken("vip", versions__0__author=author, versions__0__approver=approver)])
    assert any(line.startswith("segment vip, field versions[1].approver: is ") for line in lines)


@pytest.mark.parametrize("text", ["\u200b", "\u202eVIP", "V\u2060IP", "\ufeffVIP"])
def test_a_name_has_no_characters_that_nobody_sees(macros, text):
    [line] = refusals(macros, [broken("vip", name=text)])
    assert line.startswith("segment vip, field name: is ")


def test_a_column_that_no_feature_has_is_not_asked_to_be_declared(macros):
    features = {"resource_type": "model", "name": "customer_features", "columns": {"net_spend": {"meta": {}}, "last_order_at": {"meta": {}}}}
    for declared in (["net_spend", "last_order_at"], ["net_spend", "last_order_at", "order_count"]):
        [line] = refusals(macros, [broken("vip", data_inputs__0__columns=declared), features])
        assert line == ("segment vip, field data_inputs: cannot name the column order_count, which the SQL reads: "
                        "customer_features has none of this name")


COLUMN_TYPES = {"order_count": "bigint", "net_spend": "decimal(18,2)", "last_order_at": "timestamp", "value_class": "string",
                "order_count_90d": "bigint", "median_days_between_orders": "decimal(18,4)", "site_order_count": "bigint",
                "site_net_spend": "decimal(38,2)"}
# segment, parameter, value, and the sentence that refuses it; where the SQL does not tell the kind, digits in quotes all the same
KINDS = [
    ("vip", "min_order_count", "5", 'is "5", a text, but the SQL compares it with features.order_count, a number; write it without quotes, as 5'),
    ("vip", "min_net_spend", " 40.00", 'is " 40.00", a text, but the SQL compares it with features.net_spend, a number; write it without quotes, as 40.00'),
    ("vip", "min_order_count", "five", 'is "five", a text, but the SQL compares it with features.order_count, a number; write a number, without quotes'),
    ("vip", "min_order_count", True, "is true, a boolean, but the SQL compares it with features.order_count, a number; write a number, without quotes"),
    ("big_spenders", "value_class", 5, 'is 5, a number, but the SQL compares it with features.value_class, a text; write it in quotes, as "5"'),
    ("weekly_replenisher", "min_median_days", "5",
     'is "5", a text, but the SQL compares it with features.median_days_between_orders, a number; write it without quotes, as 5'),
    ("weekly_replenisher", "max_median_days", "10",
     'is "10", a text, but the SQL compares it with features.median_days_between_orders, a number; write it without quotes, as 10'),
    ("bargain_hunter", "min_discounted_share", "0.7", 'is "0.7", a text, but the SQL calculates with it; write it without quotes, as 0.7'),
    ("new_subscriber_no_purchase", "subscribed_within_days", "30", 'is "30", a text, but the SQL calculates with it; write it without quotes, as 30'),
    ("at_risk_loyal", "min_days_since_last_order", "120",
     'is "120", a text, but nothing in the SQL asks for a text; write it without quotes, as 120'),
]


def typed_features(name: str) -> dict:
    """customer_features as dbt's graph shows it, with what a segment reads."""
    read = re.findall(r"features\.(\w+)", NODES[name]["raw_code"])
    columns = {column: {"data_type": COLUMN_TYPES.get(column), "meta": {}} for column in read}
    return {"resource_type": "model", "name": "customer_features", "columns": columns}


@pytest.mark.parametrize(("name", "parameter", "value", "sentence"), KINDS, ids=[f"{row[1]}-{row[2]}" for row in KINDS])
def test_a_parameter_is_of_the_kind_that_the_sql_needs(macros, name, parameter, value, sentence):
    features = typed_features(name)
    assert refusals(macros, [NODES[name], features]) == []
    [line] = refusals(macros, [broken(name, **{f"versions__0__parameters__{parameter}": value}), features])
    assert line == f"segment {name}, field versions[1].parameters.{parameter}: {sentence}"


def test_digits_that_are_compared_with_a_text_stay_a_text(macros):
    assert refusals(macros, [broken("big_spenders", versions__0__parameters__value_class="5"), typed_features("big_spenders")]) == []


def test_consented_data_needs_its_consent(macros):
    features = {"resource_type": "model", "name": "customer_features", "columns": {
        "net_spend": {"meta": {}}, "last_order_at": {"meta": {}},
        "order_count": {"meta": {"purpose": "personalize.content.profiling"}},
    }}
    nodes = [NODES["vip"], features]
    [line] = refusals(macros, nodes)
    assert line == (
        "segment vip, field consent_purposes: leaves out personalize.content.profiling; the SQL reads order_count,"
        " which is collected under it, so the segment needs that consent"
    )
    features["columns"]["order_count"]["meta"] = {}
    assert refusals(macros, nodes) == []


@pytest.mark.parametrize(
    ("spec", "shown"), [(None, "null"), ("vip", '"vip"'), ([], "a list"), (7, "7"), (True, "true"), (ABSENT, "null")]
)
def test_a_spec_that_is_no_mapping(macros, spec, shown):
    node = copy.deepcopy(NODES["vip"])
    change(node["config"]["meta"], "segment", spec)
    assert refusals(macros, [node]) == [
        f"segment vip, field config.meta.segment: is {shown}; it must be the spec, a mapping of fields"
    ]
    node = copy.deepcopy(NODES["vip"])
    node["config"]["meta"]["segment_defaults"] = spec
    if spec is not ABSENT:
        [line] = refusals(macros, [node])
        assert line.startswith(f"segment vip, field config.meta.segment_defaults: is {shown}; ")


HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | st.datetimes() | st.binary(max_size=3)
    | st.text(max_size=20)
    | st.sampled_from(["'", "''", "x'); drop table t; --", "{{ 1 / 0 }}", "\x00", "\ud800", "P" + "9" * 400 + "D", "../.."]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.none() | st.booleans() | st.integers() | st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(value, path=()):
    """The path of every part of a spec."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield (*path, key)
        yield from places(part, (*path, key))


PLACES = {name: list(places(DEFAULTS | spec_of(NODES[name]))) for name in ("vip", "cart_abandoner")}


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_hostile_values_give_a_sentence(macros, data):
    """Whatever stands at one place of a spec: it passes, or every line names the segment and a field, on one line."""
    name = data.draw(st.sampled_from(sorted(PLACES)))
    node = copy.deepcopy(NODES[name])
    node["config"]["meta"]["segment"] = copy.deepcopy(DEFAULTS | spec_of(node))
    change(spec_of(node), ".".join(map(str, data.draw(st.sampled_from(PLACES[name])))), data.draw(HOSTILE))
    for line in refusals(macros, [node]):
        assert re.fullmatch(rf"segment {name}, field [^\n]+: [^\n]+; [^\n]+", line), line
        assert line.isprintable() or not line.isascii()


@settings(max_examples=200, deadline=None)
@given(value=st.integers() | st.floats() | st.text(max_size=30) | st.booleans() | st.just("x'); drop table t; --"))
def test_an_accepted_parameter_reaches_sql_unchanged(macros, value):
    """A parameter is refused, or DuckDB reads back exactly what the YAML says."""
    node = copy.deepcopy(NODES["vip"])
    spec_of(node)["versions"][0]["parameters"]["min_net_spend"] = value
    if refusals(macros, [node]):
        return
    macros.context["model"] = node
    sql = str(macros.spec_versions())
    [(number, effective_from, effective_to, _, stored)] = macros.connection.execute(sql).fetchall()
    assert (number, effective_from, effective_to) == (1, datetime.datetime(1900, 1, 1), None)
    assert stored == value if isinstance(value, str | bool) else float(stored) == value


# --- locks


def lock_file(macros: Macros, *nodes: dict) -> str:
    rows = [f"{row[0]},{row[1]},{row[2]},2026-02-27,privacy-office" for row in macros.version_hashes(list(nodes))]
    return "\n".join([NO_LOCKS, *rows])


def test_the_hash_is_the_sha256_of_parameters_date_and_rule(macros):
    node = NODES["vip"]
    text = json.dumps({"min_net_spend": 500.0, "min_order_count": 3}) + "|1900-01-01 00:00:00|" + macros.rule_text(node)
    assert macros.version_hashes([node]) == [("vip", 1, hashlib.sha256(text.encode()).hexdigest())]


REFORMATTED = [
    lambda sql: "-- a remark, isn't it\n" + sql,
    lambda sql: "{# a remark, isn't it #}\n" + sql + "\n/* and\nanother 'one */",
    lambda sql: sql.replace("\n", "\r\n"),
    lambda sql: re.sub(r"\s+", " ", sql),
    lambda sql: sql.replace("    ", "\t").replace(",\n", "\n,").replace(" >= ", ">="),
]


@pytest.mark.parametrize("reformat", REFORMATTED)
@pytest.mark.parametrize("name", ["vip", "cart_abandoner"])
def test_reformatting_breaks_no_lock(macros, name, reformat):
    node = copy.deepcopy(NODES[name])
    node["raw_code"] = reformat(node["raw_code"])
    assert node["raw_code"] != NODES[name]["raw_code"]
    for version in spec_of(node)["versions"]:
        version["parameters"] = dict(reversed(version["parameters"].items()))
    assert refusals(macros, [node], lock_file(macros, NODES[name])) == []


CHANGED = [
    lambda node: change(spec_of(node), "versions.0.parameters.min_net_spend", 499.99),
    lambda node: change(spec_of(node), "versions.0.effective_from", "1900-01-02 00:00:00"),
    lambda node: change(spec_of(node), "versions.0.stability", 3),
    lambda node: node.update(raw_code=node["raw_code"].replace("order_count >=", "order_count >")),
    lambda node: node.update(raw_code=node["raw_code"].replace("and features.net", "or features.net")),
    lambda node: node.update(raw_code=node["raw_code"] + "where '--' = '/*'"),
]


@pytest.mark.parametrize("alter", CHANGED)
def test_a_changed_release_is_refused(macros, alter):
    node = copy.deepcopy(NODES["vip"])
    alter(node)
    locks = lock_file(macros, NODES["vip"], NODES["cart_abandoner"])
    assert refusals(macros, [node, NODES["cart_abandoner"]], locks) == [
        "segment vip, version 1: rule or parameters changed since release; add a version instead"
    ]


def test_no_change_hides_in_a_quoted_text(macros):
    texts = ["where a = 'x -- y'", "where a = 'x -- z'", "where a = 'x  -- y'", "where a = 'x {# #} y'", 'where a = "x -- y"']
    assert len({macros.rule_text({"raw_code": text}) for text in texts}) == len(texts)


def test_a_new_version_beside_a_locked_one_passes(macros):
    node = broken("vip", versions=[VERSION, LATER | {"parameters": {"min_order_count": 5, "min_net_spend": 500.0}}])
    assert refusals(macros, [node], lock_file(macros, NODES["vip"])) == []


def test_a_released_version_cannot_be_taken_out(macros):
    locks = lock_file(macros, NODES["cart_abandoner"])
    node = broken("cart_abandoner")
    del spec_of(node)["versions"][1]
    assert refusals(macros, [node], locks) == [
        "segment cart_abandoner, version 2: is released, but no spec declares it; put it back,"
        " a segment ends with status retired"
    ]
    assert len(refusals(macros, [NODES["vip"]], locks)) == 2


def test_a_broken_spec_is_not_also_called_missing(macros):
    [line] = refusals(macros, [broken("vip", owner=ABSENT)], lock_file(macros, NODES["vip"]))
    assert line.startswith("segment vip, field owner: ")


def test_seed_and_copy_must_be_equal(macros):
    seed = {"resource_type": "seed", "checksum": {"checksum": "0" * 64}}
    macros.context["graph"]["nodes"] = {"seed.segmentation.segment_locks": seed}
    with pytest.raises(Refused, match="segment_locks.csv: differs from its copy"):
        macros.assert_segment_specs()
    macros.context["graph"]["nodes"] = {}
    with pytest.raises(Refused, match="segment_locks.csv: is missing"):
        macros.assert_segment_specs()


def test_every_version_of_the_project_is_locked(macros):
    nodes = list(NODES.values())
    vendors = [exposure["config"]["meta"]["vendor"] for exposure in EXPOSURES.values()]
    lists = {path.stem: hashlib.sha256(path.read_text().strip().encode()).hexdigest() for path in (PROJECT / "seeds/reference").glob("*.csv")}
    macros.context["graph"]["nodes"] = {
        f"seed.segmentation.{name}": {"checksum": {"checksum": checksum}} for name, checksum in lists.items()}
    expected = {(row[0], row[1]): row[2] for row in macros.version_hashes(nodes, macros.review_texts(nodes, vendors))}
    assert {version: lock["rule_hash"] for version, lock in read_locks(PROJECT / LOCKS).items()} == expected
    assert macros.segment_locks_csv() == (PROJECT / LOCKS).read_text().strip()


# --- vendors


SUPPORT = {"resource_type": "model", "name": "customer_features", "columns": {
    "order_count": {"meta": {"source_kind": "support"}}, "net_spend": {"meta": {}}, "last_order_at": {"meta": {}},
}}


def vendors_with(name: str, /, **changes) -> dict[str, dict]:
    """The project's vendors with parts of one manifest changed; `__` stands for the dot of a path."""
    exposures = copy.deepcopy(EXPOSURES)
    for field, value in changes.items():
        change(exposures[f"exposure.segmentation.{name}"]["config"]["meta"]["vendor"], field.replace("__", "."), value)
    return exposures


def test_c52_data_of_a_vendor_that_the_spec_does_not_declare_is_refused(macros):
    graph = macros.context["graph"]
    refusals(macros, [])
    nodes = [NODES["vip"], SUPPORT]
    assert refusals(macros, nodes) == [
        "segment vip, field vendors: leaves out kummerkasten_desk; the SQL reads order_count, which that vendor collects"]
    desk = {"vendor_id": "kummerkasten_desk", "call_id": "fetch_tickets", "client_side": False}
    assert refusals(macros, [broken("vip", vendors=[desk]), SUPPORT]) == []
    # a shop that keeps its tickets itself has no such vendor, and nothing to declare
    own = {name: exposure for name, exposure in EXPOSURES.items() if not name.endswith("desk")}
    assert refusals(macros, nodes, exposures=own) == []
    assert graph["exposures"] == own


BROKEN_VENDORS = [
    ({"vendor_id": "other_mail"}, "vendor_id", 'it must be "nordpost_mail"'),
    ({"vendor_id": "x'); drop table members; --"}, "vendor_id", "text like nordpost_mail"),
    ({"role": "friend"}, "role", "one of processor"),
    ({"calls__0__client_side": True}, "calls[1].client_side", "it must be false"),
    ({"calls__0__data_sent": ["everything"]}, "calls[1].data_sent[1]", "one of user.behavior"),
    ({"contracts": []}, "contracts", "is an empty list"),
    ({"contracts__0__art28_clauses__g": False}, "contracts[1].art28_clauses.g", "it must be true"),
    ({"contracts__0__art28_clauses__h": ABSENT}, "contracts[1].art28_clauses.h", "is missing"),
    ({"contracts__0__expires_on": "2025-01-01"}, "contracts[1].expires_on", "must not lie before signed_on"),
    ({"contracts__0__recorded_on": ABSENT}, "contracts[1].recorded_on", "is missing"),
    ({"residency": [False]}, "residency[1]", "is false; it must be text like \"NO\", in quotes"),
    ({"residency": ["US"]}, "transfer_basis", "they go to US"),
    ({"subprocessor_lists__1__subprocessors__0__country": "US"}, "transfer_basis", "they go to US"),
    ({"transfer_basis": "sccs"}, "transfer_basis", "must be none exactly where all data stay in the EEA"),
    ({"encryption__at_rest": False}, "encryption.at_rest", "it must be true"),
    ({"deletion_sla": "soon"}, "deletion_sla", "text like P30D"),
    ({"breach_notice_hours": 100}, "breach_notice_hours", "at most 72"),
    ({"collects": ["page_view"]}, "collects[1]", "one of email_event, support, survey"),
    ({"verifications__0__recorded_on": "2025-12-01"}, "verifications.recorded_on", "must not lie before checked_on"),
    ({"verifications__0__result": "fine"}, "verifications[1].result", "one of passed, failed"),
    ({"verifications__0__evidence_ref": ABSENT}, "verifications[1].evidence_ref", "is missing"),
    ({"colour": "red"}, "colour", "not a known field"),
]


@pytest.mark.parametrize(("changes", "field", "words"), BROKEN_VENDORS, ids=["-".join(row[0]) for row in BROKEN_VENDORS])
def test_a_broken_vendor_is_named(macros, changes, field, words):
    lines = refusals(macros, list(NODES.values()), exposures=vendors_with("nordpost_mail", **changes))
    assert [line for line in lines if line.startswith(f"vendor nordpost_mail, field {field}: ") and words in line] == lines
    assert len(lines) == 1


def test_a_vendor_abroad_needs_the_segment_to_say_so(macros):
    abroad = vendors_with("nordpost_mail", residency=["US"], transfer_basis="sccs")
    lines = refusals(macros, [NODES["vip"]], exposures=abroad)
    assert lines == [
        "segment vip, field export_controls.regions: leaves out other; nordpost_mail handles data in US",
        "segment vip, field cross_border.countries: leaves out US; nordpost_mail handles data there",
    ]
    declared = broken("vip", export_controls__regions=["eea", "other"], cross_border=ABROAD, **HIGH)
    assert refusals(macros, [declared], exposures=abroad) == []


def test_a_list_of_subprocessors_has_the_hash_that_was_approved(macros):
    changed = vendors_with("nordpost_mail", subprocessor_lists__1__subprocessors__1__country="BE")
    [line] = refusals(macros, [], exposures=changed)
    assert line.startswith("vendor nordpost_mail, list of 2026-02-16, field list_sha256: is not the hash of its list")


def test_whoever_receives_data_is_a_vendor_with_a_manifest(macros):
    exposures = EXPOSURES | {"exposure.segmentation.board": {
        "name": "board", "config": {"meta": {}}, "depends_on": {"nodes": ["model.segmentation.audiences"]}}}
    [line] = refusals(macros, [], exposures=exposures)
    assert line.startswith("exposure board: has no config.meta.vendor")


def test_no_data_reaches_a_vendor_past_the_permission_gate(macros):
    def node(folder, *parents):
        return {"resource_type": "model", "name": "", "fqn": ["segmentation", folder, "x"], "raw_code": "",
                "depends_on": {"nodes": [f"model.segmentation.{parent}" for parent in parents]}}

    def lines_for(*parents):
        macros.context["graph"]["nodes"] = graph
        return macros.ungated_paths({"depends_on": {"nodes": [f"model.segmentation.{parent}" for parent in parents]}})

    graph = {f"model.segmentation.{name}": node(folder, *parents) for name, folder, parents in [
        ("int_orders", "intermediate", ["stg_orders"]), ("customers", "marts", ["int_orders"]),
        ("segment_candidates", "segments", ["customers"]), ("segment_members", "segments", ["segment_candidates", "consent_state"]),
        ("consent_state", "marts", ["int_orders"]), ("audiences", "activation", []),
        ("audience_memberships", "activation", ["audiences", "segment_members", "consent_state"]),
    ]}
    assert lines_for("audience_memberships") == []
    assert lines_for("customers") == ["int_orders <- customers"]
    assert lines_for("audience_memberships", "segment_candidates") == ["int_orders <- customers <- segment_candidates"]
    assert lines_for("int_orders") == ["int_orders"]
    assert lines_for("consent_state") == ["consent_state"]
    for foreign in ("source.segmentation.vault.hmac_keys", "seed.segmentation.demo_hmac_keys", "source.segmentation.raw.consent_state"):
        assert macros.ungated_paths({"depends_on": {"nodes": [foreign]}}) == [foreign.split(".")[-1]]
    graph["model.other.segment_members"] = node("marts", "int_orders")
    assert macros.ungated_paths({"depends_on": {"nodes": ["model.other.segment_members"]}}) == ["int_orders <- segment_members"]
    graph["model.segmentation.audience_memberships"]["depends_on"]["nodes"].append("source.segmentation.raw.orders")
    assert lines_for("audience_memberships") == ["orders <- audience_memberships"]


def test_a_reviewed_spec_vendor_or_list_changes_with_a_release_only(macros):
    node, vendor = NODES["vip"], EXPOSURES["exposure.segmentation.nordpost_mail"]["config"]["meta"]["vendor"]
    rows = macros.version_hashes([], macros.review_texts([node], [vendor]))
    locks = "\n".join([NO_LOCKS, *(f"{name},0,{digest},2026-01-15,ann" for name, _, digest in rows)])
    assert [row[0] for row in rows] == ["spec.vip", "list.segment_defaults", "vendor.nordpost_mail"]
    assert refusals(macros, [node], locks) == []
    assert refusals(macros, [broken("vip", retention__plain_text="Kept.")], locks) == [
        "spec.vip: changed since its review; let its owner review it (CODEOWNERS), then run `segmentation release vip`"]
    later = {"verifications": vendor["verifications"] + vendor["verifications"][-1:]}
    assert refusals(macros, [node], locks, exposures=vendors_with("nordpost_mail", **later)) == []
    [line] = refusals(macros, [node], locks, exposures=vendors_with("nordpost_mail", deletion_sla="P90D"))
    assert line.startswith("vendor.nordpost_mail: changed since its review") and "`segmentation release vendor.nordpost_mail`" in line


# --- end to end: dbt itself, on a copy of the project with the segments and a stand-in for their one input


@pytest.fixture(scope="module")
def parsed_project(tmp_path_factory) -> Path:
    """The copy, parsed once so that each case, in test_attacks.py too, parses only what it changes."""

    def make(project: Path) -> None:
        for folder in ("macros", "models/segments", "models/activation/vendors", "seeds/reference", "tests/generic"):
            shutil.copytree(PROJECT / folder, project / folder)
        for path in [*(project / "models/segments").glob("*.*"), *(PROJECT / "models").rglob("*.md")]:
            if path.is_relative_to(project):
                path.unlink()
            else:
                shutil.copy(path, project / "models" / path.name)
        for name in ("dbt_project.yml", "profiles.yml"):
            shutil.copy(PROJECT / name, project / name)
        (project / "models/marts").mkdir()
        for name in ("marts/customer_features", "activation/audiences", "activation/audience_memberships"):
            (project / f"models/{name}.sql").write_text("{{ config(contract={'enforced': false}) }} select 1 as one")
        for name in ("staging/generic/_generic__sources.yml", "audit/_lifecycle__sources.yml"):  # the hooks of dbt_project.yml ask of them
            shutil.copy(PROJECT / "models" / name, project / "models" / Path(name).name)
        assert run_dbt(project) == ""

    return made_once(tmp_path_factory, "project of the gate", make)


@pytest.fixture
def project(parsed_project, tmp_path) -> Path:
    return Path(shutil.copytree(parsed_project, tmp_path / "project"))


def run_dbt(project: Path, *selected: str) -> str:
    """Build the stand-in, and what is selected beside it, with dbt; returns what dbt says when it refuses, else nothing."""
    from dbt.cli.main import dbtRunner

    (project / "home").mkdir(exist_ok=True)
    # the home by one name in every copy, and in a release: dbt would parse the whole project anew for another profile
    own = AS_THE_DEMO | {"DBT_WRITE_JSON": "false"}
    with environment(own), contextlib.chdir(project / "home"), parse_cache(project / "target", project=project), spared(project):
        result = dbtRunner().invoke([
            "run", "--select", "customer_features", *selected, "--quiet", "--project-dir", str(project), "--profiles-dir", str(project),
            "--target-path", str(project / "target"), "--log-path", str(project / "logs"),
        ])
        close_databases()  # a build after this one would get the databases of this ".", and not its own
    return "" if result.success else str(result.exception or [row.message for row in result.result.results])


def edit(project: Path, name: str, old: str, new: str, folder: str = "models/segments") -> None:
    path = project / folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_dbt_refuses_a_spec_without_lawful_basis(project):
    edit(project, "vip/seg_vip.yml", "lawful_basis: legitimate_interests", "")
    message = run_dbt(project)
    assert "segment vip, field lawful_basis: is missing; it must be one of consent," in message


def test_dbt_refuses_a_changed_release(project):
    edit(project, "vip/seg_vip.sql", "features.order_count >=", "features.order_count >")
    assert "segment vip, version 1: rule or parameters changed since release; add a version instead" in run_dbt(project)


def test_dbt_refuses_an_undeclared_parameter(project):
    edit(project, "vip/seg_vip.sql", "versions.min_net_spend", "versions.min_spend")
    assert "segment vip, field versions.parameters.min_spend: is missing; the SQL uses versions.min_spend" in run_dbt(project)


def test_dbt_refuses_days_of_another_zone_than_the_specs_state(project):
    sentence = "field timezone: is UTC in segment_defaults, but local days are those of Europe/Berlin"
    assert sentence in run_dbt(project, "--vars", "{timezone: Europe/Berlin}")
    edit(project, "dbt_project.yml", "\n  timezone: UTC\n", "\n  timezone: Europe/Berlin\n", ".")
    assert sentence in run_dbt(project)
    edit(project, "dbt_project.yml", "          timezone: UTC\n", "          timezone: Europe/Berlin\n", ".")
    assert "timezone: is" not in run_dbt(project)  # what is left to say is that each changed spec is to be released
    release(["all"], "privacy-office", datetime.date(2026, 11, 23), project=project)
    assert run_dbt(project) == ""


def test_dbt_refuses_a_key_written_twice(project):
    edit(project, "vip/seg_vip.yml", "          owner: crm\n", "          owner: crm\n          owner: sales\n")
    message = run_dbt(project)
    assert "owner" in message and "seg_vip.yml" in message


def test_c59_hostile_ids_unquoted_countries_and_double_keys_are_refused_before_anything_is_built(project):
    edit(project, "vip/seg_vip.yml", "segment_id: vip", "segment_id: \"x'); drop table members; --\"")
    edit(project, "vip/seg_vip.yml", "          owner: crm\n", "          owner: crm\n          jurisdictions: [DE, no]\n")
    message = run_dbt(project)
    assert "segment vip, field segment_id: is \"x'); drop table members; --\"; it must be text like repeat_buyer" in message
    assert "segment vip, field jurisdictions[2]: is false; it must be text like DE or US-CA" in message
    edit(project, "nordpost_mail.yml", "          role: processor\n", "          role: processor\n          role: controller\n",
         "models/activation/vendors")
    message = run_dbt(project)
    assert "role" in message and "nordpost_mail.yml" in message


def test_dbt_accepts_what_release_writes(project):
    before = read_locks(project / LOCKS)
    edit(project, "vip/seg_vip.yml", "              change_ref: SEG-1\n", """              change_ref: SEG-1
            - number: 2
              effective_from: "2026-12-01 00:00:00"
              parameters: {min_order_count: 4, min_net_spend: 500.00}
              author: data-engineering
              requested_by: crm
              approver: privacy-office
              reason: Fewer and better.
              change_ref: SEG-14
""")
    release(["vip"], "privacy-office", datetime.date(2026, 11, 22), project=project)
    after = read_locks(project / LOCKS)
    assert after.pop(("vip", 2))["released_at"] == "2026-11-22"
    assert after == before
    assert run_dbt(project) == ""
    (project / COPY).write_text((project / COPY).read_text().replace("2026-", "2025-"))
    assert "segment_locks.csv: differs from its copy" in run_dbt(project)


def test_release_refuses_what_the_gate_refuses(project):
    edit(project, "vip/seg_vip.yml", "owner: crm", "owner: 7")
    with pytest.raises(UserError, match="^segment vip, field owner: is 7; it must be plain text"):
        release(["vip"], "privacy-office", datetime.date(2026, 11, 23), project=project)


# --- the scaffold


FILLED = {
    "name:": "Two orders", "description_plain:": "Customers with at least two orders.", "priority:": "500", "lawful_basis:": "legitimate_interests",
    "lia_ref:": "LIA-2026-01", "eprivacy_basis:": "not_applicable", "purpose:": "marketing.advertising.profiling", "privacy_impact:": "medium",
    "trigger:": "until_erasure_request", "plain_text:": "Kept until the customer objects.", "review_every:": "P365D",
    "next_review_on:": '"2027-01-15"', "owner:": "crm", "strategy:": "Say thank you.", "channels:": "[email]", "campaign_ideas:": "[A thank-you note.]",
    "source:": "Behavioural segmentation (R4)", "effective_from:": '"1900-01-01 00:00:00"', "author:": "data-engineering", "requested_by:": "crm",
    "approver:": "privacy-office", "reason:": "First version.", "change_ref:": "SEG-99",
}


def fill(path: Path) -> None:
    """Give every empty field of a scaffolded spec a value, and its parameter."""
    lines = path.read_text().split("\n")
    for number, line in enumerate(lines):
        key = line.split("#")[0].strip()
        if key in FILLED:
            lines[number] = line.split("#")[0].rstrip() + " " + FILLED[key]
    path.write_text("\n".join(lines).replace("min_order_count: null", "min_order_count: 2"))


def test_a_scaffolded_segment_is_refused_field_by_field_until_it_is_filled_in(project):
    shutil.copy(PROJECT / UNION, project / UNION)
    new_segment("two_orders", project)
    listed = re.findall(r"\('(\w+)', ref", (project / UNION).read_text())
    (project / UNION).unlink()  # its contract stands in a file that the stand-in project has not
    assert "two_orders" in listed and listed == sorted(listed) and set(NAMES) < set(listed)
    assert (project / GOLDEN / "two_orders.csv").read_text().startswith("name,as_of,is_member")
    message = run_dbt(project)
    for field in ("name", "description_plain", "priority", "lawful_basis", "purpose", "privacy_impact", "retention.trigger", "owner",
                  "playbook.strategy", "versions[1].effective_from", "versions[1].parameters.min_order_count", "versions[1].approver"):
        assert f"segment two_orders, field {field}: is missing; it must be " in message, field
    fill(project / "models/segments/two_orders/seg_two_orders.yml")
    (project / "models/marts/customer_features.sql").write_text("""{{ config(contract={'enforced': false}, materialized='table') }}
        select cast('2026-03-02' as timestamp) as as_of, 'k' as customer_key, 2 as order_count, cast('2026-03-01' as timestamp) as last_order_at""")
    release(["two_orders"], "privacy-office", datetime.date(2026, 11, 22), project=project)
    assert run_dbt(project, "seg_two_orders") == ""
    assert len(list((project / "target/run").rglob("seg_two_orders.sql"))) == 1


def test_models_with_other_columns_than_their_contract_are_refused_by_name(project):
    queries = {
        "right": "select cast(1 as bigint) as one, cast('a' as varchar) as two",
        "other_order": "select cast('a' as varchar) as two, cast(1 as bigint) as one",
        "other_type": "select cast(1 as integer) as one, cast('a' as varchar) as two",
        "too_exact": "select cast(1 as decimal(18, 2)) as one, cast('a' as varchar) as two",
        "one_less": "select cast(1 as bigint) as one",
        "one_more": "select cast(1 as bigint) as one, cast('a' as varchar) as two, true as three",
    }
    named = {f"contracted_{name}_{kind}": (kind, query) for name, query in queries.items() for kind in ("table", "view")}
    for name, (kind, query) in named.items():
        (project / f"models/{name}.sql").write_text(f"{{{{ config(materialized='{kind}') }}}} {query}")
        (project / f"models/{name}.yml").write_text(f"""
models:
  - name: {name}
    config: {{contract: {{enforced: true}}}}
    columns:
      - {{name: one, data_type: bigint}}
      - {{name: two, data_type: varchar}}
""")
    message = run_dbt(project, "contracted_*")
    refused = {name for name in named if f"in model {name} " in message}
    assert refused == {name for name in named if "right" not in name and "other_order" not in name}
    assert message.count("This model has an enforced contract that failed") == len(refused)


@pytest.mark.parametrize(("name", "words"), [("Two Orders", "small letters"), ("../up", "small letters"), ("x" * 60, "59 characters"),
                                             ("vip", "exists already: models/segments/vip")])
def test_a_scaffold_needs_a_new_plain_name(tmp_path, name, words):
    (tmp_path / "models/segments/vip").mkdir(parents=True)
    with pytest.raises(UserError, match=words):
        new_segment(name, tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["models", "segments", "vip"]


# --- the release command, without dbt


@pytest.fixture
def declared(monkeypatch, tmp_path) -> dict:
    """Versions of a project that holds nothing but an empty lock file."""
    hashes = {("vip", 1): "a" * 64, ("vip", 2): "b" * 64, ("repeat_buyer", 1): "c" * 64}
    monkeypatch.setattr("segmentation.release.rule_hashes", lambda project: hashes)
    for file in (LOCKS, COPY):
        (tmp_path / file).parent.mkdir(parents=True)
    return hashes


def locked(project: Path) -> dict:
    return {version: (lock["rule_hash"][0], lock["released_at"]) for version, lock in read_locks(project / LOCKS).items()}


def test_release_keeps_earlier_locks(declared, tmp_path, capsys):
    release(["vip"], "ann", datetime.date(2026, 1, 15), project=tmp_path)
    release(["all"], "bob", datetime.date(2026, 2, 27), project=tmp_path)
    assert locked(tmp_path) == {
        ("vip", 1): ("a", "2026-01-15"), ("vip", 2): ("b", "2026-01-15"), ("repeat_buyer", 1): ("c", "2026-02-27"),
    }
    release(["all"], "bob", datetime.date(2026, 3, 1), project=tmp_path)
    assert capsys.readouterr().out.splitlines() == [
        "released vip, version 1", "released vip, version 2", "released repeat_buyer, version 1",
        "nothing to release: all versions are locked",
    ]


def test_release_records_the_review_of_what_is_no_rule(declared, tmp_path, capsys):
    declared |= {("spec.vip", 0): "d" * 64, ("spec.repeat_buyer", 0): "e" * 64, ("vendor.mail", 0): "f" * 64}
    release(["vip"], "ann", datetime.date(2026, 1, 15), project=tmp_path)
    assert sorted(locked(tmp_path)) == [("spec.vip", 0), ("vip", 1), ("vip", 2)]
    declared["spec.vip", 0] = "0" * 64
    release(["vip", "vendor.mail"], "bob", datetime.date(2026, 2, 27), project=tmp_path)
    assert locked(tmp_path)["spec.vip", 0] == ("0", "2026-02-27") and locked(tmp_path)["vip", 1] == ("a", "2026-01-15")
    assert capsys.readouterr().out.splitlines()[-2:] == ["reviewed spec.vip", "reviewed vendor.mail"]


def test_release_changes_no_lock_unless_told(declared, tmp_path):
    release(["all"], "ann", datetime.date(2026, 1, 15), project=tmp_path)
    declared["vip", 1] = "d" * 64
    with pytest.raises(UserError, match="^segment vip, version 1: rule or parameters changed since release;"):
        release(["vip"], "ann", datetime.date(2026, 1, 16), project=tmp_path)
    assert locked(tmp_path)["vip", 1] == ("a", "2026-01-15")
    release(["vip"], "ann", datetime.date(2026, 1, 16), replace=True, project=tmp_path)
    assert locked(tmp_path)["vip", 1] == ("d", "2026-01-16")
    assert locked(tmp_path)["vip", 2] == ("b", "2026-01-15")


def test_release_names_what_it_cannot_use(declared, tmp_path):
    with pytest.raises(UserError, match="^No segment is called vop; there are repeat_buyer, vip.$"):
        release(["vop", "vip"], "ann", datetime.date(2026, 1, 15), project=tmp_path)
    with pytest.raises(UserError, match="^Who releases must be letters"):
        release(["vip"], "ann,'", datetime.date(2026, 1, 15), project=tmp_path)
    (tmp_path / LOCKS).write_text("<<<<<<< HEAD\nvip,1\n")
    with pytest.raises(UserError, match="must hold the columns segment_id, spec_version"):
        release(["vip"], "ann", datetime.date(2026, 1, 15), project=tmp_path)


EXCLUDING = "        and {{ is_not_excluded() }}\n)\n\nselect * from members"


def excluding(name: str, *others: str) -> dict:
    """A copy of a segment's node that excludes others, in spec, inputs and SQL."""
    columns = {column for other in others if other in NODES for entry in spec_of(NODES[other])["data_inputs"] for column in entry["columns"]}
    node = broken(name, exclude=[*others])
    inputs = spec_of(node)["data_inputs"][0]["columns"]
    inputs += sorted(column for column in columns - set(inputs) if f"features.{column} as last" not in NODES[others[0]]["raw_code"])
    if "is_not_excluded" not in node["raw_code"]:
        node["raw_code"] = node["raw_code"].replace("\n)\n\nselect * from members", "\n" + EXCLUDING)
    return node


@pytest.mark.parametrize(("node", "beside", "words"), [
    (excluding("vip", "nobody"), [], 'field exclude[1]: is "nobody", which is no segment'),
    (excluding("vip", "vip"), [], "field exclude[1]: is vip, which excludes vip itself"),
    (excluding("vip", "repeat_buyer"), [excluding("repeat_buyer", "vip")], "one of the two must not name the other"),
    (excluding("vip", "repeat_buyer"), [broken("repeat_buyer", status="paused")], "which is not active"),
    (excluding("vip", "repeat_buyer", "repeat_buyer"), [NODES["repeat_buyer"]], 'field exclude: names "repeat_buyer" twice'),
    (broken("vip", exclude="repeat_buyer"), [NODES["repeat_buyer"]], 'field exclude: is "repeat_buyer"; it must be a list'),
    (broken("vip", exclude=["repeat_buyer"]), [NODES["repeat_buyer"]], "field exclude: is given, but the SQL does not ask for it"),
    (broken("new_visitor", exclude=ABSENT), [NODES["existing_customer"]], "field exclude: is missing; the SQL asks is_not_excluded()"),
    (broken("new_visitor", data_inputs__1__columns=["last_order_at"]), [NODES["existing_customer"]], "leaves out the column order_count"),
])
def test_a_wrong_exclusion_is_named(macros, node, beside, words):
    assert any(words in line for line in refusals(macros, [node, *beside])), refusals(macros, [node, *beside])


def test_a_longer_circle_of_exclusions_is_found(macros):
    nodes = [excluding("vip", "repeat_buyer"), excluding("repeat_buyer", "frequent_buyer"), excluding("frequent_buyer", "vip")]
    lines = refusals(macros, nodes)
    assert len([line for line in lines if "must not name the other" in line]) == 3


def test_a_rule_on_more_than_features_cannot_be_excluded(macros):
    other = copy.deepcopy(NODES["repeat_buyer"])
    other["raw_code"] = other["raw_code"].replace("where features.", "where ranks.place < 3 and features.")
    assert any("whose rule another cannot apply" in line for line in refusals(macros, [excluding("vip", "repeat_buyer"), other]))


def test_a_locked_rule_knows_what_it_excludes(macros):
    node = NODES["new_visitor"]
    version = spec_of(node)["versions"][0]
    refusals(macros, [node, NODES["existing_customer"]])  # puts them into the graph
    assert "|exclude existing_customer|notice v1" in macros.locked_text(node, version)
    assert "order_count" in macros.segment_inputs(node)


def admitted(node: dict, beside: list[dict], rows: list[tuple], instant: str = "features.as_of") -> set[str]:
    """Who of rows (as_of, customer_key, first_visited_at, order_count) a rule picks."""
    macros = Macros(*(PROJECT / "macros" / folder for folder in ("segments", "cross_db", "time")))
    macros.context["var"] = lambda name: {"timezone": "UTC"}[name]
    refusals(macros, [node, *beside])
    sql = macros.rule_on(node, "rows", macros.versions_of(node), instant)
    macros.connection.execute("create table rows (as_of timestamp, customer_key text, first_visited_at timestamp, order_count bigint, last_order_at timestamp)")
    macros.connection.executemany("insert into rows values (?, ?, ?, ?, null)", rows)
    return {row[1] for row in macros.connection.execute(sql).fetchall()}


def test_an_exclusion_applies_the_other_rule_and_null_excludes():
    day = "2026-03-02 00:00:00"
    rows = [(day, "no order", "2026-02-20", 0), (day, "an order", "2026-02-20", 1), (day, "not known", "2026-02-20", None)]
    assert admitted(NODES["new_visitor"], [NODES["existing_customer"]], rows) == {"no order"}


def test_an_exclusion_applies_the_version_in_force():
    other = copy.deepcopy(NODES["existing_customer"])
    first = spec_of(other)["versions"][0]
    spec_of(other)["versions"].append(
        first | {"number": 2, "effective_from": "2026-03-01 00:00:00", "parameters": {"min_order_count": 2}})
    rows = [(day, f"{count} on {day}", "2026-02-20", count) for day in ("2026-02-28", "2026-03-01") for count in (0, 1, 2)]
    assert admitted(NODES["new_visitor"], [other], rows) == {"0 on 2026-02-28", "0 on 2026-03-01", "1 on 2026-03-01"}
    # what a change of version is traced by: today's rows under yesterday's versions
    before = "(features.as_of - interval 1 day)"
    assert admitted(NODES["new_visitor"], [other], rows, before) == {"0 on 2026-02-28", "0 on 2026-03-01"}


def test_an_exclusion_does_not_wait_for_the_stability_of_the_other():
    """What is excluded is the rule at the date, whatever the membership is held at."""
    other = copy.deepcopy(NODES["existing_customer"])
    spec_of(other)["versions"][0]["stability"] = 3
    rows = [("2026-03-02 00:00:00", f"{count}", "2026-02-20", count) for count in (0, 1)]
    assert admitted(NODES["new_visitor"], [other], rows) == admitted(NODES["new_visitor"], [NODES["existing_customer"]], rows) == {"0"}


def test_an_excluded_rule_applies_its_own_exclusions():
    """Once-only buyers are no existing customers here, so they are visitors again."""
    other = excluding("existing_customer", "one_time_buyer")
    inner = copy.deepcopy(NODES["one_time_buyer"])
    inner["raw_code"] = re.sub(r"\n +and features.days_since.*", "", inner["raw_code"])
    day = "2026-03-02 00:00:00"
    rows = [(day, f"{count}", "2026-02-20", count) for count in (0, 1, 2)]
    assert admitted(NODES["new_visitor"], [other, inner], rows) == {"0", "1"}
