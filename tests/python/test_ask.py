"""segmentation ask: typed parameters that cannot inject, answers that agree with the tables, a complete list."""

import csv
import io
import re
import shutil
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
import yaml
from conftest import SETTINGS, Built
from processes import FIRST, SECOND, Shop, undisturbed_shop

from segmentation import cli
from segmentation.ask import ASKED, KINDS, QUESTIONS, Answer, as_csv, ask, check, find, plain_sql, questions
from segmentation.cli import main
from segmentation.errors import UserError
from segmentation.home import PROJECT, Home
from segmentation.publish import DATABASE, SCHEMAS

HOSTILE = [
    "vip' or '1'='1", "vip'; drop table segments.segment_members; --", "vip\"", "vip;", "VIP", "vip\n", " vip", "", "ViP", "vip\0",
    "$segment_id", "{{ ref('x') }}", "vip/*", "ｖｉｐ", "2026-03-03' as timestamp) --", "2026-02-30", "2026-03-03 25:00:00",
    "2026-03-03\n", "now()", "infinity", "-1", "1e3", "1;", "١", "0x1", "a" * 64 + "'", "g" * 64, "a" * 63, "b" * 65,
    "2026-03-03T00:00:00+02:00", "２０２６-03-03",
]
WELL_FORMED_NAMES = ("infinity", "a" * 63)


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Shop:
    """The small shop with two evaluations; tests only read it."""
    return undisturbed_shop(tmp_path_factory)


@pytest.fixture(scope="module")
def home(shop: Shop) -> Built:
    return Built(shop.home, 0)


