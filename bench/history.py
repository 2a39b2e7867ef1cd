"""Benchmark of questions about the past: how long a year of recorded membership takes to answer.

    python bench/history.py                      # 1 M people x 20 segments x 365 days
    python bench/history.py --customers 100000

Simulates segments.segment_membership_history in the shape and order in which the model writes it, builds
segments.segment_sizes with the model's own SQL, and asks the questions of analyses/ as `segmentation ask` does. Prints
the median of five beside the goals of performance.md 8. Seconds are reported, never asserted: the machine may be shared.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from segmentation.ask import find, plain_sql
from segmentation.home import PROJECT

DAYS, CHANGED_A_DAY = 365, 0.015
# names as a shop has them: DuckDB skips blocks by the first eight bytes of a text, and "segment_01" to "segment_20" share them
SEGMENTS = [
    "vip", "vip_top_5_percent", "high_lifetime_value", "new_subscriber_no_purchase", "high_aov_one_time_buyer",
    "at_risk_loyal", "former_high_value_at_risk", "cart_abandoner", "high_intent_visitor", "existing_customer",
    "one_time_buyer", "repeat_buyer", "frequent_buyer", "weekly_replenisher", "seasonal_gift_giver", "bargain_hunter",
    "browse_heavy_low_purchase", "mobile_first", "email_engaged", "category_interest",
]
REPEATS = 5
GOALS_MS = {"members of a segment on a date": 50, "sizes per day for a year": 250, "history of one person": 20}

# Every person has four candidate segments and is in two of them at first. Each day CHANGED_A_DAY of the people change two
# candidates (mostly leaving one and entering another). All drawn by hash: the same rows in every run of one DuckDB version.
SIMULATE = """
create temp table pairs as
select c as customer, k as candidate, (hash(c) + k * 7) % $segments as segment, k < 2 as is_first_in
from range($customers) as people(c), range(4) as candidates(k);

create temp table flips as
select customer, candidate, day
from (
    select d as day, n, hash(d, n) % $customers as customer
    from range(1, $days) as days(d), range(($customers * $changed)::int) as changes(n)
), lateral (values (hash(day, n, 'a') % 2), (2 + hash(day, n, 'b') % 2)) as chosen(candidate)
group by all;

create temp table intervals as
select *
from (
    select
        customer, candidate, segment, day,
        lead(day) over (partition by customer, candidate order by day) as next_day,
        (is_first_in = ((row_number() over (partition by customer, candidate order by day)) % 2 = 1)) as is_in
    from (
        select customer, candidate, 0 as day from pairs
        union all
        select customer, candidate, day from flips
    )
    inner join pairs using (customer, candidate)
)
where is_in;
"""

# as the model is created under an enforced contract: the table first, then its rows in the model's order
HISTORY = """
create schema segments;
create table segments.segment_membership_history (
    segment_id varchar not null, customer_key varchar not null, valid_from timestamp not null, valid_to timestamp,
    spec_version integer not null, lawful_basis varchar not null, privacy_impact varchar not null, consent_version varchar,
    consent_event_key varchar, data_sources varchar not null, is_primary boolean, entered_reason varchar, left_reason varchar
);
insert into segments.segment_membership_history
select * from (
    select
        list_extract($names, segment::int + 1) as segment_id,
        sha256(customer::varchar) as customer_key,
        timestamp '2025-01-01' + to_days(day::int) as valid_from,
        timestamp '2025-01-01' + to_days(next_day::int) as valid_to,
        1 as spec_version,
        if(segment % 2 = 0, 'consent', 'legitimate_interests') as lawful_basis,
        'medium' as privacy_impact,
        if(segment % 2 = 0, 'v1', null) as consent_version,
        if(segment % 2 = 0, md5(customer::varchar), null) as consent_event_key,
        'orders;refunds' as data_sources,
        candidate = 0 as is_primary,
        'own_order' as entered_reason,
        if(next_day is null, null, 'time_decay') as left_reason
    from intervals
    {order}
);
create table segments.segment_registry as
select unnest($names) as segment_id, 1 as spec_version, '{{}}' as parameters, '' as rule_hash, '' as approver;
"""

# every segment on every day, also the days on which nothing changed
SIZES_BY_DAY = """
with days as (select unnest(range(timestamp '2025-01-01', timestamp '2026-01-01', interval 1 day)) as day),
segments as (select distinct segment_id from {sizes})
select grid.segment_id, grid.day, coalesce(sizes.n_members, 0) as n_members
from (select * from days cross join segments) as grid
asof left join {sizes} as sizes on grid.segment_id = sizes.segment_id and grid.day >= sizes.valid_from
"""
RANGE_JOIN = """
select h.segment_id, days.day, count(*) as n_members
from segments.segment_membership_history as h
inner join (select unnest(range(timestamp '2025-01-01', timestamp '2026-01-01', interval 1 day)) as day) as days
    on days.day >= h.valid_from and days.day < coalesce(h.valid_to, timestamp '9999-12-31')
