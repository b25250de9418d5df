"""What analysis is told: the plan that was made before the start, and what each arm did."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from experiments.stats.means import MeanSample
from experiments.stats.proportions import Proportion

Role = Literal["baseline", "treatment", "no_mail"]
Metric = Literal["human_click", "conversion", "revenue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """How the messages went out: of `messages`, how many are `waiting` to be sent and how many went `late`.

    Late is hours after a mail was due; whoever was mailed so had less than the whole window to react. `latest_by` is
    how much later than due the latest one went. Times are UTC.
    """

    launched_at: datetime
    is_paused: bool = False
    is_cancelled: bool = False
    messages: int = 0
    waiting: int = 0
    late: int = 0
    latest_by: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The experiment as planned, and how it was carried out.

    `window_closes_at` is when the last mail was due plus the conversion window, None while messages are waiting to be
    sent; `as_of` is when the outcomes were counted. Both are UTC. `sending` is None where nothing is known of it.
    """

    name: str
    primary_metric: Metric
    conversion_window_days: int
    alpha: float
    currency: str
    as_of: datetime
    window_closes_at: datetime | None
    sending: Sending | None = None

    @property
    def complete(self) -> bool:
        """Whether the conversion window, which starts when each person's mail is due, is over and nothing waits."""
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
