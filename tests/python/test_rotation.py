"""Pseudonyms that rotate: a small shop of devices, evaluated three times with a rotation between each two, and once without any.

The homes are those of dated_shop.py, which other files share. Every device's id says what happens to it. Numbers C.. are the
adversarial cases of the privacy research.
"""

import json
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from conftest import Built, build, command, copy_home
from dated_shop import DATES, ROTATIONS, Rotated, replayed_shop, rotated_shop
from processes import KEYS, differences, export
from test_changes import HIGH, PROFILING, Rows
from test_privacy_scan import open_files, values_of

from segmentation.ask import ask, find
from segmentation.errors import UserError
from segmentation.home import Home
from segmentation.purge import KIND, SALT_REASON, purge, salt_retention_days
from segmentation.vault import ensure_epochs, rotate
from segmentation.verify import verify

LINKING = "identity.cross_device_linking"
# before the first rotation, before and after it in one session, before and after the second one
VISITS = [("2026-02-20 10:00:00", "product_view", "a"), ("2026-03-03 11:59:00", "page_view", "b"), ("2026-03-03 12:01:00", "product_view", "b"),
          ("2026-03-04 10:00:00", "page_view", "c"), ("2026-03-08 10:00:00", "product_view", "d")]
LINKED = ("linked", "quiet", "withdraws")  # permit the joining of their epochs before the first rotation
NOW = datetime(2029, 5, 1, 2, 30)


def shop() -> dict[str, list[dict]]:
    """Some customers, so that there are members; devices that agree to being profiled, and some of them to being linked."""
    rows = Rows()
    for who, email in (("anna", "Foo@Ex.com"), ("ben", " foo@ex.com "), ("cleo", "f.oo@ex.com"), ("dora", "jose\u0301@ex.com"), ("emil", "josé@ex.com"),
                       ("same@ex.com", ""), ("", "same@ex.com"), ("", "unknown"), ("", "")):
        rows.order(who or f"guest {email}", "2026-01-10 10:00:00", "250.00")
        rows.tables["orders"][-1] |= {"customer_id": who, "email": email}
    for who in ("anna", "ben"):
        rows.say(who, "*", "granted")
    for row in rows.tables["consents"]:
        row["anonymous_id"] = ""

    def say(device: str, purpose: str, status: str, when: str, known: str = "") -> None:
        rows.say("", purpose, status, when, known, notice="")
        rows.tables["consents"][-1]["anonymous_id"] = device

    def visit(device: str, when: str, event_type: str, session: str, customer: str = "") -> None:
        rows.event(customer, event_type, when)
        rows.tables["events"][-1] |= {"anonymous_id": device, "session_id": session and f"{device} {session}"}

    for device in (*LINKED, "plain", "late", "everything", "same@ex.com", "unknown"):
        say(device, "*" if device == "everything" else PROFILING, "granted", "2026-02-01 10:00:00")
        for when, event_type, session in VISITS[:2] if device == "quiet" else VISITS:
            visit(device, when, event_type, session)
    for device in LINKED:
        say(device, LINKING, "granted", "2026-02-02 10:00:00")
    say("late", LINKING, "granted", "2026-03-05 10:00:00")
    say("withdraws", LINKING, "withdrawn", "2026-03-08 09:00:00")
    # no choice; somebody's own; seen too long ago; took everything back
    for device in ("silent", "logged in", "gone", "took back"):
        say(device, PROFILING, "granted" if device != "silent" else "pending", "2025-10-01 10:00:00")
        visit(device, "2026-03-08 10:00:00" if device != "gone" else "2025-11-01 10:00:00", "page_view", "a", "anna" if device == "logged in" else "")
    say("took back", "*", "withdrawn", "2026-03-08 12:00:00")
    return {name: rows for name, rows in rows.tables.items() if rows}


@pytest.fixture(scope="module")
def rotated(tmp_path_factory) -> Rotated:
    return rotated_shop(tmp_path_factory)


