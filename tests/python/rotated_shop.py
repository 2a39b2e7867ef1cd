"""A shop of the rows of two test files at three dates, with a rotation of pseudonyms between each two, and once without any.

The files are those of SHARING, each with a function shop() of its own; devices are of test_rotation.py only, who came back and what is
predicted of them of test_predictions.py only. Before SECOND parameters of predictions are fitted, before THIRD others take their place:
with and without rotations the same ones.
"""

import shutil
from importlib import import_module
from pathlib import Path

import duckdb
from conftest import WITH_JSON, Built, build, command, going_on, made_once, said_in, write_tables
from processes import KEYS

SHARING = ("test_rotation", "test_predictions")
FIRST, SECOND, THIRD = DATES = ["2026-03-01 00:00:00", "2026-03-10 00:00:00", "2026-03-20 00:00:00"]
ROTATIONS = ["2026-03-03 12:00:00", "2026-03-12 12:00:00"]
# everybody orders every few days, so nobody is at risk
OTHER_PARAMETERS = ("select * replace ('2' as model_version, '2026-03-10 00:00:01' as valid_from, '5.0' as p, '20.0' as r, '1.0' as alpha_weeks,"
                    " '1.0E-6' as a, '5000.0' as b) from raw.prediction_models")


class Rotated:
    """The homes after each date, by their names: 1, 2, 3 with rotations, 2 whole and 3 whole without; tests only read them."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.homes = {name: Built(folder / name, 0) for name in ("1", "2", "3", "2 whole", "3 whole")}
        self.settings = {"SEGMENTS_RAW": str(folder / "raw"), "SEGMENTS_KEY_FILE": str(folder / "keys"), "INGESTED_AT": "2026-03-21 00:00:00",
                         "REPORTING_CURRENCY": "EUR"}

    @property
    def fit_said(self) -> str:
        """What was printed when parameters were fitted."""
        return (self.folder / "fit").read_text()

    def make(self) -> None:
        shops = [import_module(name).shop() for name in SHARING]
        write_tables(self.folder / "raw", {table: [row for shop in shops for row in shop.get(table, [])] for shop in shops for table in shop})
        (self.folder / "keys").write_text(KEYS)
        self._evaluate("1", FIRST)
        with said_in(self.folder / "fit"):
            assert command(self.homes["1"].folder, "fit", **self.settings).code == 0
        for former, name, date, rotation in (("1", "2", SECOND, ROTATIONS[0]), ("1", "2 whole", SECOND, None),
                                             ("2", "3", THIRD, ROTATIONS[1]), ("2 whole", "3 whole", THIRD, None)):
            home = Path(shutil.copytree(self.homes[former].folder, self.homes[name].folder, symlinks=True))
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
    """The shop, made once for both files."""
    return Rotated(made_once(tmp_path_factory, "rotated shop", lambda folder: Rotated(folder).make()))


def replayed_shop(tmp_path_factory) -> Built:
    """A copy of the home after all dates and rotations, all dates replayed."""

    def replay(home: Path) -> None:
        assert command(home, "replay").code == 0

    return going_on(tmp_path_factory, "rotated shop replayed", rotated_shop(tmp_path_factory).homes["3"], replay)
