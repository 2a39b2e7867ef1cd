"""A shop of the rows of several test files, evaluated at three dates: to build costs the same for ten rows and for a hundred.

Its files are those of SHARING, each with people, ids and a function shop() of its own. What a file asks of the whole shop holds
with the rows of the others:

- at FIRST three persons have left a cart, all of test_lifecycle.py; orders that are none are its own too;
- no two files link, correct or erase the same person; who is merged at SECOND is of test_identity.py;
- vip and the greatest spenders, the top 5 percent, are of test_soft_opt_in.py.
"""

from importlib import import_module
from pathlib import Path

from conftest import Built, build, command, going_on, made_once, write_tables
from erasable_shop import write_request
from processes import KEYS

SHARING = ("test_identity", "test_corrections", "test_lifecycle", "test_soft_opt_in")
FIRST, SECOND, THIRD = DATES = ["2026-03-01 00:00:00", "2026-03-05 00:00:00", "2026-03-09 00:00:00"]
LATER = "2026-03-11 00:00:00"
ERASED = ("withdraws", "goes")  # of test_lifecycle.py and of test_soft_opt_in.py


def people_of(tables: dict[str, list[dict]]) -> set[str]:
    """Whom a file's rows name by a customer_id."""
    return {row["customer_id"] for rows in tables.values() for row in rows if row.get("customer_id")}


def settings_of(folder: Path) -> dict[str, str]:
    return {"SEGMENTS_RAW": str(folder / "raw"), "SEGMENTS_KEY_FILE": str(folder / "keys"), "REPORTING_CURRENCY": "EUR",
            "INGESTED_AT": "2026-03-12 00:00:00"}


def dated_shop(tmp_path_factory) -> Built:
    """The shop at DATES; tests only read it. A change that nothing explains would fail the build."""

    def make(folder: Path) -> None:
        shops = [import_module(name).shop() for name in SHARING]
        people = [who for shop in shops for who in people_of(shop)]
        assert len(people) == len(set(people)), "a person of two files"
        tables = {table: [row for shop in shops for row in shop.get(table, [])] for shop in shops for table in shop}
        write_tables(folder / "raw", tables)
        (folder / "keys").write_text(KEYS)
        for date in DATES:
            assert build(folder / "home", "--without-tests", AS_OF=date, **settings_of(folder)).code == 0

    return Built(made_once(tmp_path_factory, "dated shop", make) / "home", 0)


def replayed_shop(tmp_path_factory) -> Built:
    """A copy, all dates replayed as recorded, and SECOND as corrected; both explain all that they find."""

    def replay(home: Path) -> None:
        assert command(home, "replay").code == 0
        assert command(home, "replay", "--mode", "as_corrected", "--as-of", SECOND).code == 0

    return going_on(tmp_path_factory, "dated shop replayed", dated_shop(tmp_path_factory), replay)


def erased_shop(tmp_path_factory) -> Built:
    """A copy without those who were ERASED after the newest date."""

    def erase(home: Path) -> None:
        for number, who in enumerate(ERASED, start=7):
            request = write_request(home.with_name(f"request {number}.json"), ("controller_customer_id", who),
                                    request_id=f"a7551968-d5d6-44b2-9831-815ac901779{number}")
            assert command(home, "erase", "--request", str(request)).code == 0

    return going_on(tmp_path_factory, "dated shop erased", dated_shop(tmp_path_factory), erase)


def later_shop(tmp_path_factory) -> Built:
    """A copy of that, built again at LATER."""

    def go_on(home: Path) -> None:
        settings = settings_of(dated_shop(tmp_path_factory).folder.parent)
        assert build(home, "--without-tests", AS_OF=LATER, **settings).code == 0

    return going_on(tmp_path_factory, "dated shop later", erased_shop(tmp_path_factory), go_on)