@pytest.fixture(scope="module")
def shop_settings(rotated: Rotated) -> dict[str, str]:
    return rotated.settings


@pytest.fixture(scope="module")
def homes(rotated: Rotated) -> dict[str, Built]:
    """The shop after each date with rotations in between (1, 2, 3), and after the second and the third without any (2 whole, 3 whole)."""
    return rotated.homes


def visitors(built: Built) -> dict[str, tuple]:
    """Device -> events, sessions, product views, first and last seen."""
    return {who: tuple(rest) for who, *rest in built.rows(
        "select identifier, event_count, session_count, product_view_count, first_seen_at::varchar, last_seen_at::varchar"
        " from marts.anonymous_visitors inner join restricted.intermediate.int_pids using (pid) where identifier_type = 'anonymous_id'")}


def windows(built: Built) -> dict[str, tuple[str, bool]]:
    """Device -> where its window starts, whether it was cut."""
    return {who: (starts, cut) for who, starts, cut in built.rows(
        "select identifier, window_starts_at::varchar, window_truncated from marts.anonymous_visitors"
        " inner join restricted.intermediate.int_pids using (pid)")}


def bridges(built: Built) -> dict[tuple[str, int], tuple]:
    """(device, epoch that began) -> from when to when the two are joined."""
    return {(who, epoch): (start, end) for who, epoch, start, end in built.rows(
        """
        select new.identifier, new.epoch, valid_from::varchar, valid_to::varchar from marts.pid_bridge
        inner join restricted.intermediate.int_pids as new on new.pid = new_pid
        inner join restricted.intermediate.int_pids as old on old.pid = old_pid and (old.identifier, old.epoch + 1) = (new.identifier, new.epoch)
        """)}


def test_c26_with_consent_the_window_holds_what_it_would_without_a_rotation(homes):
    for number in (2, 3):
        rotated, whole = visitors(homes[f"{number}"]), visitors(homes[f"{number} whole"])
        for device in ("linked", "quiet", *(["withdraws"] if number == 2 else [])):
            assert rotated[device] == whole[device], (number, device)
            assert windows(homes[f"{number}"])[device] == windows(homes[f"{number} whole"])[device]
    assert whole["linked"] == (5, 4, 3, VISITS[0][0], VISITS[4][0])
    assert not any(cut for _, cut in windows(homes["3 whole"]).values())


def test_c26_without_consent_the_window_restarts_and_says_so(homes):
    assert visitors(homes["2"])["plain"] == (2, 2, 1, VISITS[2][0], VISITS[3][0])
    assert visitors(homes["3"])["plain"] == (1, 1, 1, VISITS[4][0], VISITS[4][0])
    assert [windows(homes[f"{number}"])["plain"] for number in (1, 2, 3)] == [
        ("2026-01-31 00:00:00", False), (ROTATIONS[0], True), (ROTATIONS[1], True)]
    # whoever agreed to everything was not asked this
    assert visitors(homes["3"])["everything"] == visitors(homes["3"])["plain"]


def test_consent_to_linking_given_between_bridges_only_the_rotations_that_follow(homes):
    assert visitors(homes["2"])["late"] == visitors(homes["2"])["plain"]
    assert visitors(homes["3"])["late"] == (3, 3, 2, VISITS[2][0], VISITS[4][0])
    assert windows(homes["3"])["late"] == (ROTATIONS[0], True)


def test_a_withdrawal_closes_the_bridges_and_the_window_starts_clean(homes):
    assert bridges(homes["2"]) == {(device, 2): (ROTATIONS[0], None) for device in LINKED}
    open_now = {("linked", 2): (ROTATIONS[0], None), ("linked", 3): (ROTATIONS[1], None), ("quiet", 2): (ROTATIONS[0], None),
                ("quiet", 3): (ROTATIONS[1], None), ("late", 3): (ROTATIONS[1], None)}
    closed = {("withdraws", 2): (ROTATIONS[0], "2026-03-08 09:00:00"), ("withdraws", 3): (ROTATIONS[1], "2026-03-08 09:00:00")}
    assert bridges(homes["3"]) == open_now | closed
    assert visitors(homes["3"])["withdraws"] == visitors(homes["3"])["plain"]
    assert windows(homes["3"])["withdraws"] == (ROTATIONS[1], True)
    assert homes["3"].rows("select count(distinct consent_event_key), bool_and(length(consent_event_key) = 32) from marts.pid_bridge") == [(4, True)]


