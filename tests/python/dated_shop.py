"""A shop of the rows of several test files, evaluated at three dates: to build costs the same for ten rows and for a hundred.

Between each two dates pseudonyms rotate; it is evaluated once without any rotation too. Before SECOND parameters of predictions are
fitted, before THIRD others take their place: with and without rotations the same ones.

Its files are those of SHARING, each with people, ids and a function shop() of its own. What a file asks of the whole shop holds
with the rows of the others:

- at FIRST three persons have left a cart, all of test_lifecycle.py; orders that are none are its own too;
- no two files link, correct or erase the same person; who is merged at SECOND is of test_identity.py;
- vip, the greatest spenders and those of whom most is predicted are of test_soft_opt_in.py;
- devices are of test_rotation.py, parameters of predictions of test_predictions.py.
"""

from importlib import import_module
from pathlib import Path

import duckdb
from conftest import WITH_JSON, Built, build, command, copy_home, going_on, made_once, said_in, write_tables
from erasable_shop import write_request
from processes import KEYS

SHARING = ("test_identity", "test_corrections", "test_lifecycle", "test_soft_opt_in", "test_rotation", "test_predictions")
FIRST, SECOND, THIRD = DATES = ["2026-03-01 00:00:00", "2026-03-05 00:00:00", "2026-03-09 00:00:00"]
ROTATIONS = ["2026-03-03 12:00:00", "2026-03-07 12:00:00"]
LATER = "2026-03-11 00:00:00"
ERASED = ("withdraws", "goes")  # of test_lifecycle.py and of test_soft_opt_in.py
# everybody orders every few days, so nobody is at risk
OTHER_PARAMETERS = ("select * replace ('2' as model_version, '2026-03-05 00:00:01' as valid_from, '5.0' as p, '20.0' as r, '1.0' as alpha_weeks,"
                    " '1.0E-6' as a, '5000.0' as b) from raw.prediction_models")


def people_of(tables: dict[str, list[dict]]) -> set[str]:
    """Whom a file's rows name by a customer_id."""
    return {row["customer_id"] for rows in tables.values() for row in rows if row.get("customer_id")}


class Rotated:
    """The homes after each date, by their names: 1, 2, 3 with rotations, 2 whole and 3 whole without; tests only read them."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.homes = {name: Built(folder / name, 0) for name in ("1", "2", "3", "2 whole", "3 whole")}
        self.settings = {"SEGMENTS_RAW": str(folder / "raw"), "SEGMENTS_KEY_FILE": str(folder / "keys"), "REPORTING_CURRENCY": "EUR",
                         "INGESTED_AT": "2026-03-12 00:00:00"}

    @property
    def fit_said(self) -> str:
        """What was printed when parameters were fitted."""
        return (self.folder / "fit").read_text()

    def make(self) -> None:
        """Evaluate all dates. A change that nothing explains would fail a build."""
        shops = [import_module(name).shop() for name in SHARING]
        people = [who for shop in shops for who in people_of(shop)]
        assert len(people) == len(set(people)), "a person of two files"
        tables = {table: [row for shop in shops for row in shop.get(table, [])] for shop in shops for table in shop}
        write_tables(self.folder / "raw", tables)
        (self.folder / "keys").write_text(KEYS)
        self._evaluate("1", FIRST)
        with said_in(self.folder / "fit"):
            assert command(self.homes["1"].folder, "fit", **self.settings).code == 0
        for former, name, date, rotation in (("1", "2", SECOND, ROTATIONS[0]), ("1", "2 whole", SECOND, None),
                                             ("2", "3", THIRD, ROTATIONS[1]), ("2 whole", "3 whole", THIRD, None)):
            home = copy_home(self.homes[former].folder, self.homes[name].folder)
            if rotation:
                assert command(home, "vault", "rotate", "--at", rotation).code == 0
            if date == THIRD:
                with duckdb.connect(str(home / "restricted.duckdb")) as restricted:
                    restricted.execute(f"insert into raw.prediction_models {OTHER_PARAMETERS}")
            self._evaluate(name, date)

    def _evaluate(self, name: str, date: str) -> None:
        json_files = WITH_JSON if name == "3" else {}
        assert build(self.homes[name].folder, "--without-tests", AS_OF=date, **self.settings, **json_files).code == 0


def rotated_shop(tmp_path_factory) -> Rotated:
    """The shop after each date, made once for all files."""
    return Rotated(made_once(tmp_path_factory, "dated shop", lambda folder: Rotated(folder).make()))


def dated_shop(tmp_path_factory) -> Built:
    """The shop after all dates and rotations; tests only read it."""
    return rotated_shop(tmp_path_factory).homes["3"]


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
        assert build(home, "--without-tests", AS_OF=LATER, **rotated_shop(tmp_path_factory).settings).code == 0

    return going_on(tmp_path_factory, "dated shop later", erased_shop(tmp_path_factory), go_on)
