"""`segmentation fit`: reads the counted customers of an evaluation, fits, and records the parameters with when they apply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from segmentation.errors import UserError
from segmentation.home import Home
from segmentation.prediction import SAMPLES, FittedModel, fit_cells, read_cells
from segmentation.prediction_document import COLUMNS, append, next_version, takes_effect
from segmentation.replay import PREFIX, Evaluation, drop_replayed, evaluate
from segmentation.session import DuckDBSession, Session

HOLDOUT_DAYS = 90
# what the counts need of one date, and the reference tables that it reads
SELECTION = [
    "build", "--select", "+int_prediction_inputs,evaluation_clock+", "path:seeds/reference",
    "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test",
]


@dataclass(frozen=True)
class Outcome:
    """The rows of the parameter document as texts, and what to tell about them."""

    columns: tuple[str, ...]
    rows: list[list[str]]
    sentences: list[str]


def fit_on_duckdb(home: Home, moment: datetime | None, is_recorded: bool, run: Callable[[list[str], str], None]) -> Outcome:
    """Fit to the newest build of a home, or to a moment that is evaluated for it beside the record. `run` starts dbt.

    Raises UserError when nothing is built, when there are too few customers, or when the demo's parameters are to be recorded.
    """
    if is_recorded and home.kind == "demo":
        raise UserError("The demo's parameters are a seed of the project: print others with --csv, or set SEGMENTS_RAW to your own data.")
    home.check_databases()
    relation = "restricted.intermediate.int_prediction_inputs"
    if moment:
        evaluate(home, [Evaluation(moment, moment)], run, "counting customers", SELECTION)
        relation = f"restricted.{PREFIX}intermediate.int_prediction_inputs"
    try:
        with home.writing() as warehouse:
            fitted_as_of = moment or _one(warehouse, "select max(as_of) from marts.evaluation_clock")
            recorded = _one(warehouse, "select max(as_of) from audit.segment_evaluations")
            version = 1 if home.kind == "demo" else next_version(warehouse, "restricted.raw")
            return _fit(warehouse, relation, fitted_as_of, recorded, is_recorded, "restricted.raw", version)
    finally:
        if moment:
            with home.writing() as warehouse:
                drop_replayed(warehouse)


def fit_on_postgres(is_recorded: bool) -> Outcome:
    """Fit to the newest build of the database of libpq's variables."""
    from segmentation.postgres import RAW, VAULT, open_database

    with open_database() as database:
        if not database.has("restricted_intermediate.int_prediction_inputs"):
            raise UserError(f"The database {database.name} holds no build yet: run `segmentation build` first.")
        is_demo = database.has(f"{VAULT}.demo_hmac_keys")
        if is_recorded and is_demo:
            raise UserError("The demo's parameters are a seed of the project: print others with --csv, or set SEGMENTS_RAW to your own data.")
        fitted_as_of, recorded = (
            database.execute(f"select max(as_of) from {table}").fetchone()[0]
            for table in ("marts.evaluation_clock", "audit.segment_evaluations"))
        return _fit(database, "restricted_intermediate.int_prediction_inputs", fitted_as_of, recorded, is_recorded, RAW,
                    1 if is_demo else next_version(database, RAW))


def _fit(session: Session, relation: str, fitted_as_of: datetime, recorded: datetime | None, is_recorded: bool, schema: str,
         version: int) -> Outcome:
    """Fit both samples; the holdout is left out where 90 days earlier there were too few customers."""
    # the demo's parameters are of its past: their seed is older than any record of it
    valid_from = takes_effect(fitted_as_of, recorded if is_recorded else None)
    try:
        cells = read_cells(session, relation)
    except duckdb.CatalogException:
        raise UserError("Nothing is built yet: run `segmentation build` first, or name a date with --as-of.") from None
    models, sentences = [], []
    for sample in SAMPLES:
        end = fitted_as_of if sample == "full" else fitted_as_of - timedelta(days=HOLDOUT_DAYS)
        try:
            models.append(fit_cells(cells[sample], sample, version, str(valid_from), str(end)))
        except UserError as error:
            if sample == "full":
                raise
            sentences.append(f"No calibration, {HOLDOUT_DAYS} days earlier: {error}")
    rows = [model.as_texts() for model in models]
    if is_recorded:
        append(session, rows, schema)
    return Outcome(COLUMNS, rows, [_described(models[0]), *sentences])


def _described(model: FittedModel) -> str:
    """The fit in one sentence."""
    return (
        f"Parameters {model.model_version}, fitted on {model.n_buyers:,} customers ({model.n_repeaters:,} came back) as of "
        f"{model.fitted_as_of}: r {model.r:.4g}, alpha {model.alpha_weeks:.4g} weeks, a {model.a:.4g}, b {model.b:.4g}, log likelihood "
        f"{model.log_likelihood:,.2f}; p {model.p:.4g}, q {model.q:.4g}, v {model.v:.4g}. They apply to evaluations from "
        f"{model.valid_from} on; how far to trust them stands in marts.prediction_models.")


def _one(warehouse: DuckDBSession, sql: str):
    """A single value; None when its table is not there."""
    try:
        return warehouse.execute(sql).fetchone()[0]
    except duckdb.CatalogException:
        return None
