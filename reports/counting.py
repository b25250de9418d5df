"""All that has to be counted of a launched campaign's experiment, at once and as of one moment.

A campaign that takes long to count is counted in the background (`reports.campaign_figures`) and its pages read what
was kept; any other is counted whenever somebody looks.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from campaigns.books import Accounts, accounts_of, reconcile
from campaigns.launching import Launched, window_closes
from campaigns.models import Campaign
from campaigns.shifts import is_shifted
from experiments.outcomes import ArmOutcomes, Plan, Sending
from reports.attribution import attributed_to
from reports.growth import Day, days
from reports.outcomes import currencies, outcomes, plan_with, sending_of

LIVE = timedelta(milliseconds=300)
"""What takes longer to count is read from what was kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The counts of one moment (UTC). `states` and `reasons` are those of the messages, as `Accounts` has them.

    `days` is empty where an arm was due later than the others. What is attributed is in minor units of the first of
    `currencies`, which the most orders are in.
    """

    as_of: datetime
    sending: Sending
    currencies: list[tuple[str, int]]
    arms: list[ArmOutcomes]
    launched: Launched
    states: dict[str, dict[str, int]]
    reasons: list[tuple[str, str, int]]
    days: list[Day]
    attributed_orders: int
    attributed_minor: int

    def plan(self, campaign: Campaign) -> Plan:
        """The plan, carried out as far as it was then."""
        return plan_with(campaign, as_of=self.as_of, sending=self.sending, currencies=self.currencies)

    def accounts(self, campaign: Campaign) -> Accounts:
        """The books as they were then."""
        return accounts_of(campaign, launched=self.launched, states=self.states, reasons=self.reasons)

    def as_json(self) -> Any:
        """Return it as plain data, of which `of_json` makes the same."""
        return msgspec.to_builtins(self)

    @classmethod
    def of_json(cls, kept: Any) -> "Counted":
        """Read what `as_json` gave. Raises msgspec.ValidationError where an earlier release kept another shape."""
        return msgspec.convert(kept, cls)


def count(campaign: Campaign, *, as_of: datetime) -> Counted:
    """Count a launched campaign as of a moment; a fixed number of queries."""
    sending, found = sending_of(campaign), currencies(campaign, as_of=as_of)
    plan = plan_with(campaign, as_of=as_of, sending=sending, currencies=found)
    arms, accounts = outcomes(campaign, plan=plan), reconcile(campaign)
    orders, minor = attributed_to(campaign, currency=plan.currency)
    return Counted(
        as_of=as_of,
        sending=sending,
        currencies=found,
        arms=arms,
        launched=accounts.launched,
        states={arm.variant.key: arm.states for arm in accounts.arms},
        reasons=accounts.reasons,
        days=[]
        if is_shifted(campaign)
        else days(campaign, plan=plan, arms=arms, until=window_closes(campaign)),
        attributed_orders=orders,
        attributed_minor=minor,
    )


def kept(campaign: Campaign) -> Counted | None:
    """What was kept of a campaign that takes long to count; None where it is to be counted now."""
    figures = getattr(campaign, "figures", None)
    if figures is None or timedelta(milliseconds=figures.took_ms) <= LIVE:
        return None
    try:
        return Counted.of_json(figures.counted)
    except msgspec.ValidationError:
        return None
