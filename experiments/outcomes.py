"""What analysis is told: the plan that was made before the start, and what each arm did."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from experiments.looking import ONCE, Looking, Method
from experiments.stats.means import MeanSample
from experiments.stats.pairs import PairedSums
from experiments.stats.proportions import Proportion

Role = Literal["baseline", "treatment", "no_mail", "remainder"]
Metric = Literal["human_click", "conversion", "revenue", "human_open"]
GuardrailKey = Literal["unsubscribe", "complaint", "bounce"]


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

    `looking` says how strictly the primary metric is judged because it is looked at more than once, `is_look` whether
    this is one of the looks and `is_last_look` whether it is the last; `next_look_at` is when the next one is due, None
    where nothing is looked at before the end; `has_decided` says that a look has decided, and nothing on that metric is
    judged again. A bandit's shares follow earlier results. `smallest_effect` is a relative lift, `guardrail_margin` is
    absolute.
    """

    name: str
    primary_metric: Metric
    conversion_window_days: int
    alpha: float
    currency: str
    as_of: datetime
    window_closes_at: datetime | None
    sending: Sending | None = None
    method: Method = "fixed"
    is_bandit: bool = False
    looking: Looking = ONCE
    is_look: bool = False
    is_last_look: bool = False
    next_look_at: datetime | None = None
    has_decided: bool = False
    smallest_effect: float | None = None
    power: float = 0.8
    guardrails: tuple[GuardrailKey, ...] = ("unsubscribe",)
    guardrail_margin: float = 0.0025

    @property
    def may_judge(self) -> bool:
        """Whether the primary metric may be judged now: at a look when all is sent, or when all is over."""
        return (self.is_look and self.is_sent) or self.complete

    @property
    def is_sent(self) -> bool:
        """Whether every message of the test was tried, so that deliveries can be held against the plan."""
        return self.window_closes_at is not None

    @property
    def ends(self) -> bool:
        """Whether no further look comes."""
        return self.complete or self.is_last_look

    @property
    def complete(self) -> bool:
        """Whether the conversion window, which starts when each person's mail is due, is over and nothing waits."""
        return self.window_closes_at is not None and self.as_of >= self.window_closes_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What an arm's customers had spent before their window began, in minor units: what CUPED takes away.

    Sums over everybody assigned: of the amounts, of their squares, of their products with the revenue in the window,
    and of the amounts of those who then ordered. All are 0 where nothing is known.
    """

    minor: int = 0
    minor_squares: int = 0
    times_revenue: int = 0
    of_converters: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmOutcomes:
    """One variant's outcomes, counted over everybody *assigned* to it (intention to treat).

    Opens, clicks, unsubscribes, complaints and bounces are numbers of customers; `machine_opens` are those whose mail
    only machines opened. `converters` are customers with at least one order in the window. `revenue_minor` is their net
    revenue in it and `revenue_minor_squares` the sum over customers of each one's squared revenue, both in minor units.
    Of the orders, `orders_shown` hold a product that the mail had shown, and `orders_mixed` products of more than one
    category. `weight` is in basis points.
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
    complaints: int = 0
    bounces: int = 0
    machine_opens: int = 0
    sent: int = 0
    orders_shown: int = 0
    orders_mixed: int = 0
    prior: Prior = Prior()

    @property
    def mailed(self) -> bool:
        """Whether this arm was meant to get the e-mail."""
        return self.role != "no_mail"

    @property
    def is_compared(self) -> bool:
        """Whether it takes part in the test: those who wait for the winner do not."""
        return self.role != "remainder"

    @property
    def attach_per_order(self) -> float | None:
        """The share of the orders that hold a product which the mail had shown; None without an order."""
        return self.orders_shown / self.orders if self.orders else None

    @property
    def attach_per_mail(self) -> float | None:
        """The same orders for each mail that was delivered; None where none was."""
        return self.orders_shown / self.delivered if self.delivered else None

    @property
    def mixed_per_order(self) -> float | None:
        """The share of the orders with products of more than one category; None without an order."""
        return self.orders_mixed / self.orders if self.orders else None

    def harmed(self, guardrail: GuardrailKey) -> int:
        """How many customers did what this guardrail watches."""
        return {"unsubscribe": self.unsubscribes, "complaint": self.complaints, "bounce": self.bounces}[
            guardrail
        ]

    def successes(self, metric: Metric) -> Proportion:
        """Who did what this metric counts, among everybody assigned; revenue has no successes."""
        counts = {
            "human_open": self.human_opens,
            "human_click": self.human_clicks,
            "conversion": self.converters,
        }
        return self.share(counts[metric])

    def share(self, successes: int) -> Proportion:
        """`successes` among everybody assigned."""
        return Proportion(successes, self.assigned)

    @property
    def spending(self) -> MeanSample:
        """Revenue per customer assigned, in minor units."""
        return MeanSample(self.assigned, self.revenue_minor, self.revenue_minor_squares)

    def with_prior(self, metric: Metric) -> PairedSums:
        """Revenue, or whether they ordered, beside what the same customers had spent before."""
        prior, is_revenue = self.prior, metric == "revenue"
        return PairedSums(
            n=self.assigned,
            x=prior.minor,
            y=self.revenue_minor if is_revenue else self.converters,
            xx=prior.minor_squares,
            yy=self.revenue_minor_squares if is_revenue else self.converters,
            xy=prior.times_revenue if is_revenue else prior.of_converters,
        )
