"""Vendors and what reaches them: audiences, keys of their own, blocking, owners, and what customers are told."""

import fnmatch
import json
import re
from hashlib import sha256

import pytest
import yaml
from conftest import Built, command
from jinja_macros import Macros

from segmentation.home import PROJECT

VENDORS = sorted((PROJECT / "models/activation/vendors").glob("*.yml"))
TEAM = "@shop/"


def manifest_of(path) -> dict:
    [exposure] = yaml.safe_load(path.read_text())["exposures"]
    return exposure


def own_keys(demo: Built, segment: str, purpose: str, domain: str, epoch: int = 1, blocks: tuple[str, str] | None = None) -> set[str]:
    """The keys that a receiver should get, computed in Python from members, permissions and the vault (`blocks`: of a shop's own)."""
    inner, outer = blocks or demo.rows("select inner_block, outer_block from restricted.vault.demo_hmac_keys where key_name = 'record_key'")[0]
    members = demo.rows(
        """
        select members.customer_key from segments.segment_members as members
        where segment_id = ? and exists (
            select 1 from marts.consent_state as state
            where state.customer_key = members.customer_key and state.purpose = ?
                and (state.is_granted or state.is_permitted_by_posture) and not state.has_opted_out
                and not state.is_objected and not state.is_restricted)
        """, [segment, purpose])
    texts = [f"export|{domain}|{epoch}|{key}".encode() for (key,) in members]
    return {sha256(bytes.fromhex(outer) + sha256(bytes.fromhex(inner) + text).digest()).hexdigest() for text in texts}


@pytest.mark.parametrize(("audience", "purpose", "vendor", "least"), [
    ("vip.email.newsletter", "marketing.communications.email", "nordpost_mail", 10),
    ("cart_abandoner.email.newsletter", "marketing.communications.email", "nordpost_mail", 3),
    # no notice of the demo asks for sharing, so only those are sent there whose law takes silence as permission
    ("existing_customer.paid_ads.acquisition_exclusion", "third_party_sharing", "werbehafen_ads", 5),
])
def test_an_audience_is_the_members_whom_its_channel_permits_under_keys_of_the_vendor(demo: Built, audience, purpose, vendor, least):
    listed = [key for (key,) in demo.rows("select member_key from activation.audience_memberships where audience_id = ?", [audience])]
    segment = audience.split(".")[0]
    assert len(listed) == len(set(listed)) >= least
    assert set(listed) == own_keys(demo, segment, purpose, vendor)
    members = {key for (key,) in demo.rows("select customer_key from segments.segment_members where segment_id = ?", [segment])}
    assert len(listed) < len(members) and not members & set(listed)
    # another vendor, and the same one after a rotation, would know nobody by these keys
    assert not set(listed) & own_keys(demo, segment, purpose, "another_vendor")
    assert not set(listed) & own_keys(demo, segment, purpose, vendor, epoch=2)


def test_only_declared_uses_have_an_audience_and_nothing_but_keys_leaves(demo: Built):
    specs = [json.loads(text) for (text,) in demo.rows("select spec_json from segments.segment_registry where effective_to is null")]
    declared = {f"{spec['segment_id']}.{use['channel']}.{use['destination']}" for spec in specs for use in spec["downstream_uses"]}
    assert declared == {audience for (audience,) in demo.rows("select audience_id from activation.audiences")}
    columns = demo.rows("select column_name from duckdb_columns() where table_name = 'audience_memberships' order by column_index")
    assert [name for (name,) in columns] == ["as_of", "audience_id", "member_key"]
    assert not list((demo.folder / "published" / "parquet").glob("activation.*"))


def test_no_path_of_the_project_leads_past_the_permission_gate_to_a_vendor(demo: Built):
    manifest = json.loads((demo.folder / "target" / "manifest.json").read_text())
    macros = Macros(PROJECT / "macros/segments", PROJECT / "macros/cross_db")
    macros.context["graph"]["nodes"] = manifest["nodes"]
    exposures = list(manifest["exposures"].values())
    assert {exposure["name"] for exposure in exposures} == {path.stem for path in VENDORS}
    assert [path for exposure in exposures for path in macros.ungated_paths(exposure)] == []
    receivers = [exposure for exposure in exposures if exposure["config"]["meta"]["vendor"]["channels"]]
    assert len(receivers) >= 2
    for exposure in receivers:
        assert "model.segmentation.audience_memberships" in exposure["depends_on"]["nodes"]
    # the walk does find what it looks for
    for model in ("customers", "segment_candidates", "customer_features"):
        careless = receivers[0] | {"depends_on": {"nodes": [f"model.segmentation.{model}"]}}
        assert macros.ungated_paths(careless)


def test_an_unverified_vendor_is_cut_off_and_the_build_says_so(weeks: Built, weeks_in_april: Built):
    newest = weeks.rows("select max(as_of) from marts.vendor_states")[0][0]
    said = weeks_in_april.folder.with_name("said").read_text()
    assert "Vendor nordpost_mail is blocked since 2026-04-07: verification overdue; segments cart_abandoner, vip neither" in said
    assert "Vendor umfrago_surveys is blocked since 2026-04-07: verification overdue; its data (survey) are left out" in said
    assert set(weeks_in_april.rows("select distinct status, blocked_reason from activation.audiences")) == {("blocked_vendor", "verification_overdue")}
    assert weeks_in_april.rows("select count(*) from activation.audience_memberships") == [(0,)]
    assert weeks_in_april.rows("select count(last_survey_score), count(support_ticket_count_90d) from marts.customer_features") == [(0, 0)]
    assert weeks_in_april.rows("select count(session_count_90d) > 0, count(*) > 400 from marts.customer_features") == [(True, True)]
    # the segments that only feed the vendor keep their members, and the record of the earlier date stays
    assert weeks_in_april.rows("select count(*) > 0 from segments.segment_members where segment_id = 'vip'") == [(True,)]
    assert weeks_in_april.rows("select count(*) from marts.vendor_states where as_of = ? and not is_blocked", [newest]) == [(len(VENDORS),)]


