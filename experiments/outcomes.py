"""What analysis is told: the plan that was made before the start, and what each arm did."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from experiments.stats.means import MeanSample
from experiments.stats.proportions import Proportion

Role = Literal["baseline", "treatment", "no_mail"]
Metric = Literal["human_click", "conversion", "revenue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The experiment as planned.

    `window_closes_at` is the send time of the last message plus the conversion window, None while messages
    are still being sent; `as_of` is when the outcomes were counted. Both are UTC.
    """

    name: str
    primary_metric: Metric
    conversion_window_days: int
    alpha: float
    currency: str
    as_of: datetime
    window_closes_at: datetime | None

    @property
    def complete(self) -> bool:
        """Whether every customer has had the whole conversion window."""
        return self.window_closes_at is not None and self.as_of >= self.window_closes_at


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmOutcomes:
    """One variant's outcomes, counted over everybody *assigned* to it (intention to treat).

    Opens, clicks and unsubscribes are numbers of customers. `converters` are customers with at least one
    order in the window. `revenue_minor` is their net revenue in it and `revenue_minor_squares` the sum over
    customers of each one's squared revenue, both in minor units. `weight` is in basis points.
    """

    key: str
    name: str
    role: Role
    weight: int
    assigned: int
    delivered: int = 0
    human_opens: int = 0
    human_clicks: int = 0
    converters: int = 0
    orders: int = 0
    revenue_minor: int = 0
    revenue_minor_squares: int = 0
    unsubscribes: int = 0

    @property
    def mailed(self) -> bool:
        """Whether this arm was meant to get the e-mail."""
        return self.role != "no_mail"

    def share(self, successes: int) -> Proportion:
        """`successes` among everybody assigned."""
        return Proportion(successes, self.assigned)

    @property
    def spending(self) -> MeanSample:
        """Revenue per customer assigned, in minor units."""
        return MeanSample(self.assigned, self.revenue_minor, self.revenue_minor_squares)
