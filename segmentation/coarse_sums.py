"""Sums of recorded evaluations after an erasure: coarse enough that nobody can work out what the erased person added to them.

Marts that are kept per evaluation hold sums of money over persons. Whoever adds up the rows of the others and subtracts them would
have the erased person's part, so an erasure rounds the money of each evaluation and segment that counted the person to a power of
ten of at least K times the mean per member; where fewer than K members count, it goes. Counts stay (privacy.md decision 10).

One person of about average is hidden among K. Not hidden is who gave far more than K times the mean: a sum that one person made up
nearly alone still shows its size. Counts are not rounded either: how many orders an erased person had can be worked out.

Plain SQL for DuckDB and Postgres. What is coarse stays as it is: repeated, or for another person, nothing is rounded twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from segmentation.errors import UserError
from segmentation.session import Session

K = 10  # as many persons as an export asks for, unless told otherwise
MONEY_DIGITS = range(-2, 16)  # powers of ten that a sum of money has room for
SHARE_DIGITS = range(-4, 0)  # shares have four decimals

TO_DATE = [("net_spend", "n_members"), ("paid_amount", "n_members"), ("refunded_amount", "n_members")]
IN_WINDOW = [("net_revenue_in_window", "n_measured"), ("paid_in_window", "n_measured"), ("refunded_in_window", "n_measured")]
CONVERTED = [("net_revenue_in_window", "n_converted")]
TIERS = ("core", "potential_core", "non_core")
REPORT = [("net_spend", "n_buyers"), *((f"net_spend_{tier}", f"n_{tier}") for tier in TIERS)]
CONCENTRATION = ("top_5_percent_revenue_share", "top_10_percent_revenue_share", "top_20_percent_revenue_share", "gini_coefficient")

Sums = Sequence[tuple[str, str]]  # column of a sum, column with the number of persons in it
MARKED = ("segment_metrics", "segment_conversions", "buying_behaviour")


def check_marts(connection: Session) -> None:
    """Raise UserError where the marts have no place for the mark: they were built before there was one."""
    marked = {name for (name,) in connection.execute(
        "select table_name from information_schema.columns where table_schema = 'marts' and column_name = 'is_coarsened'").fetchall()}
    if missing := sorted(set(MARKED) - marked):
        raise UserError(f"marts.{missing[0]} has no column is_coarsened: this home was built by an older version and must be built anew.")


def coarsen_sums(connection: Session, keys: str = "select value from own_keys") -> None:
    """Coarsen the sums of all recorded evaluations that counted one of the persons.

    Arguments: connection, on the warehouse, in the transaction that deletes the persons' memberships, before it does; keys, a query
    of their customer_key. In the window of an evaluation counts who was a member when it began, in the segment (all) everybody known.
    """
    for statement in statements(keys):
        connection.execute(statement)


def statements(keys: str) -> list[str]:
    """The statements, in order. What everybody's sum is divided by must be coarse before the sums of everybody are marked."""
    return [
        f"""
        update marts.segment_metrics as metrics
        set site_net_revenue_in_window = {rounded('metrics.site_net_revenue_in_window', 'totals.n_members', prefixed('totals', TO_DATE))}
        from marts.segment_metrics as totals
        where metrics.as_of = totals.as_of and totals.segment_id = '(all)' and totals.breakdown = 'total'
            and not totals.is_coarsened and {counted('totals', ['as_of'], keys)}
        """,
        f"""
        update marts.segment_metrics as metrics
        set is_coarsened = true,
            rounded_to = {unit(TO_DATE)},
            rounded_to_in_window = {unit(IN_WINDOW)}
        where not metrics.is_coarsened and {counted('metrics', ['as_of', 'window_from'], keys)}
        """,
        f"""
        update marts.segment_metrics
        set {all_rounded('rounded_to', TO_DATE)},
            {all_rounded('rounded_to_in_window', IN_WINDOW)}
        where is_coarsened
        """,
        f"""
        update marts.segment_metrics
        set average_order_value = {ratio('net_spend', 'order_count')},
            ltv_to_date = {ratio('net_spend', 'n_members')},
            return_rate = {ratio('refunded_amount', 'paid_amount')},
            average_order_value_in_window = {ratio('net_revenue_in_window', 'order_count_in_window')},
            return_rate_in_window = {ratio('refunded_in_window', 'paid_in_window')}
        where is_coarsened
        """,
        f"""
        update marts.segment_metrics
        set revenue_share_in_window = {ratio('net_revenue_in_window', 'site_net_revenue_in_window')}
        where as_of in (select totals.as_of from marts.segment_metrics as totals where totals.segment_id = '(all)' and totals.is_coarsened)
            or is_coarsened
        """,
        f"""
        update marts.segment_conversions as conversions
        set is_coarsened = true,
            rounded_to = {unit(prefixed('conversions', CONVERTED))}
        from marts.segment_metrics as metrics
        where not conversions.is_coarsened and metrics.breakdown = 'total'
            and conversions.as_of = metrics.as_of and conversions.segment_id = metrics.segment_id
            and {counted('metrics', ['window_from'], keys)}
        """,
        f"update marts.segment_conversions set {all_rounded('rounded_to', CONVERTED)} where is_coarsened",
        f"""
        update marts.segment_conversions as conversions
        set average_order_value_in_window = {ratio('conversions.net_revenue_in_window', 'conversions.order_count_in_window')},
            revenue_share_of_segment = {ratio('conversions.net_revenue_in_window', 'metrics.net_revenue_in_window')}
        from marts.segment_metrics as metrics
        where conversions.is_coarsened and metrics.breakdown = 'total'
            and conversions.as_of = metrics.as_of and conversions.segment_id = metrics.segment_id
        """,
        f"""
        update marts.buying_behaviour as report
        set is_coarsened = true,
            rounded_to = {unit(REPORT)},
            {', '.join(f'{name} = {rounded_share(name)}' for name in CONCENTRATION)}
        where not report.is_coarsened and {known('report', 'as_of', keys)}
        """,
        f"update marts.buying_behaviour set {all_rounded('rounded_to', REPORT)} where is_coarsened",
        f"""
        update marts.buying_behaviour
        set average_order_value = {ratio('net_spend', 'order_count')},
            ltv_to_date = {ratio('net_spend', 'n_buyers')},
            {', '.join(f"{tier}_revenue_share = {ratio(f'net_spend_{tier}', 'net_spend')}" for tier in TIERS)}
        where is_coarsened
        """,
    ]