def test_c28_an_address_has_one_pseudonym_in_an_epoch_and_a_dot_makes_another(homes):
    found = homes["3"].rows(
        "select identifier, count(distinct pid), count(distinct epoch) from restricted.intermediate.int_pids where identifier_type = 'email'"
        " and identifier like '%@ex.com' group by 1 order by 1")
    assert found == [("f.oo@ex.com", 3, 3), ("foo@ex.com", 3, 3), ("josé@ex.com", 3, 3), ("same@ex.com", 3, 3)]
    assert homes["3"].rows("select count(*) - count(distinct pid) from restricted.intermediate.int_pids") == [(0,)]


def test_c29_what_names_nobody_has_no_pseudonym(homes):
    """Neither no address, nor an empty device, nor a tracker's word for none; their rows are counted for what else they say."""
    named = {who for (who,) in homes["3"].rows("select distinct identifier from restricted.intermediate.int_pids")}
    assert not {"unknown", "", None} & named
    assert "unknown" not in visitors(homes["1"]) and "unknown" in {who for (who,) in homes["1"].rows(
        "select distinct anonymous_id from restricted.intermediate.int_events")}


def test_c30_the_same_text_as_device_and_as_address_has_different_pseudonyms(homes):
    rows = homes["3"].rows("select identifier_type, pid from restricted.intermediate.int_pids where identifier = 'same@ex.com' and epoch = 3 order by 1")
    assert [kind for kind, _ in rows] == ["anonymous_id", "email"] and len({pid for _, pid in rows}) == 2
    keys = {key for (key,) in homes["3"].rows("select customer_key from restricted.vault.customer_keys where identifier = 'same@ex.com'")}
    assert len(keys) == 2 and not keys & {pid for _, pid in rows}


def test_only_visitors_who_permit_it_and_were_seen_lately_are_shown(homes):
    everybody = {*LINKED, "plain", "late", "everything", "same@ex.com"}
    assert set(visitors(homes["3"])) == everybody and "took back" not in visitors(homes["3 whole"])
    assert set(visitors(homes["1"])) == everybody
    pids = homes["3"].rows("select pid from restricted.intermediate.int_pids where identifier in ('silent', 'unknown')")
    assert pids == []


def test_c27_a_rotation_changes_nothing_but_the_visitors(homes):
    """Members, keys of customers and of receivers, every recorded hash. (There is no experiment yet; its arms will stand in these keys.)"""
    for number in (2, 3):
        rotated, whole = homes[f"{number}"], homes[f"{number} whole"]
        assert differences(export(rotated.folder), export(whole.folder)) == ["audit.pid_epochs", "marts.anonymous_visitors", "marts.pid_bridge"]
        for relation in ("activation.audience_memberships", "restricted.vault.customer_keys", "restricted.vault.leaf_nonces"):
            rows = rotated.rows(f"from {relation} order by all")
            assert rows == whole.rows(f"from {relation} order by all") and (rows or relation.startswith("activation"))
    assert homes["3"].rows("select count(*) from segments.segment_members where segment_id = ?", [HIGH])[0][0] > 3


def epochs_told(home: Path) -> list[tuple]:
    """The epochs as q18 tells them: number, whether a way leads back, why, from, visitors that readers see."""
    answer = ask(Home(home), find("q18"), {})
    rows = [dict(zip(answer.columns, row)) for row in answer.rows if row[0] == "epoch"]
    return [(row["subject"], row["is_way_back"], row["because"], str(row["valid_from"]), row["n_values"]) for row in rows]


