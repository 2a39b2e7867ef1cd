"""The parameter document: which fitted parameters apply from which evaluation on. A table in the restricted area that only grows.

The demo's stands in seeds/demo/generic/demo_prediction_models.csv, a shop's in its own home (on Postgres: its own database).
This module needs neither numpy nor scipy: every build makes sure that the table is there.
"""

from __future__ import annotations

from datetime import datetime, timedelta

COLUMNS = (
    "model_version", "sample", "valid_from", "fitted_as_of", "n_buyers", "n_repeaters", "n_repeat_orders", "r", "alpha_weeks", "a", "b",
    "log_likelihood", "iterations", "n_value_customers", "p", "q", "v", "value_log_likelihood", "value_iterations", "is_converged",
    "at_bound", "is_dropout_identified", "inputs_sha256",
)
TABLE = "prediction_models"


def ensure_document(restricted, schema: str = "raw") -> None:
    """Make the table where there is none. `restricted`: a connection to the restricted area, as in raw_input.create_views."""
    restricted.execute(f"create schema if not exists {schema}")
    restricted.execute(f"create table if not exists {schema}.{TABLE} ({', '.join(f'{name} text' for name in COLUMNS)})")


def append(restricted, rows: list[list[str]], schema: str = "raw") -> None:
    """Add the rows of one version, all or none."""
    ensure_document(restricted, schema)
    restricted.execute("begin")
    for row in rows:
        restricted.execute(f"insert into {schema}.{TABLE} values ({', '.join('?' for _ in COLUMNS)})", row)
    restricted.execute("commit")


def next_version(restricted, schema: str = "raw") -> int:
    """The number of the next version."""
    ensure_document(restricted, schema)
    newest = restricted.execute(f"select max(cast(model_version as integer)) from {schema}.{TABLE}").fetchone()[0]
    return (newest or 0) + 1


def takes_effect(fitted_as_of: datetime, newest_recorded: datetime | None) -> datetime:
    """The evaluation from which parameters apply: the one they were fitted at, or the first after what is on record.

    Backdated, the record and its replay would score with different parameters.
    """
    if newest_recorded is None or newest_recorded < fitted_as_of:
        return fitted_as_of
    return newest_recorded + timedelta(seconds=1)
