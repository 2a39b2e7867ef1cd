"""The auditor's questions: the documented queries of analyses/, asked of a built home with checked parameters.

A query is a file with dbt's `ref()` and a first CTE `asked` that holds its parameters with example values, so that it is
also plain SQL for dbt and for any client. Asking replaces that CTE by one made of bound parameters; nothing that a user
gives is ever written into SQL, except by `plain_sql`, which writes literals of values that passed the check of their type.
"""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import duckdb
from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from segmentation.errors import UserError
from segmentation.files import read_yaml
from segmentation.home import PROJECT, Home, connect_read_only
from segmentation.publish import DATABASE, SCHEMAS

QUESTIONS = PROJECT / "analyses"
DEFINITIONS = PROJECT / "seeds" / "reference" / "platform_definitions.csv"
ASKED = re.compile(r"^with asked as \(\n    select\n(?:        .*\n)+\)(?=,\n)", re.MULTILINE)
RISKY = ("=", "+", "-", "@", "\t", "\r", "\0")  # what a spreadsheet takes for a formula (OWASP ASVS 1.2.10)
RECORD = {"segment_membership_history", "segment_evaluations"}  # what says who was in a segment, and begins with the first evaluation
RESTRICTED_SCHEMAS = ("intermediate", "vault")


def instant(text: str) -> datetime:
    """A UTC instant: YYYY-MM-DD with or without HH:MM:SS and a fraction. Raises ValueError."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}:\d{2}(\.\d{1,6})?)?", text, re.ASCII):
        raise ValueError("must be a date or UTC instant like 2026-03-03 or 2026-03-03 12:00:00")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("names a day or hour that does not exist") from None


def segment_id(text: str) -> str:
    """A name as segments have it; whether there is such a segment is asked of the registry. Raises ValueError."""
    if not re.fullmatch("[a-z][a-z0-9_]{0,62}", text):
        raise ValueError("must be a segment's name, in small letters, digits and underscores")
    return text


def customer_key(text: str) -> str:
    """A pseudonymous person key, in lower case. Raises ValueError."""
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise ValueError("must be a customer_key of 64 hex digits")
    return text.lower()


def order_key(text: str) -> str:
    """A pseudonymous order key, in lower case. Raises ValueError."""
    if not re.fullmatch("[0-9a-fA-F]{32}", text):
        raise ValueError("must be an order_key of 32 hex digits")
    return text.lower()


def request_id(text: str) -> str:
    """The id of a person's request, as the shop names it. Raises ValueError."""
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]{0,99}", text):
        raise ValueError("must be the id of a request, in letters, digits and . _ -")
    return text


def whole_number(text: str) -> int:
    """A number from 1 on. Raises ValueError."""
    if not re.fullmatch("[1-9][0-9]{0,8}", text):
        raise ValueError("must be a whole number")
    return int(text)


def definition(text: str) -> str:
    """A definition of orders and revenue: one of the seed's. Raises ValueError."""
    with open(DEFINITIONS, encoding="utf-8", newline="") as file:
        known = [row["definition"] for row in csv.DictReader(file)]
    if text not in known:
        raise ValueError(f"must be one of {', '.join(known)}")
    return text


def period(text: str) -> str:
    """A month, or everything up to the date evaluated. Raises ValueError."""
    if not re.fullmatch(r"to_date|\d{4}-(0[1-9]|1[0-2])", text, re.ASCII):
        raise ValueError("must be a month like 2026-02, or to_date")
    return text


def count_from_zero(text: str) -> int:
    """A number from 0 on. Raises ValueError."""
    if not re.fullmatch("[0-9]{1,9}", text):
        raise ValueError("must be a whole number")
    return int(text)


def money(text: str) -> Decimal:
    """An amount with two decimals at most. Raises ValueError."""
    if not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,2})?", text):
        raise ValueError("must be an amount like 1234.50")
    return Decimal(text)


@dataclass(frozen=True)
class Kind:
    """A parameter that questions may have: its column in `asked`, SQL type, check, and what the help says."""

    column: str
    type: str
    check: Callable
    help: str


KINDS = {
    "segment": Kind("segment_id", "varchar", segment_id, "a segment, for example vip"),
    "on": Kind("on_instant", "timestamp", instant, "a date or UTC instant, for example 2026-03-03"),
    "from": Kind("from_instant", "timestamp", instant, "beginning of the period"),
    "to": Kind("to_instant", "timestamp", instant, "end of the period, not included"),
    "customer": Kind("customer_key", "varchar", customer_key, "a customer_key"),
    "order": Kind("order_key", "varchar", order_key, "an order_key"),
    "request": Kind("request_id", "varchar", request_id, "the id of a person's request"),
    "spec-version": Kind("spec_version", "integer", whole_number, "a version of the segment's rule"),
    "definition": Kind("definition", "varchar", definition, "a definition of orders and revenue, for example shopify_net_sales"),
    "period": Kind("period", "varchar", period, "a month, for example 2026-02, or to_date"),
    "shown-orders": Kind("shown_orders", "integer", count_from_zero, "the number of orders that the platform shows"),
    "shown-amount": Kind("shown_amount", "decimal(18, 2)", money, "the amount that the platform shows"),
}