def test_features_of_vendors_are_those_that_blocking_takes_away():
    """Which kind feeds a feature stands in its meta, which features a kind feeds in the model: they must agree."""
    for name in ("customer_features", "customer_behaviour"):
        [model] = yaml.safe_load((PROJECT / f"models/marts/features/{name}.yml").read_text())["models"]
        fed = {column["name"]: column["config"]["meta"]["source_kind"]
               for column in model["columns"] if "source_kind" in column.get("config", {}).get("meta", {})}
        assert set(fed.values()) == {"email_event", "support", "survey"}
        sql = (PROJECT / "models/marts/features/customer_behaviour.sql").read_text()
        cut = {feature: kind for kind, expression in re.findall(r"is_(\w+)_blocked(.*?),\n    (?:--|case|left|activity)", sql, re.S)
               for feature in re.findall(r"as (\w+)$", expression.rstrip(","), re.M)}
        assert cut == fed


def test_records_of_processing_are_complete(demo: Built):
    segments = {name for (name,) in demo.rows("select segment_id from segments.segment_registry")}
    rows = demo.rows(
        """
        select segment_id, controller_name, processing_purposes, recipients, countries, third_countries, transfer_basis,
            retention_text, backup_retention_days
        from audit.records_of_processing
        """)
    assert {row[0] for row in rows} == segments and len(rows) == len(segments)
    assert [row for row in rows if row[0] == "vip"] == [(
        "vip", "Demo Shop (invented)", "marketing.advertising.profiling;marketing.communications.email", "Nordpost Mail (processor)",
        "DE;NL", None, "none", "Kept until the customer objects or asks for deletion.", 35)]


def test_the_consent_ui_tells_what_each_active_segment_does(demo: Built, tmp_path, capsys):
    path = tmp_path / "consent.json"
    assert command(demo.folder, "consent-ui", "--out", str(path)).code == 0
    capsys.readouterr()
    assert command(demo.folder, "consent-ui").code == 0
    text = path.read_text(encoding="utf-8")
    assert capsys.readouterr().out == text
    told = {segment["segment_id"]: segment for segment in json.loads(text)["segments"]}
    assert set(told) == {name for (name,) in demo.rows("select segment_id from segments.segment_registry where status = 'active'")}
    carts = told["cart_abandoner"]
    assert carts["basis_text"] == "your consent" and carts["recipients"] == ["Nordpost Mail"]
    assert carts["consent_purposes"] == ["personalize.content.profiling"] and carts["purpose_name"] == "Browsing profile"
    assert carts["opt_out_url"] == "/privacy/choices" and "30 days" in carts["retention_text"]
    assert carts["messages_text"] == "only with your consent"
    assert told["vip"]["messages_text"].startswith("with your consent; e-mails also") and told["vip"]["messages_text"].endswith("until you object")
    sent = {name for (name,) in demo.rows("select segment_id from activation.audiences where channel in ('email', 'sms')")}
    assert {name for name, segment in told.items() if segment["messages_text"]} == sent & set(told)
    assert not re.search("[0-9a-f]{32}|@", text)


def test_the_consent_ui_needs_a_build_and_a_place(demo: Built, tmp_path, capsys):
    assert command(tmp_path / "nothing", "consent-ui").code == 1
    assert command(demo.folder, "consent-ui", "--out", str(tmp_path / "no" / "file.json")).code == 1
    assert "cannot be written" in capsys.readouterr().err


def owners_of(path: str) -> list[str]:
    """Who owns a file: the last line of CODEOWNERS that matches, as git hosts read it (folders, * within one name)."""
    owners = []
    for line in (PROJECT / ".github/CODEOWNERS").read_text().splitlines():
        pattern, *names = line.split("#")[0].split() or [""]
        if not pattern:
            continue
        parts, wanted = path.split("/"), pattern.strip("/").split("/")
        is_below = pattern.endswith("/") and len(parts) > len(wanted)
        if (is_below or len(parts) == len(wanted)) and all(map(fnmatch.fnmatch, parts, wanted)):
            owners = names
    return owners


def test_every_segment_vendor_and_list_has_the_owner_that_it_names():
    steward = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["models"]["segmentation"]["segments"]["+meta"]["segment_defaults"]["data_steward"]
    expected, found = {}, {}
    for spec in sorted((PROJECT / "models/segments").glob("*/seg_*.yml")):
        segment = yaml.safe_load(spec.read_text())["models"][0]["config"]["meta"]["segment"]
        path = str(spec.relative_to(PROJECT))
        expected[path], found[path] = [TEAM + segment["owner"], TEAM + segment.get("data_steward", steward)], owners_of(path)
    for vendor in VENDORS:
        path = str(vendor.relative_to(PROJECT))
        expected[path], found[path] = [TEAM + manifest_of(vendor)["owner"]["name"], TEAM + "privacy-office"], owners_of(path)
    assert len(expected) > 15
    assert found == expected
    for path in ("seeds/reference/sensitive_categories.csv", "seeds/reference/purposes.csv", "seeds/reference/segment_locks.csv",
                 "dbt_project.yml", "macros/segments/spec_rules.sql", ".github/CODEOWNERS"):
        assert TEAM + "privacy-office" in owners_of(path), path
    assert owners_of("README.md") == []
