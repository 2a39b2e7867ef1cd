"""Fits the purchase model (BG/NBD) and the value model (Gamma-Gamma); SQL scores with what is found here.

Customers come as cells, customers with the same numbers counted together, so that a million customers take seconds. Formulas:
Fader, Hardie & Lee, "Counting Your Customers" the Easy Way (Marketing Science 2005) and The Gamma-Gamma Model of Monetary Value
(2013). Maximum likelihood, analytic gradient, L-BFGS-B on the logarithms of the parameters.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln, psi

from segmentation.errors import UserError
from segmentation.prediction_document import COLUMNS
from segmentation.session import Session

DAYS_PER_WEEK = 7
SAMPLES = ("full", "holdout")
LEAST_CUSTOMERS, LEAST_REPEATERS = 50, 10
# Beyond these the data say no more, and the series that scores in SQL would lose digits (large r) or need too many terms (large a).
PURCHASE_BOUNDS = {"r": (1e-4, 20), "alpha": (1e-6, 1e6), "a": (1e-7, 20), "b": (1e-4, 1e6)}
# below q = 1 the population has no mean value
VALUE_BOUNDS = {"p": (1e-3, 1e4), "q": (1.01, 1e4), "v": (1e-6, 1e6)}
# without these two nobody's leaving can be told from a long wait (statistics of the dropout probability, Beta(a, b))
LEAST_A, GREATEST_B = 1e-3, 1e3
# slope of the log likelihood per customer, over the logarithm of a parameter, that counts as none
FLAT = 1e-5


@dataclass(frozen=True)
class Fit:
    """Parameters by name as found, their log likelihood, the steps it took, and which of them stopped at a bound."""

    parameters: dict[str, float]
    log_likelihood: float
    iterations: int
    is_converged: bool
    at_bound: tuple[str, ...]


@dataclass(frozen=True)
class Cells:
    """Customers of one sample. `purchases`: rows of frequency, recency, age in days, customers. `values`: rows of frequency, mean
    value of a repeat order in ten-thousandths of the currency (above zero), customers; of those who came back only.
    """

    purchases: np.ndarray
    values: np.ndarray

    @property
    def n_buyers(self) -> int:
        """Customers with an order."""
        return int(self.purchases[:, 3].sum())

    @property
    def n_repeaters(self) -> int:
        """Customers with orders on two days or more."""
        return int(self.purchases[self.purchases[:, 0] > 0, 3].sum())

    @property
    def sha256(self) -> str:
        """Fingerprint of the cells, whatever their order: the same customers give the same."""
        digest = hashlib.sha256()
        for rows in (self.purchases, self.values):
            ordered = rows[np.lexsort(rows.T[::-1])]
            digest.update(f"{ordered.shape}".encode() + np.ascontiguousarray(ordered, dtype="<i8").tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class FittedModel:
    """One sample's row of the parameter document, in the order of its columns (model_version to inputs_sha256)."""

    model_version: int
    sample: str
    valid_from: str
    fitted_as_of: str
    n_buyers: int
    n_repeaters: int
    n_repeat_orders: int
    r: float
    alpha_weeks: float
    a: float
    b: float
    log_likelihood: float
    iterations: int
    n_value_customers: int
    p: float
    q: float
    v: float
    value_log_likelihood: float
    value_iterations: int
    is_converged: bool
    at_bound: str
    is_dropout_identified: bool
    inputs_sha256: str

    def as_texts(self) -> list[str]:
        """The row as the document holds it; a number reads back as it was."""
        values = [getattr(self, name) for name in COLUMNS]
        return [str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, float) else str(value)
                for value in values]