@pytest.fixture
def command(home: Built, monkeypatch, capsys):
    """Runs `segmentation ask ...` on the shop: returns exit code, output and error output."""

    def run(*arguments: str, folder: Path = home.folder) -> tuple[int, str, str]:
        for name in SETTINGS:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("SEGMENTS_HOME", str(folder))
        code = main(["ask", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def example(question) -> dict[str, object]:
    """Values for every parameter of a question."""
    texts = {"segment": "existing_customer", "on": SECOND, "from": "2026-01-01", "to": "2027-01-01", "customer": "ab" * 32, "order": "ab" * 16,
             "spec-version": "1", "definition": "shopify_net_sales", "period": "to_date", "shown-orders": "0", "shown-amount": "12.5", "request": "Q-0001"}
    return check(question, {name: texts[name] for name in question.parameters})


def test_every_question_is_a_file_with_an_entry_and_a_line_in_the_readme():
    names = [question.name for question in questions()]
    assert names == sorted(path.stem for path in QUESTIONS.glob("*.sql")) and len(names) >= 12
    listed = re.findall(r"^\| `(q\d\d)` \| (.*?) \| (.*?) \|$", (PROJECT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == [(q.number, q.title, q.usage.replace(" ...", "").join("``") if q.usage else "") for q in questions()]


def test_the_list_names_every_question_with_its_parameters(command):
    code, out, _ = command()
    assert code == 0
    for question in questions():
        assert f"{question.number}  {question.title}" in out
        assert f"segmentation ask {question.number} {question.usage}".strip() in out


@pytest.mark.parametrize("question", questions(), ids=lambda question: question.number)
def test_a_file_says_what_it_answers_and_asks_for_what_its_entry_declares(question):
    text = question.text()
    assert text.startswith("-- ") and text.splitlines()[0].endswith(("?", "."))
    assert "{%" not in text and set(re.findall(r"{{ (\w+(?:\.\w+)?)\(", text)) <= {"ref", "source", "dbt.type_string", "dbt.type_timestamp"}
    if question.parameters:
        columns = re.findall(r"cast\((.*) as (.*)\) as (\w+)", ASKED.search(text)[0])
        kinds = [KINDS[name] for name in question.parameters]
        assert [column for _, _, column in columns] == [kind.column for kind in kinds]
        types = {"{{ dbt.type_string() }}": "varchar", "{{ dbt.type_timestamp() }}": "timestamp"}
        assert [types.get(kind, kind) for _, kind, _ in columns] == [kind.type for kind in kinds]
        # what may be left out is null in the file, what must be given is an example
        assert [value == "null" for value, _, _ in columns] == [not required for required in question.parameters.values()]
    else:
        assert "asked" not in text


def test_the_help_of_the_command_has_every_kind_of_parameter():
    assert cli.ASK_PARAMETERS == {name: kind.help for name, kind in KINDS.items()}


@pytest.mark.parametrize("question", questions(), ids=lambda question: question.number)
def test_asking_and_plain_sql_give_the_same_answer(question, home: Built):
    """The plain SQL is run as it is printed, in a client that knows nothing of the project."""
    values = example(question)
    answer = ask(Home(home.folder), question, values)
    sql = plain_sql(question, values)
    assert "{{" not in sql and "$" not in sql.split("select", 2)[1]
    assert answer.rows == home.rows(sql)
    assert len(answer.columns) == len(set(answer.columns)) > 2


def test_members_on_a_date_are_the_recorded_ones(home: Built):
    question = find("q01")
    for as_of in (FIRST, SECOND):
        for segment, count in home.rows("select segment_id, n_members from audit.segment_evaluations where as_of = ?", [as_of]):
            answer = ask(Home(home.folder), question, check(question, {"segment": segment, "on": as_of}))
            assert len(answer.rows) == count


def test_the_history_of_a_customer_is_all_of_it_and_nobody_elses(home: Built):
    [(key, count)] = home.rows("select customer_key, count(*) from segments.segment_membership_history group by all order by 2 desc, 1 limit 1")
    answer = ask(Home(home.folder), find("q26"), check(find("q26"), {"customer": key.upper()}))
    assert len(answer.rows) == count > 3


def test_sizes_over_time_are_the_recorded_ones(home: Built):
    answer = ask(Home(home.folder), find("q27"), check(find("q27"), {"from": "2026-01-01", "to": "2027-01-01"}))
    sizes = {(segment, str(start)): size for segment, start, _, size in answer.rows}
    recorded = home.rows("select segment_id, as_of::varchar, n_members from audit.segment_evaluations where n_members > 0 and as_of = ?", [FIRST])
    assert len(recorded) >= 5
    assert {(segment, as_of): size for segment, as_of, size in recorded}.items() <= sizes.items()
    from_then_on = ask(Home(home.folder), find("q27"), check(find("q27"), {"from": SECOND, "to": "2027-01-01"})).rows
    assert from_then_on and {str(end) for _, _, end, _ in from_then_on} == {"None"}


def test_rules_are_listed_with_what_they_were_before(demo: Built):
    """cart_abandoner has two versions in the demo."""
    answer = ask(Home(demo.folder), find("q04"), check(find("q04"), {"segment": "cart_abandoner"}))
    rows = [dict(zip(answer.columns, row)) for row in answer.rows]
    assert [row["spec_version"] for row in rows] == [2, 1]
    assert rows[0]["parameters_before"] == rows[1]["parameters"] != rows[0]["parameters"] and rows[1]["parameters_before"] is None
    one = ask(Home(demo.folder), find("q04"), check(find("q04"), {"segment": "cart_abandoner", "spec-version": "1"}))
    assert one.rows == answer.rows[1:]


def test_nobody_is_processed_without_consent_in_the_demo(demo: Built):
    values = check(find("q09"), {"from": "2026-01-01", "to": "2027-01-01"})
    assert ask(Home(demo.folder), find("q09"), values).rows == []


def test_the_time_from_a_withdrawal_to_the_stop_is_counted_and_breaches_are_listed(weeks: Built):
    """The demo evaluates once a week, so most withdrawals are acted on later than the 24 hours of revocation_sla_hours."""
    answer = ask(Home(weeks.folder), find("q10"), check(find("q10"), {"from": "2026-01-12 00:00:01", "to": "2026-04-01"}))
    rows = [dict(zip(answer.columns, row)) for row in answer.rows]
    steps, breaches = [row for row in rows if row["p50_hours"] is not None], [row for row in rows if row["step"] == "breach"]
    hours = [row[0] for row in weeks.rows("select hours_to_stop from audit.revocations order by 1")]
    assert [row["n_revocations"] for row in steps] == [len(hours)] * 3 and len(hours) > 20
    assert steps[2]["p50_hours"] == hours[(len(hours) + 1) // 2 - 1] and steps[2]["max_hours"] == hours[-1]
    assert [row["max_hours"] for row in breaches] == sorted((value for value in hours if value > 24), reverse=True)


def test_the_consent_text_behind_an_order_is_that_of_the_memberships_and_consents_of_its_moment(weeks: Built):
    [(order, customer, ordered_at)] = weeks.rows("""
        select orders.order_key, orders.customer_key, orders.ordered_at
        from marts.orders as orders
        inner join segments.segment_membership_history as history
            on orders.customer_key = history.customer_key and history.lawful_basis = 'consent'
            and orders.ordered_at >= history.valid_from and orders.ordered_at < coalesce(history.valid_to, 'infinity'::timestamp)
        order by all limit 1
    """)
    answer = ask(Home(weeks.folder), find("q08"), check(find("q08"), {"order": order}))
    rows = [dict(zip(answer.columns, row)) for row in answer.rows]
    members = weeks.rows("select segment_id, consent_version from segments.segment_membership_history where customer_key = ? and valid_from <= ? "
                         "and coalesce(valid_to, 'infinity'::timestamp) > ? order by 1", [customer, ordered_at, ordered_at])
    assert [(row["segment_or_purpose"], row["consent_version"]) for row in rows if row["what"] == "segment"] == members
    assert {row["segment_or_purpose"] for row in rows if row["what"] == "consent"} == {purpose for (purpose,) in weeks.rows(
        "select purpose from marts.consent_intervals where customer_key = ? and is_granted and valid_from <= ? "
        "and coalesce(valid_to, 'infinity'::timestamp) > ?", [customer, ordered_at, ordered_at])}
    texts = [row for row in rows if row["consent_version"] == "v2"]
    assert texts and {row["text_sha256"] for row in texts} == {hash for (hash,) in weeks.rows(
        "select text_sha256 from restricted.intermediate.int_notices where consent_version = 'v2'")}
    assert all(row["chosen_at"] <= ordered_at and row["was_before_order"] and str(row["published_at"]) == "2025-09-01 00:00:00" for row in texts)


def test_a_signal_of_a_browser_binds_whom_the_device_leads_to(demo: Built):
    """The story: the device A-0003 sent the signal while logged out; a link leads from it to C-0018."""
    answer = ask(Home(demo.folder), find("q12"), check(find("q12"), {"from": "2026-03-26", "to": "2026-03-27"}))
    rows = [dict(zip(answer.columns, row)) for row in answer.rows]
    [(key,)] = demo.rows("select customer_key from restricted.vault.customer_keys where identifier = 'C-0018'")
    assert [(row["customer_key"], row["purpose"]) for row in rows] == [(key, "sale_share"), (key, "third_party_sharing")]
    assert {(row["outcome"], row["is_by_device"], row["n_memberships"]) for row in rows} <= {("opted_out", True, 0), ("refused", True, 0)}
    assert ask(Home(demo.folder), find("q12"), check(find("q12"), {"from": "2026-03-27", "to": "2027-01-01"})).rows == []


def test_a_request_is_told_from_its_choice_to_the_send_that_it_cancelled(weeks: Built):
    """Ada of the demo: withdrew on 3 March 10:15, evaluated on 2 and 9 March, a send planned for 10 March (privacy.md B 11)."""
    answer = ask(Home(weeks.folder), find("q11"), check(find("q11"), {"request": "Q-0001"}))
    told = [(str(row[0]), row[1], *row[4:]) for row in answer.rows]
    assert told == [
        ("2026-03-02 00:00:00", "evaluation", "in 2, before the choice", "in 2"),
        ("2026-03-03 10:15:00", "choice takes effect", "not known yet", "acts from 2026-03-03 10:15:00"),
        ("2026-03-03 10:15:01", "choice is recorded", "known", "acts from 2026-03-03 10:15:00"),
        ("2026-03-09 00:00:00", "evaluation", "in 0, choice known", "in 0 while the choice stands"),
        ("2026-03-10 09:00:00", "planned send", "cancelled", "cancelled"),
    ]


def way_back(built: Built) -> dict[str, list[dict]]:
    """The answer to q18, by what its rows are about."""
    answer = ask(Home(built.folder), find("q18"), {})
    rows = [dict(zip(answer.columns, row)) for row in answer.rows]
    return {what: [row for row in rows if row["what"] == what] for what in ("may enter", "epoch", "pseudonym", "check", "not on record")}


def test_every_area_is_in_the_report_on_access_and_only_the_restricted_file_leads_back(demo: Built):
    found = way_back(demo)["may enter"]
    schemas = {(database, schema) for database, schema in demo.rows(
        "select distinct database_name, schema_name from duckdb_tables() union select distinct database_name, schema_name from duckdb_views() where not internal")}
    areas = {(row["subject"], row["who"]) for row in found}
    assert areas == {
        (f"restricted.{schema}" if database == "restricted" else schema, f"whoever can open {database}.duckdb") for database, schema in schemas
    } | {(schema, f"whoever can open published/{DATABASE}") for schema in SCHEMAS} and len(areas) > 10
    assert all(row["is_way_back"] == (row["who"] == "whoever can open restricted.duckdb") for row in found)


def test_every_column_of_readers_that_holds_keys_is_listed_as_a_pseudonym(demo: Built):
    """By what stands in it: a keyed hash is hexadecimal. Other hashes are of texts and of rows, not of whom or what they are about."""
    hashes = {"code_sha", "content_hash", "dbt_scd_id", "evaluations_hash", "inputs_sha256", "leaf", "list_sha256", "log_hash", "manifest_hash",
              "partition_hash", "previous_hash", "rule_hash", "run_hash", "run_id", "spec_set_hash", "text_sha256"}
    texts = demo.rows("select schema_name, table_name, list(column_name) from duckdb_columns() "
                      "where database_name = 'warehouse' and data_type = 'VARCHAR' and not internal group by all")
    tried = [", ".join(f"case when bool_or(regexp_full_match(\"{column}\", '[0-9a-f]{{32,64}}')) then '{column}' end" for column in columns)
             for _, _, columns in texts]
    found = {column for (columns,) in demo.rows(" union all ".join(
        f"select [{columns}] from {schema}.{table}" for (schema, table, _), columns in zip(texts, tried))) for column in columns if column}
    listed = {row["subject"]: row for row in way_back(demo)["pseudonym"]}
    assert found - hashes <= set(listed) and "customer_key" in found and "order_key" in found
    held = {name for (name,) in demo.rows("select column_name from duckdb_columns() where database_name = 'warehouse'")}
    assert set(listed) <= held and all(row["n_values"] > 0 for row in listed.values())
    assert {row["because"].split()[-1] for row in listed.values()} <= {name for (name,) in demo.rows(
        "select table_name from information_schema.tables where table_catalog = 'restricted'")}


def test_the_report_on_access_checks_what_readers_see_and_says_what_nobody_recorded(demo: Built, demo_copy: Built):
    found = way_back(demo)
    assert [(row["subject"], row["is_way_back"], row["n_values"]) for row in found["check"]] == [("pid", False, 0)]
    [epoch] = found["epoch"]
    assert (epoch["subject"], epoch["is_way_back"], epoch["n_values"]) == ("1", True, demo.rows("select count(*) from marts.anonymous_visitors")[0][0])
    assert [row["is_way_back"] for row in found["not on record"]] == [None]
    for database in ("warehouse.duckdb", "published/segmentation.duckdb"):
        with duckdb.connect(str(demo_copy.folder / database)) as connection:
            connection.execute("update marts.anonymous_visitors set pid = 'A-0001'")
    assert way_back(demo_copy)["check"][0]["is_way_back"], "a device's id in the place of its pseudonym is found"


def consent(person: str, purpose: str, status: str, effective_at: str, recorded_at: str) -> str:
    """Somebody's choice, put into the consent events as if it had come with the newest data."""
    permissive = status in ("granted", "objection_lifted")
    track = "objection" if status.startswith("object") else "consent"
    return f"""
        insert into restricted.intermediate.int_consent_events by name
        select identifier_type, identifier, 'late' as consent_event_id, '{purpose}' as purpose, '{status}' as status, '{track}' as track,
            {permissive} as is_permissive, timestamp '{effective_at}' as effective_at, timestamp '{recorded_at}' as recorded_at,
            timestamp '{effective_at}' as acts_at
        from restricted.vault.customer_keys where customer_key = '{person}'"""


@pytest.mark.parametrize("status, effective_at, recorded_at, kinds", [
    ("withdrawn", "2026-02-20", "2026-03-20", {"late_arrival"}),
    ("withdrawn", "2026-02-20", "2026-02-21", {"breach"}),
    ("objected", "2026-02-20", "2026-03-20", {"late_arrival"}),
    ("withdrawn", "2026-03-08 00:00:01", "2026-03-20", set()),  # after the last evaluation
    ("granted", "2026-02-20", "2026-03-20", set()),
])
def test_a_choice_against_a_recorded_membership_is_an_exception(
        shop: Shop, tmp_path: Path, status: str, effective_at: str, recorded_at: str, kinds: set[str]):
    for name in ("warehouse.duckdb", "restricted.duckdb"):
        shutil.copy(shop.home / name, tmp_path / name)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute(f"attach '{tmp_path / 'restricted.duckdb'}' as restricted")
        [person] = connection.execute(
            "select min(customer_key) from segments.segment_membership_history where lawful_basis = 'consent' and valid_to is null"
        ).fetchone()
        connection.execute(consent(person, "*", status, effective_at, recorded_at))
    values = check(find("q09"), {"from": "2026-01-01", "to": "2027-01-01"})
    answer = ask(Home(tmp_path), find("q09"), values)
    rows = [dict(zip(answer.columns, row)) for row in answer.rows]
    assert {row["kind"] for row in rows} == kinds and {row["customer_key"] for row in rows} <= {person}
    # a withdrawal touches what stands on consent, an objection also what stands on legitimate interests
    bases = dict(Built(tmp_path, 0).rows("select segment_id, lawful_basis from segments.segment_registry"))
    touched = {bases[row["segment_id"]] for row in rows}
    assert touched == ({"consent", "legitimate_interests"} if status == "objected" else {"consent"} if kinds else set())


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", KINDS)
def test_nothing_can_be_injected(name: str, text: str, home: Built):
    """A hostile text is refused by the type, or (a well-formed name or number) is only a value that matches nothing."""
    question = next(q for q in questions() if name in q.parameters)
    if (name, text) == ("shown-amount", "-1"):
        assert check(question, {name: text})["shown_amount"] == -1
        return
    if name == "segment" and text in WELL_FORMED_NAMES:
        with pytest.raises(UserError, match="There is no segment"):
            ask(Home(home.folder), question, check(question, {"segment": text, "on": SECOND}))
        return
    if name == "request" and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text, re.ASCII):
        assert ask(Home(home.folder), question, check(question, {"request": text})).rows == []
        return
    if name == "order" and re.fullmatch(r"[0-9a-fA-F]{32}", text, re.ASCII):
        assert ask(Home(home.folder), question, check(question, {"order": text})).rows == []
        return
    given = {"segment": "existing_customer", "on": SECOND, "from": FIRST, "to": SECOND, "customer": "ab" * 32, "order": "ab" * 16, "request": "r"}
    texts = {needed: given[needed] for needed, required in question.parameters.items() if required} | {name: text}
    with pytest.raises(UserError) as error:
        check(question, texts)
    sentence = str(error.value)
    assert sentence.startswith(f"--{name} ") and sentence.endswith(".") and "Traceback" not in sentence


@pytest.mark.parametrize("number", ["q01", "q02", "q03"])
def test_before_the_record_begins_there_is_no_answer_instead_of_an_empty_one(home: Built, number: str):
    question = find(number)
    given = {"segment": "existing_customer", "on": FIRST}
    assert ask(Home(home.folder), question, check(question, given)).rows
    with pytest.raises(UserError, match=f"The record begins at {FIRST}: it has no answer for 2025-12-31"):
        ask(Home(home.folder), question, check(question, given | {"on": "2025-12-31"}))


def test_values_reach_the_database_as_bound_parameters(home: Built):
    """Past the check too: a value with SQL in it is compared, not run."""
    values = {"segment_id": None, "from_instant": FIRST, "to_instant": SECOND}
    hostile = find("q27"), values | {"segment_id": "x'; drop table segments.segment_members; --"}
    with pytest.raises(UserError, match="There is no segment"):
        ask(Home(home.folder), *hostile)
    customer = find("q26"), {"customer_key": "' or '1'='1"}
    assert ask(Home(home.folder), *customer).rows == []


def test_what_the_platform_shows_leaves_an_unexplained_remainder(home: Built):
    def lines(**shown: str) -> dict[str, tuple]:
        texts = {"definition": "shopify_net_sales"} | {name.replace("_", "-"): text for name, text in shown.items()}
        return {row[3]: row[4:6] for row in ask(Home(home.folder), find("q28"), check(find("q28"), texts)).rows}

    orders, amount = lines()["their_figure"]
    assert "unexplained" not in lines() and orders > 0
    assert lines(shown_orders=str(orders + 2), shown_amount=str(amount - 1))["unexplained"] == (2, -1)
    assert lines(shown_amount=str(amount))["unexplained"] == (None, 0)
    bridge = lines()
    assert sum(line[0] for step, line in bridge.items() if step != "their_figure") == orders
    assert sum(line[1] for step, line in bridge.items() if step != "their_figure") == amount


@pytest.mark.parametrize("arguments, words", [
    (("q28", "--definition", "shopify"), ("--definition must be one of file, ", "woocommerce_net_sales")),
    (("q28", "--period", "2026-13"), ("month like 2026-02",)),
    (("q01", "--segment", "vip"), ("q01 needs --on",)),
    (("q01",), ("--segment and --on",)),
    (("q05", "--segment", "vip"), ("q05 takes no --segment", "no parameters")),
    (("q01", "--segment", "vipp", "--on", "2026-03-03"), ("no segment vipp", "existing_customer")),
    (("q99",), ("no question 'q99'",)),
    (("../q01",), ("no question",)),
    (("q26", "--customer", "0000"), ("64 hex digits",)),
    (("q01", "--segment", "vip", "--on", "3 March"), ("2026-03-03",)),
])
def test_wrong_use_is_one_sentence(command, arguments: tuple[str, ...], words: tuple[str, ...]):
    code, out, err = command(*arguments)
    assert code == 1 and out == "" and err.startswith("segmentation: ") and err.strip().count("\n") == 0
    assert all(word in err for word in words), err


def test_a_table_and_a_file(command, home: Built):
    code, out, _ = command("q01", "--segment", "existing_customer", "--on", SECOND)
    members = home.rows("select n_members from audit.segment_evaluations where segment_id = 'existing_customer' and as_of = ?", [SECOND])[0][0]
    assert code == 0 and f"{members} rows" in out and "…" in out
    code, out, _ = command("q01", "--segment", "existing_customer", "--on", SECOND, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0 and len(rows) == members and all(len(row["customer_key"]) == 64 for row in rows)


def test_cells_of_a_file_are_no_formulas_and_numbers_stay_numbers():
    answer = Answer(["text", "number", "instant", "nothing"],
                    [(text, -1.5, datetime(2026, 3, 3), None) for text in ("=1+1", "+1", "-1", "@x", "\tx", "\rx", "\0x", "a=1", "")], Path())
    rows = list(csv.reader(io.StringIO(as_csv(answer.columns, answer.rows), newline="")))[1:]
    assert [row[0] for row in rows] == ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "'\rx", "'\0x", "a=1", ""]
    assert {tuple(row[1:]) for row in rows} == {("-1.5", "2026-03-03 00:00:00", "")}


def test_what_the_published_copy_holds_is_asked_there_while_a_build_holds_the_databases(home: Built, command):
    with duckdb.connect(str(home.folder / "warehouse.duckdb"), read_only=True):
        answer = ask(Home(home.folder), find("q01"), check(find("q01"), {"segment": "vip", "on": SECOND}))
    assert answer.source == home.folder / "published" / "segmentation.duckdb"
    assert ask(Home(home.folder), find("q05"), {}).source == home.folder / "warehouse.duckdb"


def test_a_copy_alone_answers_what_it_can_and_says_what_it_cannot(shop: Shop, tmp_path: Path, command):
    shutil.copytree(shop.home / "published", tmp_path / "published", symlinks=True)
    assert command("q27", "--from", FIRST, "--to", "2027-01-01", folder=tmp_path)[0] == 0
    code, _, err = command("q05", folder=tmp_path)
    assert code == 1 and "no build to ask" in err and "control_totals" in err


def test_control_characters_in_data_do_not_reach_the_terminal(capsys):
    cli.show_answer("title", ["a", "b"], [("\x1b[31mred", "[bold]markup[/]"), ("ab" * 32 + "-dirty", None)])
    out = capsys.readouterr().out
    assert "\x1b[31m" not in out and "\\x1b[31mred" in out and "[bold]markup[/]" in out
    assert "abababababab…-dirty" in out


def test_a_table_is_whole_in_a_pipe_and_in_records_where_a_terminal_is_narrow(capsys, monkeypatch):
    columns, row = ["one", "two", "n"], ("x" * 60, "y" * 90, "1,000")
    cli.show_answer("title", columns, [row], ["n"])
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [["title"], columns, list(row)]
    monkeypatch.setattr(cli.console, "width", 80)
    cli.show_answer("title", columns, [row], ["n"])
    said = capsys.readouterr().out
    assert said.count("x") == 60 and said.count("y") == 90 and all(len(line) <= 80 for line in said.splitlines()) and "1,000" in said


def test_the_entries_have_no_key_that_yaml_takes_for_a_truth_value():
    """An unquoted `on` is true in YAML 1.1."""
    content = yaml.safe_load((QUESTIONS / "_analyses.yml").read_text())
    assert {key for entry in content["analyses"] for key in entry["config"]["meta"]["parameters"]} == KINDS.keys()
