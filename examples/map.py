"""Write a public data set as tables of the input contract: python examples/map.py NAME SOURCE TARGET [--assume-consent].

The mappings are the SQL files beside this one; each says what it reads, what maps to what, and what is lost.
"""

import argparse
import sys
from pathlib import Path

import duckdb

MAPPINGS = {path.stem: path for path in sorted(Path(__file__).parent.glob("*.sql"))}


def write_mapped(name: str, source: Path, target: Path, assume_consent: bool = False) -> None:
    """Run the mapping `name` on the files of folder `source`; the tables go to folder `target`, made when absent.

    assume_consent: also write a grant of browsing profiles for every user, where the mapping has one. An assumption, for
    demonstration only. Raises duckdb.Error when a file or column is missing.
    """
    target.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        for variable, value in (("source", str(source)), ("target", str(target)), ("assume_consent", assume_consent)):
            connection.execute(f"set variable {variable} = $value", {"value": value})
        connection.execute(MAPPINGS[name].read_text(encoding="utf-8"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=MAPPINGS)
    parser.add_argument("source", type=Path, help="folder with the files of the data set")
    parser.add_argument("target", type=Path, help="folder for the tables")
    parser.add_argument("--assume-consent", action="store_true", help="an assumption, for demonstration only")
    given = parser.parse_args()
    try:
        write_mapped(given.name, given.source, given.target, given.assume_consent)
    except (duckdb.Error, OSError) as error:
        sys.exit(f"{given.name}: {str(error).splitlines()[0]}")