def fit_purchases(frequency, recency, age, customers) -> Fit:
    """Fit BG/NBD. Arguments: arrays of one length; recency and age in one unit of time, which is alpha's and the likelihood's.

    frequency: repeat orders (0 or more); recency: from the first to the last order; age: from the first order to the end.
    customers: how many have these numbers.
    """
    x, t_x, age, weight = (np.asarray(values, dtype=float) for values in (frequency, recency, age, customers))
    scale = 10 / max(age.max(), 1e-9)
    t_x, age = t_x * scale, age * scale
    total, came_back = weight.sum(), x > 0
    # terms of x alone are taken once per x
    counts, group = np.unique(x, return_inverse=True)
    per_count = np.bincount(group, weights=weight)

    def negative(logs: np.ndarray) -> tuple[float, np.ndarray]:
        r, alpha, a, b = np.exp(logs)
        log_age, log_last = np.log(alpha + age), np.log(alpha + t_x)
        stayed = -(r + x) * log_age
        left = np.where(came_back, np.log(a) - np.log(np.where(came_back, b + x - 1, 1)) - (r + x) * log_last, -np.inf)
        either = np.logaddexp(stayed, left)
        share = np.exp(left - either)  # of the likelihood that is due to having left
        value = (per_count @ (gammaln(r + counts) - gammaln(r) + r * np.log(alpha) + gammaln(b + counts) - gammaln(b)
                              + gammaln(a + b) - gammaln(a + b + counts)) + weight @ either)
        slope = np.array([
            per_count @ (psi(r + counts) - psi(r) + np.log(alpha)) - weight @ ((1 - share) * log_age + share * log_last),
            total * r / alpha - weight @ ((r + x) * ((1 - share) / (alpha + age) + share / (alpha + t_x))),
            per_count @ (psi(a + b) - psi(a + b + counts)) + weight @ share / a,
            per_count @ (psi(b + counts) - psi(b) + psi(a + b) - psi(a + b + counts))
            - weight @ np.where(came_back, share / np.where(came_back, b + x - 1, 1), 0),
        ])
        return -value / total, -slope * np.exp(logs) / total

    bounds = PURCHASE_BOUNDS | {"alpha": tuple(bound * scale for bound in PURCHASE_BOUNDS["alpha"])}
    found, fit, is_converged = _minimum(negative, bounds)
    found["alpha"] = float(found["alpha"] / scale)
    # the density of an instant is per unit of time
    return Fit(found, float(-fit.fun * total + (weight @ x) * np.log(scale)), int(fit.nit), is_converged, _at_bound(found, PURCHASE_BOUNDS))


def fit_values(frequency, mean_value, customers) -> Fit:
    """Fit Gamma-Gamma to customers who came back. Arguments: arrays of one length.

    frequency: repeat orders (1 or more); mean_value: their mean value, above zero, in the unit of v; customers: how many.
    """
    x, mean, weight = (np.asarray(values, dtype=float) for values in (frequency, mean_value, customers))
    total = weight.sum()
    unit = weight @ mean / total
    mean = mean / unit
    counts, group = np.unique(x, return_inverse=True)
    per_count = np.bincount(group, weights=weight)
    log_mean = np.log(mean)
    sums = np.bincount(group, weights=weight * log_mean)

    def negative(logs: np.ndarray) -> tuple[float, np.ndarray]:
        p, q, v = np.exp(logs)
        spread = np.log(v + x * mean)
        per_spread = np.bincount(group, weights=weight * spread)
        shape = p * counts + q
        value = (per_count @ (gammaln(shape) - gammaln(p * counts) - gammaln(q) + q * np.log(v) + p * counts * np.log(counts))
                 + (p * counts - 1) @ sums - shape @ per_spread)
        slope = np.array([
            counts @ (per_count * (psi(shape) - psi(p * counts) + np.log(counts)) + sums - per_spread),
            per_count @ (psi(shape) - psi(q) + np.log(v)) - per_spread.sum(),
            total * q / v - weight @ ((p * x + q) / (v + x * mean)),
        ])
        return -value / total, -slope * np.exp(logs) / total

    bounds = VALUE_BOUNDS | {"v": tuple(bound / unit for bound in VALUE_BOUNDS["v"])}
    found, fit, is_converged = _minimum(negative, bounds)
    found["v"] = float(found["v"] * unit)
    return Fit(found, float(-fit.fun * total - total * np.log(unit)), int(fit.nit), is_converged, _at_bound(found, VALUE_BOUNDS))


