"""The stability rule: the sequences of statistics.md 7, random histories against the rule told in Python, and real builds."""

import duckdb
import pytest
from conftest import PROJECT
from jinja_macros import Macros

# candidate by evaluation, evaluations before which the person purchased, expected with stability 2 and with 3
SEQUENCES = {
    "blip": ("AABAAA", (), "AAAAAA", "AAAAAA"),
    "confirmed on the third": ("AABBBB", (), "AAABBB", "AAAABB"),
    "alternating": ("ABABAB", (), "AAAAAA", "AAAAAA"),
    "two, then back": ("ABBABBA", (), "AABBBBB", "AAAAAAA"),
    "drift through levels": ("ADDRRRLLLL", (), "AADDRRRLLL", "AAAAARRRLL"),
    "a purchase acts at once": ("LLLAAA", (3,), "LLLAAA", "LLLAAA"),
    "a purchase, then back": ("RRRARRR", (3,), "RRRAARR", "RRRAAAR"),
    "the first one counts": ("R", (), "R", "R"),
}


@pytest.fixture(scope="module")
def macros() -> Macros:
    return Macros(PROJECT / "macros" / "segments")


def held(macros: Macros, rows: list[tuple]) -> dict[str, str]:
    """What the macro makes of rows (person, number, candidate, is_first, has_purchased, stability, streak, value): a text per person."""
    with duckdb.connect() as connection:
        connection.execute("""
            create table series (person text, as_of integer, candidate text, is_first boolean, has_purchased boolean,
                                 stability integer, carried_streak bigint, carried_value text)
        """)
        connection.executemany("insert into series values (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        query = macros.held_values("series", ["person"])
        found = connection.execute(f"select person, string_agg(effective, '' order by as_of) from ({query}) group by person").fetchall()
    return dict(found)


def rows_of(person: str, candidates: str, purchases: tuple, stability: int) -> list[tuple]:
    return [(person, number, candidate, number == 0, number in purchases, stability, None, None)
            for number, candidate in enumerate(candidates)]


@pytest.mark.parametrize("stability", [2, 3])
def test_the_sequences_of_the_reference(macros: Macros, stability: int):
    rows = [row for name, (candidates, purchases, *_) in SEQUENCES.items() for row in rows_of(name, candidates, purchases, stability)]
    assert held(macros, rows) == {name: expected[stability - 2] for name, (_, _, *expected) in SEQUENCES.items()}


@pytest.mark.parametrize("name", [name for name, (candidates, *_) in SEQUENCES.items() if len(candidates) > 1])
@pytest.mark.parametrize("stability", [2, 3])
def test_a_sequence_goes_on_from_what_the_evaluation_before_knew(macros: Macros, name: str, stability: int):
    """Cut anywhere, the second part carried over by its last candidate, streak and value gives what the whole gives."""
    candidates, purchases, *expected = SEQUENCES[name]
    for cut in range(1, len(candidates)):
        last = candidates[cut - 1]
        streak = len(candidates[:cut]) - len(candidates[:cut].rstrip(last))
        carried = [(name, cut - 1, last, False, False, stability, streak, expected[stability - 2][cut - 1])]
        rows = rows_of(name, candidates, purchases, stability)[cut:]
        assert held(macros, carried + rows)[name] == expected[stability - 2][cut - 1:]