@dataclass(frozen=True)
class Question:
    """One file of analyses/ with its entry in _analyses.yml: file name, title, parameter -> whether it is required."""

    name: str
    title: str
    parameters: dict[str, bool]

    @property
    def number(self) -> str:
        """What users type: q01."""
        return self.name.partition("_")[0]

    @property
    def usage(self) -> str:
        """The parameters as they are typed."""
        return " ".join(f"--{name} ..." if required else f"[--{name} ...]" for name, required in self.parameters.items())

    def text(self) -> str:
        """The file."""
        return (QUESTIONS / f"{self.name}.sql").read_text(encoding="utf-8")

    def asks_of(self) -> list[str]:
        """Names of the relations that the query reads."""
        return sorted(set(re.findall(r"(?:ref\(|source\('\w+', )'(\w+)'\)", self.text())))


@dataclass(frozen=True)
class Answer:
    """Columns and rows, and the database file that gave them."""

    columns: list[str]
    rows: list[tuple]
    source: Path


def questions() -> list[Question]:
    """All questions, by number."""
    content = read_yaml(QUESTIONS / "_analyses.yml")
    return sorted((
        Question(entry["name"], entry["description"].strip(),
                 {name: need == "required" for name, need in entry["config"]["meta"]["parameters"].items()})
        for entry in content["analyses"]
    ), key=lambda question: question.name)


def find(name: str) -> Question:
    """The question of a number or name. Raises UserError when there is none."""
    for question in questions():
        if name in (question.number, question.name):
            return question
    raise UserError(f"There is no question {name[:60]!r}: segmentation ask lists them.")


def check(question: Question, given: dict[str, str | None]) -> dict[str, object]:
    """The parameters of a question as typed values by column, None for what is optional and not given.

    `given` holds texts by parameter. Raises UserError for one that is missing, not of its type, or not the question's.
    """
    texts = {name: text for name, text in given.items() if text is not None}
    if foreign := [name for name in texts if name not in question.parameters]:
        raise UserError(f"{question.number} takes no --{foreign[0]}; it takes {question.usage or 'no parameters'}.")
    if missing := [name for name, required in question.parameters.items() if required and name not in texts]:
        raise UserError(f"{question.number} needs {' and '.join(f'--{name}' for name in missing)}: {question.title}")
    values = {}
    for name in question.parameters:
        try:
            values[KINDS[name].column] = KINDS[name].check(texts[name]) if name in texts else None
        except ValueError as error:
            raise UserError(f"--{name} {error}, not {texts[name][:60]!r}.") from None
    return values


def ask(home: Home, question: Question, values: dict[str, object]) -> Answer:
    """The answer of a home to a question with checked values.

    What the published copy holds is asked there, so that no running build is in the way; the record of runs, rejected rows
    and consent events is in the databases themselves. Raises UserError for a segment that does not exist, an instant before the
    record, and when there is no build, or a build holds the databases.
    """
    copy = home.published / DATABASE
    if copy.exists() and (answer := _ask_in(copy, None, SCHEMAS, question, values)):
        return answer
    if not home.warehouse.exists():
        raise UserError(f"{home.folder}: there is no build to ask; {question.number} reads {', '.join(question.asks_of())}.")
    restricted = home.restricted if home.restricted.exists() else None
    if answer := _ask_in(home.warehouse, restricted, None, question, values):
        return answer
    raise UserError(f"{home.folder} lacks what {question.number} reads ({', '.join(question.asks_of())}): build first.")


def plain_sql(question: Question, values: dict[str, object]) -> str:
    """The question as SQL for any client, with the values in `asked`. They have passed check(), so they hold no quote."""
    literals = {column: "null" if value is None else str(value) if isinstance(value, int) else f"'{value}'"
                for column, value in values.items()}
    where = {name: f"{schema}.{name}" for name, schema in _declared_schemas().items()}
    return _rendered(question, where, lambda column: literals[column])


def is_risky(cell: object) -> bool:
    """Whether a spreadsheet would take a cell for a formula: a text that begins like one, never a number."""
    return isinstance(cell, str) and cell.startswith(RISKY)


