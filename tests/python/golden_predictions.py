"""Golden rows of the two predicted segments: people as orders, what the published parameters of CDNOW make of them, and their segments.

Evaluated at noon on 1 March 2026 and twelve hours later, when a calendar day has passed; in between one person objects.
The expected numbers are worked out here, by the printed formulas of Fader, Hardie & Lee 2005 and Fader & Hardie 2013 and scipy; the
SQL takes other forms of them, and neither reads the other.

21 profiled people ordered first in the 90 days before BEFORE, so those whom at most two surpass are among the highest tenth (2 < 2.1).
At AFTER there are 20, and whom two surpass is not (2 = 2.0).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from scipy.special import beta
from scipy.stats import lomax
from test_predictions import PUBLISHED, expected_orders

from segmentation.prediction_document import COLUMNS

BEFORE, AFTER = datetime(2026, 3, 1, 12), datetime(2026, 3, 2)
TODAY = date(2026, 3, 1)
BETWEEN = "2026-03-01 18:00:00"
SEGMENTS = ("likely_to_churn", "predicted_high_ltv")
PURPOSE = "marketing.advertising.profiling"
# the document: one version, in force at both evaluations; the holdout sample of a fit is not needed to score
DOCUMENT = [dict.fromkeys(COLUMNS) | {name: repr(value) for name, value in PUBLISHED.items() if name != "alpha"} | {
    "model_version": "1", "sample": "full", "valid_from": "2026-01-01 00:00:00", "fitted_as_of": "2026-01-01 00:00:00",
    "alpha_weeks": repr(PUBLISHED["alpha"]), "n_buyers": "2357", "is_converged": "true", "is_dropout_identified": "true"}]


@dataclass(frozen=True)
class Person:
    """Orders as (days ago, amount), the numbers at BEFORE as they are to read, and the segments of both evaluations."""

    orders: list[tuple[int, str]]
    churn_risk_90d: str
    predicted_ltv_365d: str
    before: str
    after: str

    def history(self, as_of: datetime) -> tuple[int, int, int, float]:
        """Order days after the first, days from the first to the last, days since the first, and the mean value of the later ones."""
        days = sorted({days for days, _ in self.orders}, reverse=True)
        repeated = sum(float(amount) for days_ago, amount in self.orders if days_ago != days[0])
        return len(days) - 1, days[0] - days[-1], days[0] + (as_of.date() - TODAY).days, repeated / max(len(days) - 1, 1)


def weekly(count: int, last: int) -> list[tuple[int, str]]:
    """So many orders a week apart, the last so many days ago."""
    return [(last + 7 * number, "20.00") for number in range(count)]


# the other new customers, by the days since their only order: risk and predicted value
ONE_ORDER = {
    3: ("0.7298", "48.08"), 7: ("0.7441", "44.68"), 11: ("0.7568", "41.78"), 15: ("0.7681", "39.26"), 19: ("0.7784", "37.07"),
    23: ("0.7877", "35.12"), 27: ("0.7962", "33.39"), 31: ("0.8040", "31.84"), 35: ("0.8112", "30.43"), 39: ("0.8178", "29.15"),
    43: ("0.8240", "27.98"), 47: ("0.8298", "26.91"), 51: ("0.8351", "25.93"), 55: ("0.8402", "25.01"),
}
PEOPLE = {
    # likely_to_churn: two orders or more, a risk of at least 0.8, the last order at most 90 days ago
    "six weekly orders, last 59 days ago": Person(weekly(6, 59), "0.7919", "43.09", "", ""),
    "six weekly orders, last 60 days ago": Person(weekly(6, 60), "0.7988", "41.48", "", "likely_to_churn"),
    "six weekly orders, last 61 days ago": Person(weekly(6, 61), "0.8055", "39.93", "likely_to_churn", "likely_to_churn"),
    "six weekly orders, last 61 days ago, objects": Person(weekly(6, 61), "0.8055", "39.93", "likely_to_churn", ""),
    "two weekly orders, last 86 days ago": Person(weekly(2, 86), "0.7968", "25.26", "", ""),
    "two weekly orders, last 88 days ago": Person(weekly(2, 88), "0.8009", "24.67", "likely_to_churn", "likely_to_churn"),
    "two weekly orders, last 90 days ago": Person(weekly(2, 90), "0.8049", "24.10", "likely_to_churn", ""),
    # two orders of one day are one order day: nobody has come back yet
    "two orders 28 days ago": Person([(28, "20.00"), (28, "20.00")], "0.7982", "32.99", "", "likely_to_churn"),
    "two orders 29 days ago": Person([(29, "20.00"), (29, "20.00")], "0.8002", "32.59", "likely_to_churn", "likely_to_churn"),
    "one order 60 days ago": Person([(60, "20.00")], "0.8460", "23.96", "", ""),
    # predicted_high_ltv: less than a tenth of the new customers surpass them; new is a first order less than 90 days ago
    "new 90 days ago, 80.00": Person([(90, "80.00"), (50, "80.00"), (10, "80.00")], "0.4434", "243.00", "", ""),
    "new 89 days ago, 80.00": Person([(89, "80.00"), (50, "80.00"), (10, "80.00")], "0.4418", "244.33", "predicted_high_ltv", ""),
    "new 80 days ago, 60.00": Person([(80, "60.00"), (50, "60.00"), (10, "60.00")], "0.4275", "198.41", "predicted_high_ltv", "predicted_high_ltv"),
    "new 30 days ago, then 41.00": Person([(30, "20.00"), (10, "41.00")], "0.5199", "112.99", "predicted_high_ltv", "predicted_high_ltv"),
    "new 30 days ago, then 40.00": Person([(30, "20.00"), (10, "40.00")], "0.5199", "110.99", "", ""),
    "new 20 days ago, 900.00, objected": Person([(20, "900.00"), (10, "900.00")], "0.4976", "2023.26", "", ""),
    **{f"one order {days} days ago": Person([(days, "20.00")], *figures, "", "") for days, figures in ONE_ORDER.items()},
}
OBJECTING = {"six weekly orders, last 61 days ago, objects": BETWEEN, "new 20 days ago, 900.00, objected": "2026-02-20 10:00:00"}


def shop() -> dict[str, list[dict]]:
    """The raw tables and the document of parameters. Every customer's id is the description of their case."""
    return {
        "orders": [
            {"order_id": f"{name} {number}", "customer_id": name, "ordered_at": f"{TODAY - timedelta(days=days)} 10:00:00",
             "gross_amount": amount, "currency": "EUR", "channel": "web"}
            for name, person in PEOPLE.items() for number, (days, amount) in enumerate(person.orders)],
        "consents": [
            {"consent_event_id": f"k {name}", "customer_id": name, "purpose": PURPOSE, "status": "objected", "effective_at": when,
             "recorded_at": when} for name, when in OBJECTING.items()],
        "prediction_models": DOCUMENT,
    }