def fit_cells(cells: Cells, sample: str, model_version: int, valid_from: str, fitted_as_of: str) -> FittedModel:
    """Fit both models to one sample: time in weeks, money in the reporting currency.

    Raises UserError when there are too few customers to say anything.
    """
    n_value_customers = int(cells.values[:, 2].sum())
    if cells.n_buyers < LEAST_CUSTOMERS or n_value_customers < LEAST_REPEATERS:
        raise UserError(
            f"Too few customers to predict from: {cells.n_buyers} with an order, {n_value_customers} who came back and paid; at least "
            f"{LEAST_CUSTOMERS} and {LEAST_REPEATERS} are needed.")
    frequency, recency, age, customers = cells.purchases.T
    purchases = fit_purchases(frequency, recency / DAYS_PER_WEEK, age / DAYS_PER_WEEK, customers)
    frequency_of_value, mean_value, value_customers = cells.values.T
    values = fit_values(frequency_of_value, mean_value / 10_000, value_customers)
    found = purchases.parameters
    return FittedModel(
        model_version=model_version, sample=sample, valid_from=valid_from, fitted_as_of=fitted_as_of,
        n_buyers=cells.n_buyers, n_repeaters=cells.n_repeaters, n_repeat_orders=int(frequency @ customers),
        r=found["r"], alpha_weeks=found["alpha"], a=found["a"], b=found["b"],
        log_likelihood=purchases.log_likelihood, iterations=purchases.iterations,
        n_value_customers=n_value_customers, **values.parameters,
        value_log_likelihood=values.log_likelihood, value_iterations=values.iterations,
        is_converged=purchases.is_converged and values.is_converged, at_bound=";".join(purchases.at_bound + values.at_bound),
        is_dropout_identified=bool(found["a"] >= LEAST_A and found["b"] <= GREATEST_B and not {"a", "b"} & set(purchases.at_bound)),
        inputs_sha256=cells.sha256)


def read_cells(session: Session, relation: str) -> dict[str, Cells]:
    """The cells of both samples from `int_prediction_inputs`, wherever it stands; always in one order, so that the fit's digits are too."""
    # a view: each query of it would group all orders anew
    session.keep(
        "prediction_inputs", f"select sample, repeat_order_days, purchase_span_days, age_days, mean_repeat_value, n_buyers from {relation}")
    return {sample: _cells(session, sample) for sample in SAMPLES}


def _cells(session: Session, sample: str) -> Cells:
    purchases = session.execute(
        f"""
        select repeat_order_days, purchase_span_days, age_days, cast(sum(n_buyers) as bigint) from prediction_inputs
        where sample = '{sample}' group by repeat_order_days, purchase_span_days, age_days order by 1, 2, 3
        """).fetchall()
    values = session.execute(
        f"""
        select repeat_order_days, cast(mean_repeat_value * 10000 as bigint), cast(sum(n_buyers) as bigint) from prediction_inputs
        where sample = '{sample}' and repeat_order_days > 0 and mean_repeat_value > 0
        group by repeat_order_days, mean_repeat_value order by 1, 2
        """).fetchall()
    return Cells(np.array(purchases, dtype=np.int64).reshape(-1, 4), np.array(values, dtype=np.int64).reshape(-1, 3))


def _minimum(negative: Callable, bounds: dict[str, tuple[float, float]]) -> tuple[dict[str, float], object, bool]:
    """The parameters at the minimum, scipy's result, and whether it is one."""
    low, high = np.log(list(bounds.values())).T
    fit = minimize(negative, np.clip(0.0, low, high), jac=True, method="L-BFGS-B", bounds=list(zip(low, high)),
                   options={"maxiter": 1000, "ftol": 1e-14, "gtol": 1e-8})
    # where rounding ends the search before its own tolerance is met, a flat likelihood is a maximum all the same
    slope = np.abs(np.clip(fit.x - fit.jac, low, high) - fit.x).max()
    return dict(zip(bounds, (float(value) for value in np.exp(fit.x)))), fit, bool(fit.success or slope < FLAT)


def _at_bound(found: dict[str, float], bounds: dict[str, tuple[float, float]]) -> tuple[str, ...]:
    return tuple(name for name, value in found.items() if any(abs(np.log(value / bound)) < 1e-6 for bound in bounds[name]))