def as_csv(columns: list[str], rows: list[tuple]) -> str:
    """Rows as CSV with a heading. A text that a spreadsheet would take for a formula (is_risky) gets a quote before it."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)  # RFC 4180; another end of line would leave a lone CR in a cell unquoted
    writer.writerow(columns)
    for row in rows:
        writer.writerow([f"'{cell}" if is_risky(cell) else cell for cell in row])
    return file.getvalue()


def _ask_in(database: Path, restricted: Path | None, schemas: tuple[str, ...] | None, question: Question,
            values: dict[str, object]) -> Answer | None:
    """The answer of one database; None when it does not hold all that the question reads."""
    with connect_read_only(database, restricted) as connection:
        where = _relations(connection, schemas)
        if not all(name in where for name in question.asks_of()):
            return None
        _check_segment(connection, where, values.get("segment_id"))
        if RECORD.intersection(question.asks_of()):
            _check_instant(connection, where, values.get("on_instant"))
        sql = _rendered(question, where, lambda column: f"${column}")
        try:
            cursor = connection.execute(sql, values)
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise UserError(f"{question.number}: {database} was built by an older version; build again "
                            f"({str(error).splitlines()[0].rstrip('.')}).") from error
        return Answer([column[0] for column in cursor.description], cursor.fetchall(), database)


def _relations(connection: duckdb.DuckDBPyConnection, schemas: tuple[str, ...] | None) -> dict[str, str]:
    """Every relation by name, written in full. A replay's schemas (with a prefix) are not the record."""
    rows = connection.execute(
        """
        select table_name, '"' || table_catalog || '"."' || table_schema || '"."' || table_name || '"'
        from information_schema.tables
        where (table_catalog = 'warehouse' and list_contains($record, table_schema))
            or (table_catalog = 'restricted' and list_contains($restricted, table_schema))
        """,
        {"record": list(schemas or (*SCHEMAS, "audit", "activation")), "restricted": list(RESTRICTED_SCHEMAS)},
    ).fetchall()
    return dict(rows)


def _check_segment(connection: duckdb.DuckDBPyConnection, where: dict[str, str], name: str | None) -> None:
    if name is None or "segment_registry" not in where:
        return
    known = [row[0] for row in connection.execute(
        f"select distinct segment_id from {where['segment_registry']} union select distinct segment_id from "
        f"{where['segment_membership_history']} order by all").fetchall()]
    if name not in known:
        raise UserError(f"There is no segment {name}; there are {', '.join(known)}.")


def _check_instant(connection: duckdb.DuckDBPyConnection, where: dict[str, str], on: datetime | None) -> None:
    """Nobody on record is another answer than no record."""
    if on is None or "segment_membership_history" not in where:
        return
    [(begins,)] = connection.execute(f"select min(valid_from) from {where['segment_membership_history']}").fetchall()
    if begins is not None and on < begins:
        raise UserError(f"The record begins at {begins}: it has no answer for {on} (SEGMENTS_HOME names the home that is asked).")


def _declared_schemas() -> dict[str, str]:
    """The schema of every relation that a question reads, by the project's folders: for SQL that leaves this machine."""
    schemas = {path.stem: path.relative_to(PROJECT / "models").parts[0] for path in (PROJECT / "models").rglob("*.sql")}
    schemas |= {name: "restricted.intermediate" for name, schema in schemas.items() if schema == "intermediate"}
    lifecycle = dict.fromkeys(("deletion_log", "deletion_ledger", "restore_checks", "export_log"), "audit")
    lifecycle |= dict.fromkeys(("erased_identifiers", "erasure_requests", "outbox"), "restricted.vault")
    return schemas | {"customer_keys": "restricted.vault"} | lifecycle


def _rendered(question: Question, where: dict[str, str], value: Callable[[str], str]) -> str:
    """The query with its relations, and with `asked` made of value(column) for every parameter.

    Jinja knows ref(), source() and two type names here and nothing else: a question must read as plain SQL.
    """
    text = question.text()
    if question.parameters:
        kinds = [KINDS[name] for name in question.parameters]
        columns = ",\n".join(f"        cast({value(kind.column)} as {kind.type}) as {kind.column}" for kind in kinds)
        text, count = ASKED.subn(lambda _: f"with asked as (\n    select\n{columns}\n)", text)
        if count != 1:
            raise ValueError(f"{question.name}: the first CTE must be `asked` and hold the parameters only")
    types = SimpleNamespace(type_string=lambda: "varchar", type_timestamp=lambda: "timestamp")
    return SandboxedEnvironment(undefined=StrictUndefined).from_string(text).render(
        ref=where.__getitem__, source=lambda _, name: where[name], dbt=types)