def is_profiled(name: str, as_of: datetime) -> bool:
    """Whoever has not objected by then."""
    return str(as_of) < OBJECTING.get(name, "9999")


def churn_risk(person: Person, as_of: datetime) -> float:
    """1 - P(alive) * P(an order within 90 days | alive), from the two likelihoods that the paper weighs: still there, or gone since t_x."""
    x, span, age, _ = person.history(as_of)
    r, alpha, a, b = (PUBLISHED[name] for name in ("r", "alpha", "a", "b"))
    wait = lomax(r + x, scale=alpha + age / 7)  # until the next order of somebody still there: exponential, at a rate that is Gamma
    there = beta(a, b + x) * (alpha + age / 7) ** -(r + x)
    gone = beta(a + 1, b + x - 1) * (alpha + span / 7) ** -(r + x) if x else 0
    return 1 - there / (there + gone) * wait.cdf(90 / 7)


def predicted_ltv(person: Person, as_of: datetime) -> float:
    """Orders expected within 365 days (eq. 10) times their expected value: the population's mean and the own one, weighted."""
    x, span, age, mean = person.history(as_of)
    p, q, v = (PUBLISHED[name] for name in ("p", "q", "v"))
    weight = p * x / (p * x + q - 1)
    return expected_orders(x, span / 7, age / 7, 365 / 7, **PUBLISHED) * ((1 - weight) * p * v / (q - 1) + weight * mean)


def expected(segment: str, column: str) -> set[str]:
    """The members of a segment as listed above; column is `before` or `after`."""
    return {name for name, person in PEOPLE.items() if segment in getattr(person, column).split()}
