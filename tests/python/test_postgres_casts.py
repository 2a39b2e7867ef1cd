"""Raw texts are read alike on Postgres and DuckDB: the same are readable, and they give the same value.

First by a list of what shops' exports hold, good and bad, with the value each must give; then by texts made from those
by random slips. What is left out of the second: writings that only DuckDB reads, and reads strangely (QUIRKS).
"""

import random
import re
from collections.abc import Iterator

import duckdb
import psycopg2
import pytest
from jinja_macros import Macros
from postgres_server import running_server
from psycopg2.extras import execute_values

from segmentation.home import PROJECT

pytestmark = pytest.mark.postgres
MACROS = PROJECT / "macros" / "cross_db"

READ = {
    "as_timestamp": {
        "2026-03-03": "2026-03-03 00:00:00",
        "2026-3-3 1:5:7": "2026-03-03 01:05:07",
        "2026/03/03 10:05": "2026-03-03 10:05:00",
        "2026-03-03T10:05:07Z": "2026-03-03 10:05:07",
        "2026-03-03 10:05:07 UTC": "2026-03-03 10:05:07",
        "2026-03-03 10:05:07.1239999": "2026-03-03 10:05:07.123999",  # cut, not rounded
        "2026-03-03 23:59:59.9999999": "2026-03-03 23:59:59.999999",
        "2026-03-03 10:05:07+02": "2026-03-03 08:05:07",
        "2026-03-03 10:05:07-0330": "2026-03-03 13:35:07",
        "2026-03-03T10:05:07.5+05:45": "2026-03-03 04:20:07.5",
        "2026-01-01 00:30:00+14:00": "2025-12-31 10:30:00",
        "2026-12-31 24:00:00": "2027-01-01 00:00:00",
        "2024-02-29 12:00:00": "2024-02-29 12:00:00",
        "2000-02-29": "2000-02-29 00:00:00",
        "9999-12-31 23:59:59Z": "9999-12-31 23:59:59",
        "1000-01-01": "1000-01-01 00:00:00",
        "02026-03-03": "2026-03-03 00:00:00",
        "epoch": "1970-01-01 00:00:00",
        "2026-02-29": None, "1900-02-29": None, "2026-02-30 14:00:00": None, "2026-04-31": None, "2026-13-01": None,
        "2026-00-10": None, "2026-01-00": None, "2026-03-03 25:00:00": None, "2026-03-03 10:60": None,
        "2026-03-03 10:05:60": None, "2026-03-03 24:00:01": None, "9999-12-31 23:59:59-01": None, "10000-01-01": None,
        "0999-12-31": None, "26-03-03": None, "0000-01-01": None, "-2026-03-03": None, "0044-03-15 (BC)": None,
        "infinity": None, "-infinity": None, "now": None, "today": None, "20260303": None, "1772500000": None,
        "03.03.2026": None, "03/04/2026": None, "3 March 2026": None, "2026-W10-1": None, "2026-03-03 10:00 AM": None,
        "2026-03-29 02:30:00 Europe/Paris": None, "2026-10-25 02:30:00 CET": None, "2026-03-03 10:05:07 EST5EDT": None,
        "2026-03-03 10:05:07 +02": None, "2026-03-03x": None, "2026-03-03 10": None, "2026-03-03T": None,
        "\u00a02026-03-03": None, "2026\u201303\u201303": None, "２０２６-03-03": None, "2026-03-03\u200b": None,
        "2026-03-03'; drop table t; --": None, "🙂": None, " ": None,
    },
    "as_date": {
        "1990-02-28": "1990-02-28", "1992-2-29": "1992-02-29", " 1990-01-01 ": "1990-01-01", "1990/12/31": "1990-12-31",
        "1990-01-01 10:00:00+05": "1990-01-01",  # the day as written
        "1990-01-01T00:00:00Z": "1990-01-01",
        "1990-02-29": None, "1990-02-30": None, "infinity": None, "-infinity": None, "90-01-01": None, "19900101": None,
        "10000-01-01": None, "0001-01-01": None, "1990-01-01 (BC)": None, "1990-01": None, "01.01.1990": None, "": None,
    },
    "as_money": {
        "1": "1.00", "12.345": "12.35", "-12.345": "-12.35", "0.005": "0.01", "-0.005": "-0.01", "0.00499999": "0.00",
        ".5": "0.50", "5.": "5.00", "+7": "7.00", " 12.5\t": "12.50", "1e3": "1000.00", "12345E-2": "123.45", "1_000.50": "1000.50",
        "-0.00": "0.00", "00012": "12.00", "999999999999.99": "999999999999.99",
        "-999999999999.994": "-999999999999.99", "999999999999.995": None, "-999999999999.995": None, "1000000000000": None,
        "9999999999999999.99": None, "10000000000000000": None, "1e12": None, "1e400": None, "1,000.50": None, "1.000,50": None, "12,50": None, "1 000": None,
        "$12": None, "12€": None, "12 EUR": None, "(12.50)": None, "12.5-": None, "--1": None, "1.2.3": None, "1e": None,
        "e5": None, ".": None, "-": None, "": None, "NaN": None, "inf": None, "Infinity": None, "null": None, "true": None,
        "１２": None, "12\u00a0": None, "1__0": None, "0x": None,
    },
    "as_rate": {
        "1.08": "1.08000000", "0.000000005": "0.00000001", "9999999999.99999999": "9999999999.99999999",
        "9999999999.999999995": None, "10000000000": None, "1,08": None,
    },
    "as_integer": {
        "3": "3", "2.5": "3", "-2.5": "-3", "1.4999": "1", " 7 ": "7", "1e3": "1000", "2147483647.4": "2147483647",
        "-2147483648.4": "-2147483648", "2147483647.5": None, "2147483648": None, "-2147483649": None, "three": None, "": None,
    },
    "as_boolean": {
        "true": "true", "TRUE": "true", "Yes": "true", "y": "true", "t": "true", "1": "true", "false": "false", "No": "false",
        "F": "false", "0": "false", " true": None, "1.0": None, "on": None, "2": None, "wahr": None, "": None, "ＴＲＵＥ": None,
    },
}