def test_an_auditor_is_told_the_epochs_and_never_a_salt(homes):
    [(shown,)] = homes["3"].rows("select count(*) from marts.anonymous_visitors")
    assert epochs_told(homes["3"].folder) == [
        ("1", True, "salt in the vault", "1900-01-01 00:00:00", 0), ("2", True, "salt in the vault", ROTATIONS[0], 0),
        ("3", True, "salt in the vault", ROTATIONS[1], shown)]
    said = "\n".join(str(row) for row in (*homes["3"].rows("from audit.pid_epochs"), *ask(Home(homes["3"].folder), find("q18"), {}).rows))
    assert shown and not [block for row in homes["3"].rows("select inner_block, outer_block from restricted.vault.pid_salts") for block in row if block in said]


def test_every_rotation_gives_every_visitor_another_pseudonym(homes):
    shown = [{pid for (pid,) in homes[f"{number}"].rows("select pid from marts.anonymous_visitors")} for number in (1, 2, 3)]
    assert all(shown) and not shown[0] & shown[1] and not shown[1] & shown[2] and not shown[0] & shown[2]
    assert shown[0] == {pid for (pid,) in homes["3"].rows(
        "select old_pid from marts.pid_bridge inner join restricted.intermediate.int_pids on pid = old_pid and epoch = 1")} | {
        pid for (pid,) in homes["3"].rows("select pid from restricted.intermediate.int_pids where identifier_type = 'anonymous_id' and epoch = 1 and"
                                          " identifier in ('plain', 'late', 'everything', 'same@ex.com')")}


def test_a_replay_of_the_dates_before_a_rotation_equals_the_record(tmp_path_factory):
    replayed = replayed_shop(tmp_path_factory)
    assert replayed.rows("select count(distinct as_of), bool_and(is_root_equal), sum(n_recorded) = sum(n_identical) from audit.replay_partitions"
                         " where mode = 'as_recorded'") == [(3, True, True)]
    assert verify(Home(replayed.folder)).findings == []


def test_a_rotation_that_reaches_back_is_refused_in_one_sentence(homes, tmp_path: Path, capsys):
    home = copy_home(homes["2"].folder, tmp_path / "home")
    salts = "select epoch, valid_from, valid_to, inner_block from restricted.vault.pid_salts order by epoch"
    before = Built(home, 0).rows(salts)
    for at, sentence in ((DATES[1], "begins after the newest evaluation on record"), ("2026-03-04", "begins after the newest evaluation on record"),
                         ("yesterday", "--at must be a UTC instant")):
        capsys.readouterr()
        assert command(home, "vault", "rotate", "--at", at).code == 1
        said = capsys.readouterr().err
        assert sentence in said and len(said.splitlines()) == 1
    assert Built(home, 0).rows(salts) == before
    assert command(home, "vault", "rotate", "--at", "2026-04-01").code == 0
    assert command(home, "vault", "rotate", "--at", "2026-03-31").code == 1
    assert "Epoch 3 begins at 2026-04-01 00:00:00" in capsys.readouterr().err
    assert [row[1:3] for row in Built(home, 0).rows("select epoch, valid_from::varchar, valid_to::varchar from restricted.vault.pid_salts order by 1")] == [
        ("1900-01-01 00:00:00", ROTATIONS[0]), (ROTATIONS[0], "2026-04-01 00:00:00"), ("2026-04-01 00:00:00", None)]


def test_the_demo_does_not_rotate(demo_copy: Built, capsys):
    assert command(demo_copy.folder, "vault", "rotate").code == 1
    assert "The demo has one epoch" in capsys.readouterr().err
    assert demo_copy.rows("select count(*) from marts.anonymous_visitors") == [(1,)]


