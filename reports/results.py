"""An experiment's result as pages and commands show it."""

from dataclasses import dataclass
from datetime import datetime

from campaigns.books import Accounts, reconcile
from campaigns.models import Campaign
from common.charts import Chart, Series
from common.clock import now
from experiments.analysis import analyse
from experiments.report import ExperimentReport
from reports.attribution import AttributedOrder, attributed_orders
from reports.outcomes import currencies, outcomes, plan_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The books, the comparison, and the orders after clicks; `other_currencies` are left out of revenue."""

    campaign: Campaign
    accounts: Accounts
    report: ExperimentReport
    attributed: list[AttributedOrder]
    other_currencies: list[tuple[str, int]]

    @property
    def attributed_minor(self) -> int:
        """Net revenue after clicks, in minor units of the report's currency."""
        currency = self.report.plan.currency
        return sum(one.revenue_minor for one in self.attributed if one.currency == currency)

    def rates_chart(self) -> Chart:
        """Conversion of each arm with its interval."""
        rates = [arm.conversion_rate for arm in self.report.arms]
        return Chart(
            title="Ordered within the window, by arm, with 95 % intervals",
            kind="interval",
            unit="percent",
            categories=[arm.outcomes.name for arm in self.report.arms],
            category_label="Arm",
            series=[
                Series(
                    name="Ordered",
                    values=[rate.estimate for rate in rates],
                    low=[rate.low for rate in rates],
                    high=[rate.high for rate in rates],
                )
            ],
        )


def result_of(campaign: Campaign, *, as_of: datetime | None = None) -> Result:
    """Count and analyse a launched campaign as of a time (now unless given); a fixed number of queries."""
    as_of = as_of or now()
    plan = plan_of(campaign, as_of=as_of)
    return Result(
        campaign=campaign,
        accounts=reconcile(campaign),
        report=analyse(plan=plan, arms=outcomes(campaign, plan=plan)),
        attributed=attributed_orders(campaign),
        other_currencies=[
            (name, count) for name, count in currencies(campaign, as_of=as_of) if name != plan.currency
        ],
    )
