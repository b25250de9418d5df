"""Plans and outcomes that the tests of analysis start from."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from experiments.outcomes import ArmOutcomes, Plan

AS_OF = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
PLAN = Plan(
    name="Spring",
    primary_metric="conversion",
    conversion_window_days=7,
    alpha=0.05,
    currency="GBP",
    as_of=AS_OF,
    window_closes_at=AS_OF,
)
STILL_OPEN = replace(PLAN, window_closes_at=AS_OF + timedelta(days=2))

BASELINE = ArmOutcomes(
    key="A",
    name="Bestsellers",
    role="baseline",
    weight=4500,
    assigned=9000,
    delivered=8900,
    human_opens=2700,
    human_clicks=450,
    converters=180,
    orders=200,
    revenue_minor=180 * 5000,
    revenue_minor_squares=180 * 5000**2 * 2,
    unsubscribes=20,
)
TREATMENT = replace(
    BASELINE,
    key="B",
    name="Recommendations",
    role="treatment",
    human_clicks=560,
    converters=240,
    orders=260,
    revenue_minor=240 * 5000,
    revenue_minor_squares=240 * 5000**2 * 2,
)
NO_MAIL = ArmOutcomes(
    key="none",
    name="No mail",
    role="no_mail",
    weight=1000,
    assigned=2000,
    converters=20,
    orders=20,
    revenue_minor=20 * 5000,
    revenue_minor_squares=20 * 5000**2 * 2,
)