group by all
"""


def model_sql(name: str, **written_for: str) -> str:
    """A model's SQL with its order clause and CTEs, refs resolved by hand; it must use ref() only."""
    text = (PROJECT / "models" / "segments" / f"{name}.sql").read_text(encoding="utf-8")
    text = re.sub(r"{{ config\(.*?\) }}", "", text, flags=re.DOTALL)
    return re.sub(r"{{ ref\('(\w+)'\) }}", lambda match: written_for.get(match[1], f"segments.{match[1]}"), text)


def model_order() -> str:
    """The order in which the model of the history writes its rows."""
    order = re.search(r"^order by .*$", model_sql("segment_membership_history"), re.MULTILINE)[0]
    return order.replace("snapshot_rows.dbt_", "").replace("snapshot_rows.", "")


def median_ms(run: Callable[[], object]) -> tuple[float, float]:
    """Median wall and CPU milliseconds of REPEATS runs, after one that is not counted."""
    run()
    walls, cpus = [], []
    for _ in range(REPEATS):
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        walls.append((time.perf_counter() - wall) * 1000)
        cpus.append((time.process_time() - cpu) * 1000)
    return statistics.median(walls), statistics.median(cpus)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--range-join", action="store_true", help="also time the naive way of counting sizes (minutes)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(
        str(Path(folder) / "history.duckdb"), config={"threads": 2, "preserve_insertion_order": False}
    ) as db:
        values = {"customers": options.customers, "segments": len(SEGMENTS), "names": SEGMENTS, "days": DAYS, "changed": CHANGED_A_DAY}
        script = SIMULATE + HISTORY.format(order=model_order())
        for statement in script.split(";\n"):
            if statement.strip():
                db.execute(statement, {name: value for name, value in values.items() if f"${name}" in statement})
        for table in ("pairs", "flips", "intervals"):
            db.execute(f"drop table {table}")
        for name in ("segment_sizes", "membership_by_customer"):
            started = time.perf_counter(), time.process_time()
            db.execute(f"create table segments.{name} as {model_sql(name)}")
            print(f"{name} built in {time.perf_counter() - started[0]:.1f} s ({time.process_time() - started[1]:.1f} s CPU)")
        db.execute("checkpoint")
        report(db, options)


def report(db: duckdb.DuckDBPyConnection, options: argparse.Namespace) -> None:
    """Ask, and print."""
    rows = db.execute("select count(*) from segments.segment_membership_history").fetchone()[0]
    blocks = db.execute("select sum(n) * 262144 / 1e6 from (select count(distinct block_id) as n from "
                        "pragma_storage_info('segments.segment_membership_history'))").fetchone()[0]
    key = db.execute("select customer_key from segments.segment_membership_history group by all order by count(*) desc, customer_key limit 1"
                     ).fetchone()[0]
    members = plain_sql(find("q01"), {"segment_id": "cart_abandoner", "on_instant": "2025-07-01"})
    person = plain_sql(find("q26"), {"customer_key": key})
    literal = ("select count(*), min(customer_key) from segments.segment_membership_history where segment_id = 'cart_abandoner' "
               "and valid_from <= timestamp '2025-07-01' and (valid_to > timestamp '2025-07-01' or valid_to is null)")
    by_day = SIZES_BY_DAY.format(sizes="segments.segment_sizes")
    from_history = SIZES_BY_DAY.format(sizes=f"({model_sql('segment_sizes')})")
    asked = {
        "members of a segment on a date": literal,
        "  question q01, in full": members,
        "sizes per day for a year": by_day,
        "  without segment_sizes": from_history,
        "history of one person": person,  # question q26, in full
    }
    print(f"{rows:,} intervals of {options.customers:,} people, {len(SEGMENTS)} segments, {DAYS} days; about {blocks:.0f} MB in each order")
    print(f"{'median of ' + str(REPEATS):<34}{'wall ms':>10}{'CPU ms':>10}{'goal ms':>10}{'rows':>10}")
    for name, sql in asked.items():
        # as Arrow, so that Python's own objects are not what is measured
        wall, cpu = median_ms(lambda: db.execute(sql).to_arrow_table())
        count = db.execute(f"select count(*) from ({sql})").fetchone()[0]
        print(f"{name:<34}{wall:>10.1f}{cpu:>10.1f}{GOALS_MS.get(name, ''):>10}{count:>10,}")
    if options.range_join:
        present = f"select * from ({by_day}) where n_members > 0"
        started = time.perf_counter()
        differing = db.execute(f"select count(*) from ((({RANGE_JOIN}) except ({present})) union all (({present}) except ({RANGE_JOIN})))")
        print(f"range join twice, compared: {time.perf_counter() - started:.1f} s, {differing.fetchone()[0]} differences")


if __name__ == "__main__":
    main()