def known(row: str, instant: str, keys: str) -> str:
    """Whether one of the persons was known at the instant of a row. Over, rather than under: not everybody known was measured."""
    return f"""exists (
            select 1 from marts.customers as persons
            where persons.customer_key in ({keys}) and coalesce(persons.first_seen_at <= {row}.{instant}, true)
        )"""


def counted(row: str, instants: list[str], keys: str) -> str:
    """Whether one of the persons was a member of the row's segment at one of its instants; of the segment (all), whether known."""
    held = " or ".join(
        f"(history.dbt_valid_from <= {row}.{instant} and coalesce(history.dbt_valid_to > {row}.{instant}, true))" for instant in instants)
    return f"""case when {row}.segment_id = '(all)' then {known(row, 'as_of', keys)} else exists (
            select 1 from snapshots.segment_membership as history
            where history.customer_key in ({keys}) and history.segment_id = {row}.segment_id and ({held})
        ) end"""


def prefixed(row: str, sums: Sums) -> Sums:
    """The same columns of another row."""
    return [(f"{row}.{name}", f"{row}.{persons}") for name, persons in sums]


def by_unit(sums: Sums, value: Callable[[int], str]) -> str:
    """What to take for the smallest power of ten (its exponent) that is at least K times the mean of every sum; null where one is null.

    Compared by multiplication: engines divide decimals differently.
    """
    branches = " ".join(
        "when " + " and ".join(f"{K} * cast({name} as numeric(38, 2)) <= cast({persons} as numeric(38, 2)) * {power(exponent)}" for name, persons in sums)
        + f" then {value(exponent)}" for exponent in MONEY_DIGITS)
    return f"case {branches} end"


def unit(sums: Sums) -> str:
    """The power of ten that sums are rounded to; null where too few persons are in the first of them."""
    return f"case when {sums[0][1]} >= {K} then {by_unit(sums, power)} end"


def rounded(name: str, persons: str, sums: Sums) -> str:
    """A sum, rounded to the unit of sums; null where fewer than K persons are in it."""
    return f"case when {persons} >= {K} then {by_unit(sums, lambda exponent: f'round({name}, {-exponent})')} end"


def all_rounded(unit_column: str, sums: Sums) -> str:
    """The assignments that round all sums of a coarse row to the unit that stands in one of its columns.

    What is rounded already stays as it is. To work out the unit anew for each sum made statements that took longer to plan than to run.
    """
    def told(name: str) -> str:
        return " ".join(f"when {power(exponent)} then round({name}, {-exponent})" for exponent in MONEY_DIGITS)

    return ", ".join(f"{name} = case when {persons} >= {K} then case {unit_column} {told(name)} end end" for name, persons in sums)


def rounded_share(name: str, persons: str = "n_buyers") -> str:
    """A share of everything that rests on few: rounded to a power of ten of at least K persons' part, null where that is one.

    With finer ones the rest could be worked out from the sums of those on top.
    """
    branches = " ".join(f"when {K} <= {persons} * {power(exponent)} then round({name}, {-exponent})" for exponent in SHARE_DIGITS)
    return f"case {branches} end"


def power(exponent: int) -> str:
    """A power of ten as an exact number."""
    return f"1{'0' * exponent}.0" if exponent >= 0 else f"0.{'0' * (-exponent - 1)}1"


def ratio(numerator: str, denominator: str) -> str:
    """A quotient with four decimals; null where the denominator is zero."""
    return f"round(cast({numerator} as numeric(30, 4)) / nullif({denominator}, 0), 4)"