def test_epochs_are_listed_without_their_salts_and_salts_are_in_no_other_file(homes, capsys):
    home = homes["3"].folder
    assert command(home, "vault", "list").code == 0
    said = capsys.readouterr()
    blocks = {block for row in homes["3"].rows("select inner_block, outer_block from restricted.vault.pid_salts") for block in row}
    salts = {bytes(b ^ 0x36 for b in bytes.fromhex(block)[:32]).hex() for block in blocks}
    assert len(blocks) == 6 and "in use" in said.out and said.out.count("kept until") == 2
    assert not any(secret in said.out + said.err for secret in blocks | salts)
    secrets = [secret.encode() for secret in blocks | salts]
    assert {path.name for path in open_files(home)} >= {"warehouse.duckdb", "dbt.log"}
    for path in open_files(home):
        content = path.read_bytes()
        assert not any(secret in content for secret in secrets), path.name
    for database in ("warehouse.duckdb", "published/segmentation.duckdb"):
        said = b"\n".join(values_of(home / database).values())
        assert not any(secret in said for secret in secrets)
        of_visitors = {name: text for name, text in values_of(home / database).items() if name.startswith(("marts.anonymous", "marts.pid_bridge"))}
        assert of_visitors and not any(device.encode() in text for text in of_visitors.values() for device in (*LINKED, "plain", "same@ex.com"))


def test_every_first_salt_is_random_and_a_third_line_of_the_key_file_fixes_it(tmp_path: Path):
    keys = tmp_path / "keys"
    found = []
    for text in (None, "\n".join(KEYS.split()[:2]), KEYS, KEYS):
        keys.write_text(text or "")
        with duckdb.connect() as vault:
            ensure_epochs(vault, keys if text else None)
            ensure_epochs(vault, keys if text else None)
            found += vault.execute("select inner_block, valid_from::varchar, valid_to from vault.pid_salts").fetchall()
    assert len(found) == 4 and len({block for block, *_ in found[:3]}) == 3 and found[2] == found[3]
    assert {tuple(rest) for _, *rest in found} == {("1900-01-01 00:00:00", None)}


def test_a_vault_without_epochs_is_told_to_build_once():
    with duckdb.connect() as vault, pytest.raises(UserError, match="has no epochs yet: run `segmentation build` once"):
        rotate(vault, datetime(2026, 4, 1), None, NOW, "tester", "vault", "The home")


LOSSES = [
    # the newest epoch was begun after the backup
    (["delete from vault.pid_salts where epoch = 3", "update vault.pid_salts set valid_to = null where epoch = 2"], 3),
    # ... both were; the first one that is missing is named
    (["delete from vault.pid_salts where epoch > 1", "update vault.pid_salts set valid_to = null where epoch = 1"], 2),
    # ... and somebody rotated again, at the same instant and with another salt
    (["update vault.pid_salts set rotated_at = rotated_at + interval 1 day, inner_block = 'ab', outer_block = 'ab' where epoch = 3"], 3),
    # a salt that nobody destroyed is empty
    (["update vault.pid_salts set inner_block = null where epoch = 2"], 2),
]


@pytest.fixture(scope="module")
def given_back(homes, tmp_path_factory) -> Path:
    """A copy of the home that loses its vault and gets it back; the next test builds it again."""
    return copy_home(homes["3"].folder, tmp_path_factory.mktemp("given_back") / "home")


