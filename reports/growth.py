"""How a result grew: each day since the launch, the difference with an interval that holds at all days at once."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import connection

from campaigns.models import Campaign
from common.charts import Chart, Series
from experiments.analysis import compared_pairs
from experiments.information import Expectation, fraction
from experiments.looking import in_between
from experiments.outcomes import ArmOutcomes, Metric, Plan
from experiments.wording import METRIC_NAMES
from reports.outcomes import MEMBERS, parameters_of

DAY = timedelta(days=1)
MOST_DAYS = 100
MOST_WIDTHS = 6
_ORDERS = """
    SELECT member.customer_id, member.variant_key, placed.placed_at AS at,
           CASE WHEN placed.currency = %(currency)s THEN placed.total_minor - placed.refunded_minor ELSE 0 END AS amount
    FROM member JOIN customers_order placed ON placed.customer_id = member.customer_id
        AND placed.placed_at >= member.begins AND placed.placed_at < member.ends"""
_HITS = """
    SELECT member.customer_id, member.variant_key, event.occurred_at AS at, 0 AS amount
    FROM delivery_message message
    JOIN member ON member.customer_id = message.customer_id
    JOIN delivery_messageevent event ON event.message_id = message.id AND event.kind = %(kind)s
        AND NOT event.is_machine AND event.occurred_at < member.ends
    WHERE message.dispatch_id = %(dispatch)s"""
_FIRST = "SELECT customer_id, variant_key, min(at) AS at, 1::numeric AS amount FROM happened GROUP BY 1, 2"
_EACH = "SELECT customer_id, variant_key, at, amount::numeric FROM happened"
# What a day adds to the sum of squared totals: (total so far)² less (total before the day)².
_BY_DAY = f"""{MEMBERS}, happened AS ({{happened}}
), counted AS ({{counted}}
), daily AS (
    SELECT customer_id, variant_key, floor(extract(epoch FROM at - %(launched)s) / 86400)::int AS day,
           sum(amount) AS amount
    FROM counted GROUP BY 1, 2, 3
), running AS (
    SELECT variant_key, day, amount, sum(amount) OVER (PARTITION BY customer_id ORDER BY day) AS total FROM daily
)
SELECT variant_key, day, sum(amount), sum(total * total - (total - amount) * (total - amount))
FROM running GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608 - texts of this module
_KINDS = {"human_click": "clicked", "human_open": "opened"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The arms as they stood `number` days after the launch."""

    number: int
    arms: tuple[ArmOutcomes, ...]


def days(campaign: Campaign, *, plan: Plan, arms: Sequence[ArmOutcomes], until: datetime) -> list[Day]:
    """Return the compared arms day by day on the primary metric alone, up to `until` or `plan.as_of`; one query."""
    assert campaign.launched_at is not None
    last = -(-(min(until, plan.as_of) - campaign.launched_at) // DAY)
    gained = _gained(campaign, plan)
    sums = {arm.key: (0, 0) for arm in arms}
    found = []
    for number in range(1, min(last, MOST_DAYS) + 1):
        for key, (total, squares) in sums.items():
            more = gained[key].get(number - 1, (0, 0))
            sums[key] = (total + more[0], squares + more[1])
        found.append(
            Day(
                number=number,
                arms=tuple(_as_it_stood(arm, plan.primary_metric, sums[arm.key]) for arm in arms),
            )
        )
    return found


def growth_chart(
    found: Sequence[Day], *, plan: Plan, expected: Expectation, elapsed: Sequence[float]
) -> Chart | None:
    """Draw the difference between each treatment and its control, day by day; None before there is anything.

    The band is the confidence sequence: with the probability of its level the truth stays inside on all days at once.
    `elapsed` is for each day the share of the time until the last window closes.
    """
    rows: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for day, share in zip(found, elapsed, strict=True):
        there = fraction(day.arms, metric=plan.primary_metric, expected=expected, elapsed=share)
        looking = in_between(fraction=there, alpha=plan.alpha)
        for name, low, middle, high in _differences(day, replace(plan, looking=looking)):
            rows[name].append((low, middle, high))
    if not rows:
        return None
    return Chart(
        title=f"Difference in {METRIC_NAMES[plan.primary_metric]} by day since the launch, with the band that holds "
        "at all days at once",
        kind="line",
        unit="money" if plan.primary_metric == "revenue" else "percent",
        currency=plan.currency,
        categories=[f"day {day.number}" for day in found],
        category_label="Day",
        series=[_series(name, found_rows) for name, found_rows in rows.items()],
    )


def _series(name: str, rows: Sequence[tuple[float, float, float]]) -> Series:
    """One difference; days whose band is many times as wide as the last are left out, they would hide the rest."""
    widest = MOST_WIDTHS * (rows[-1][2] - rows[-1][0])
    shown = [row if row[2] - row[0] <= widest else None for row in rows]
    low, middle, high = ([None if row is None else row[place] for row in shown] for place in range(3))
    return Series(name=name, values=middle, low=low, high=high)


def _differences(day: Day, plan: Plan) -> Iterator[tuple[str, float, float, float]]:
    for treatment, control, difference in compared_pairs(plan=plan, arms=day.arms):
        yield f"{treatment.name} − {control.name}", difference.low, difference.estimate, difference.high


def _gained(campaign: Campaign, plan: Plan) -> dict[str, dict[int, tuple[int, int]]]:
    """What each day added to an arm's sum and sum of squares, by the arm's key and the day."""
    kind = _KINDS.get(plan.primary_metric)
    statement = _BY_DAY.format(
        happened=_HITS if kind else _ORDERS, counted=_EACH if plan.primary_metric == "revenue" else _FIRST
    )
    parameters = parameters_of(campaign, as_of=plan.as_of) | {"currency": plan.currency, "kind": kind}
    found: dict[str, dict[int, tuple[int, int]]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        for key, day, total, squares in cursor.fetchall():
            before, before_squares = found[key].get(max(day, 0), (0, 0))
            found[key][max(day, 0)] = (before + int(total), before_squares + int(squares))
    return found


def _as_it_stood(arm: ArmOutcomes, metric: Metric, sums: tuple[int, int]) -> ArmOutcomes:
    """The arm with these sums of the metric and nothing else."""
    total, squares = sums
    bare = ArmOutcomes(key=arm.key, name=arm.name, role=arm.role, weight=arm.weight, assigned=arm.assigned)
    if metric == "revenue":
        return replace(bare, revenue_minor=total, revenue_minor_squares=squares)
    return replace(
        bare,
        human_clicks=total if metric == "human_click" else 0,
        human_opens=total if metric == "human_open" else 0,
        converters=total if metric == "conversion" else 0,
    )
