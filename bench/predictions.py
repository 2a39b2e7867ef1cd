"""Benchmark of the predictions: how long a million customers take to be fitted and scored.

    python bench/predictions.py                      # 1 M customers
    python bench/predictions.py --customers 100000

Draws order days by hash (the same in every run of one DuckDB version): two years, rates and lifetimes that differ from
customer to customer, most with one order. Then it runs the models' own SQL, rendered without dbt, and the fit as `segmentation
fit` does. Prints wall and CPU seconds of each step; they are reported, never asserted: the machine may be shared.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import duckdb

from segmentation.home import PROJECT
from segmentation.prediction import SAMPLES, fit_cells, read_cells
from segmentation.session import DuckDBSession

sys.path.append(str(PROJECT / "tests" / "python"))
from jinja_macros import Macros  # noqa: E402

AS_OF = "2026-01-01 00:00:00"

# u: independent draws between 0 and 1; a rate of order days per day, skewed; how long the customer stays
DRAW = """
create table people as
select
    n, c.first_order_date, least(c.stays, c.age_days) as active_days,
    cast(floor(least(c.rate * least(c.stays, c.age_days), 150)) as integer) as n_repeats
from (
    select
        n, date '2026-01-01' - cast(731 * u1 as integer) as first_order_date, cast(731 * u1 as integer) as age_days,
        0.12 * power(u2, 6) + 0.0002 as rate, ceil(-300 * ln(1 - u3)) as stays
    from (
        select n, hash(n, 'a') / 18446744073709551616 as u1, hash(n, 'b') / 18446744073709551616 as u2,
            hash(n, 'c') / 18446744073709551616 as u3
        from range(?) as numbers(n)
    )
) as c;

create table orders as
select
    timestamp '2026-01-01' as as_of, md5(n::text) as customer_key, true as is_valid, first_order_date + day as order_date,
    cast(5 + 80 * power(hash(n, 'value') / 18446744073709551616, 3) * (0.5 + hash(n, k, 'value') / 18446744073709551616)
        as decimal(18, 2)) as net_amount
from (
    select *, unnest(range(n_repeats + 1)) as k, if(k = 0, 0, cast(hash(n, k) % cast(active_days + 1 as ubigint) as integer)) as day
    from people
);

create table customer_orders as
select as_of, customer_key, min(order_date)::timestamp as first_order_at from orders group by all;

create table customers as select as_of, customer_key, null::text as not_profiled_reason from customer_orders;

create table evaluation_clock as select timestamp '2026-01-01' as as_of;

create table stg_generic__prediction_models (
    model_version integer, sample text, valid_from timestamp, fitted_as_of timestamp, n_buyers bigint, n_repeaters bigint,
    n_repeat_orders bigint, r double, alpha_weeks double, a double, b double, log_likelihood double, iterations integer,
    n_value_customers bigint, p double, q double, v double, value_log_likelihood double, value_iterations integer,
    is_converged boolean, at_bound text, is_dropout_identified boolean, inputs_sha256 text
)
"""


def timed(name: str, run: Callable[[], object]):
    """The result of `run`, whose time is printed."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = run()
    print(f"{name:<32}{time.perf_counter() - wall:>8.1f}{time.process_time() - cpu:>8.1f}", flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--customers", type=int, default=1_000_000)
    options = parser.parse_args()
    with duckdb.connect(config={"threads": 2, "preserve_insertion_order": False}) as db:
        for statement in DRAW.split(";\n"):
            db.execute(statement, [options.customers] if "?" in statement else None)
        counts = db.execute("select count(*), count(*) filter (where n_repeats > 0), (select count(*) from orders) from people").fetchone()
        print("{:,} customers, {:,} came back, {:,} orders".format(*counts))
        measure(db)


def measure(db: duckdb.DuckDBPyConnection) -> None:
    """Fit and score what is drawn, step by step."""
    macros = Macros(*(PROJECT / "macros" / folder for folder in ("statistics", "cross_db", "time")))
    macros.context |= {"ref": lambda name: name, "config": lambda **_: "", "var": {"timezone": "UTC"}.get}

    def model(folder: str, name: str, kind: str = "table") -> None:
        text = (PROJECT / "models" / folder / "predictions" / f"{name}.sql").read_text(encoding="utf-8")
        db.execute(f"create {kind} {name} as {macros.render(text)}")

    print(f"{'':<32}{'wall s':>8}{'CPU s':>8}")
    model("marts", "prediction_models", "view")
    model("intermediate", "int_prediction_inputs", "view")
    cells = timed("count, both samples", lambda: read_cells(DuckDBSession(db), "int_prediction_inputs"))
    for sample in SAMPLES:
        name = f"fit, {sample} ({len(cells[sample].purchases):,} cells)"
        found = timed(name, lambda: fit_cells(cells[sample], sample, 1, AS_OF, AS_OF))
        db.execute(f"insert into stg_generic__prediction_models values ({', '.join('?' * 23)})", [text or None for text in found.as_texts()])
        print(f"    r {found.r:.4g}, alpha {found.alpha_weeks:.4g} weeks, a {found.a:.4g}, b {found.b:.4g}, {found.iterations} iterations")
    for folder, name in (("intermediate", "int_purchase_histories"), ("intermediate", "int_prediction_cells"),
                         ("marts", "customer_predictions"), ("marts", "prediction_calibration")):
        timed(name, lambda: model(folder, name))
    scored = db.execute("select count(*), count(distinct (repeat_order_days, age_days)) from int_purchase_histories where sample = 'full'")
    print("{:,} customers scored over {:,} pairs of orders and age".format(*scored.fetchone()))


if __name__ == "__main__":
    main()