def test_a_vault_that_lost_an_epoch_of_the_record_is_refused(shop_settings, given_back: Path, capsys):
    """Restored from an older backup, it would give other pseudonyms to the same days. With its own vault it builds again (next test)."""
    home = given_back
    shown = "from marts.anonymous_visitors order by all"
    before = Built(home, 0).rows(shown)
    for loss, epoch in LOSSES:
        with duckdb.connect(str(home / "restricted.duckdb")) as restricted:
            whole = restricted.execute("from vault.pid_salts").fetchall()
            for statement in loss:
                restricted.execute(statement)
        capsys.readouterr()
        assert build(home, "--without-tests", AS_OF=DATES[2], **shop_settings).code == 1, loss
        said = capsys.readouterr().err
        assert (f"the vault lacks the salt of epoch {epoch}, which the record knows: it was restored from an older backup; "
                "restore a vault that holds that epoch") in " ".join(said.split())
        assert Built(home, 0).rows(shown) == before, "nothing was built"
        with duckdb.connect(str(home / "restricted.duckdb")) as restricted:
            restricted.execute("delete from vault.pid_salts")
            restricted.executemany("insert into vault.pid_salts values (?, ?, ?, ?, ?, ?, ?, ?)", whole)


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_salt_goes_when_nothing_of_its_epoch_may_be_kept_any_more(
    homes, given_back: Path, shop_settings, tmp_path: Path, monkeypatch, is_killed: bool,
):
    """Counted from the newest evaluation, logged once, in no byte of the file, and what is left still builds."""
    home = Home(given_back if is_killed else copy_home(homes["3"].folder, tmp_path / "home"))
    built = Built(home.folder, 0)
    assert salt_retention_days() == 1095
    [(old,)] = built.rows("select inner_block from restricted.vault.pid_salts where epoch = 1")
    assert purge(home, 9_999, NOW, "nightly", 6).n_salts == 0  # the first epoch ended five and a half days before the third date
    if is_killed:
        def dies(*_):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr("segmentation.deletion.write_log", dies)
            purge(home, 9_999, NOW, "nightly", 5)
    assert purge(home, 9_999, NOW, "nightly", 5).n_salts == 1
    assert purge(home, 9_999, NOW, "nightly", 5).n_salts == 0
    assert built.rows("select kind, reason, relation, n_rows, effective_at::varchar, executor, segment_id from audit.deletion_log") == [
        (KIND, SALT_REASON, "restricted.vault.pid_salts", 1, ROTATIONS[0], "nightly", None)]
    assert built.rows("select epoch, inner_block is null, destroyed_at::varchar from restricted.vault.pid_salts order by 1") == [
        (1, True, "2029-05-01 02:30:00"), (2, False, None), (3, False, None)]
    assert [(number, way_back, why) for number, way_back, why, _, _ in epochs_told(home.folder)] == [
        ("1", False, "salt destroyed"), ("2", True, "salt in the vault"), ("3", True, "salt in the vault")], "also before the next build"
    assert old not in "\n".join(str(row) for row in built.rows("from restricted.vault.pid_salts"))
    assert old.encode() not in home.restricted.read_bytes()
    assert verify(home).findings == []
    if not is_killed:
        return
    again = build(home.folder, "--without-tests", AS_OF=DATES[2], **shop_settings)
    assert again.code == 0
    # as before, but for those whose windows began in that epoch
    shown = ("select * from marts.anonymous_visitors where pid not in (select pid from restricted.intermediate.int_pids"
             " where list_contains(?, identifier)) order by all")
    assert again.rows(shown, [[*LINKED]]) == homes["3"].rows(shown, [[*LINKED]]) != []
    assert {epoch for _, epoch in bridges(again)} == {3}
    assert windows(again)["linked"] == (ROTATIONS[0], True)


def test_a_gap_between_epochs_fails_the_build(homes, shop_settings, tmp_path: Path, capsys):
    home = copy_home(homes["2"].folder, tmp_path / "home")
    with duckdb.connect(str(home / "restricted.duckdb")) as restricted:
        restricted.execute("update vault.pid_salts set valid_to = valid_to - interval 1 second where epoch = 1")
    assert build(home, "--without-tests", AS_OF=DATES[2], **shop_settings).code == 1
    assert "lies in exactly one epoch" in capsys.readouterr().err


def test_manifest_and_messages_of_a_rotation_name_no_secret(homes):
    """What dbt wrote knows the columns of the vault, never what they hold."""
    manifest = json.loads((homes["3"].folder / "target" / "manifest.json").read_text())
    compiled = "\n".join(node.get("compiled_code") or "" for node in manifest["nodes"].values())
    for row in homes["3"].rows("select inner_block, outer_block from restricted.vault.pid_salts"):
        assert not any(block in compiled for block in row)