QUIRKS = {
    # an offset of sixteen hours and more, or of sixty minutes and more; a time that ends with a colon; epoch with a sign,
    # or with a line end; a line end behind a zone; the year 999 that an offset moves into 1000
    "as_timestamp": r"[+-](1[6-9]|[2-9][0-9])|[+-][0-9]{2}:?[6-9][0-9]|:\s*$|\s$|24:.*Z|epoch|^\s*0*[0-9]{3}[-/]",
    "as_date": r"epoch",
    # an exponent without digits, a point behind it, a sign alone, and exponents that lose or gain half a unit
    "as_money": r"[eE]|^\s*[+-]\s*$",
    "as_rate": r"[eE]|^\s*[+-]\s*$",
    # and hexadecimal or binary digits
    "as_integer": r"[eExXbB]|^\s*[+-]\s*$",
    "as_boolean": r"(?!)",
}
SLIPS = list("0123456789-/:. T+ZeE_xin\t\n()Bc'\\") + ["\u00a0", "é", "🙂", "\u200b", "２"]


@pytest.fixture(scope="module")
def engines() -> Iterator[tuple]:
    """Functions (kind, texts) -> {text: value as text}, one for DuckDB and one for Postgres."""
    on_duckdb, on_postgres = Macros(MACROS), Macros(MACROS, engine="postgres")
    memory = duckdb.connect()
    memory.execute("set TimeZone = 'UTC'")
    with running_server() as server:
        connection = psycopg2.connect(host=server["PGHOST"], user=server["PGUSER"], dbname="postgres")
        cursor = connection.cursor()

        def duckdb_reads(kind: str, texts: list[str]) -> dict:
            memory.execute("create or replace table raw as select unnest(?::varchar[]) as given", [texts])
            return dict(memory.execute(f"select given, ({getattr(on_duckdb, kind)('given')})::varchar from raw").fetchall())

        def postgres_reads(kind: str, texts: list[str]) -> dict:
            cursor.execute("create temporary table raw (given text)")
            execute_values(cursor, "insert into raw values %s", [(text,) for text in texts], page_size=5000)
            cursor.execute(f"select given, ({getattr(on_postgres, kind)('given')})::text from raw")
            found = dict(cursor.fetchall())
            connection.rollback()
            return found

        yield duckdb_reads, postgres_reads
        connection.close()


@pytest.mark.parametrize("kind", READ)
def test_each_engine_reads_what_exports_hold(engines, kind):
    for reads in engines:
        assert reads(kind, list(READ[kind])) == READ[kind]


@pytest.mark.parametrize("kind", READ)
def test_random_slips_are_read_alike(engines, kind):
    draw = random.Random(f"2026 {kind}")
    texts = sorted({slipped(draw, draw.choice(list(READ[kind]))) for _ in range(10_000)})
    plain = [text for text in texts if not re.search(QUIRKS[kind], text)]
    there, here = (reads(kind, plain) for reads in engines)
    assert {text: (there[text], here[text]) for text in plain if there[text] != here[text]} == {}
    readable = sum(value is not None for value in here.values())
    assert len(plain) > 1000 and 0.002 * len(plain) < readable < 0.8 * len(plain), "the texts must be of both kinds"


def test_what_only_duckdb_reads_is_rejected_and_stops_nothing(engines):
    _, postgres_reads = engines
    for kind in READ:
        draw = random.Random(f"odd {kind}")
        texts = sorted({slipped(draw, draw.choice(list(READ[kind]))) for _ in range(10_000)})
        odd = [text for text in texts if re.search(QUIRKS[kind], text)]
        assert len(postgres_reads(kind, odd)) == len(odd)  # no cast failed


def slipped(draw: random.Random, text: str) -> str:
    """A text with up to three characters replaced, inserted or lost."""
    chars = list(text)
    for _ in range(draw.choice([0, 1, 1, 1, 2, 2, 3])):
        place = draw.randrange(len(chars) + 1)
        what = draw.random()
        if what < 0.4 or not chars:
            chars.insert(place, draw.choice(SLIPS))
        elif what < 0.8:
            chars[min(place, len(chars) - 1)] = draw.choice(SLIPS if what < 0.6 else "0123456789")
        else:
            del chars[min(place, len(chars) - 1)]
    return "".join(chars)
