"""What campaigns cost. Pure functions on minor units of the reporting currency."""

from dataclasses import dataclass

from reports.models import CampaignCost, ReportSettings


@dataclass(frozen=True, slots=True)
class Costs:
    """A campaign's costs by their kind."""

    mails_minor: int
    fixed_minor: int
    discounts_minor: int

    @property
    def total_minor(self) -> int:
        """All of them."""
        return self.mails_minor + self.fixed_minor + self.discounts_minor


def costs_of(
    cost: CampaignCost | None, settings: ReportSettings, *, sent: int, attributed_orders: float
) -> Costs:
    """Return what a campaign cost: its mails by the thousand, what is fixed, and a discount an attributed order."""
    thousand = settings.thousand_mails_minor
    if cost is not None and cost.thousand_mails_minor is not None:
        thousand = cost.thousand_mails_minor
    return Costs(
        mails_minor=round(sent * thousand / 1000),
        fixed_minor=cost.fixed_minor if cost else 0,
        discounts_minor=round(attributed_orders * cost.order_discount_minor) if cost else 0,
    )


def return_on(revenue_minor: float, costs: Costs, *, margin_percent: int) -> float | None:
    """Return (revenue × margin − costs) / costs; None where nothing was paid."""
    if not costs.total_minor:
        return None
    return (revenue_minor * margin_percent / 100 - costs.total_minor) / costs.total_minor
