"""An experiment's result as pages and commands show it."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from campaigns.books import Accounts
from campaigns.models import Campaign
from common.charts import Chart
from common.clock import now
from experiments.information import Expectation
from experiments.models import Look
from experiments.report import Comparison, ExperimentReport, Status, Verdict
from reports.counting import Counted, count, kept
from reports.experiment_charts import forest_chart, funnel_chart, rates_chart
from reports.growth import DAY, growth_chart
from reports.looks import Sight, as_decided, elapsed_of, seen_now, sight_with


@dataclass(frozen=True, kw_only=True)
class Result:
    """What was counted, the books, the comparison and the looks.

    `is_shifted`: an arm was due later than the others, and the growth of the arms is not drawn. `decided` is
    what the look that ended the experiment early judged, None where none did. `is_kept`: it was counted in the
    background and not just now.
    """

    campaign: Campaign
    counted: Counted
    accounts: Accounts
    report: ExperimentReport
    looks: list[Look]
    growth: Chart | None
    is_shifted: bool = False
    is_kept: bool = False
    decided: ExperimentReport | None = None

    @property
    def other_currencies(self) -> list[tuple[str, int]]:
        """The currencies that are left out of revenue, with their orders."""
        return [found for found in self.counted.currencies if found[0] != self.report.plan.currency]

    @cached_property
    def deciding_look(self) -> Look | None:
        """The look that ended the experiment; None while it runs."""
        return next((look for look in self.looks if look.is_deciding), None)

    @property
    def verdict(self) -> Verdict:
        """What was decided, word for word as it was then, or how things stand; wrong sizes found later come first."""
        look, present = self.deciding_look, self.report.verdict
        if look is None or present.status == "invalid":
            return present
        status: Status = look.status  # type: ignore[assignment]
        return Verdict(status, look.sentence, self.campaign.experiment.decided_variant)

    @property
    def worth_of_mail(self) -> list[Comparison]:
        """Revenue of each mailed arm against those who got no mail."""
        return [one for one in self.report.comparisons_with("no_mail") if one.metric == "revenue"]

    @property
    def worth_of_personalisation(self) -> list[Comparison]:
        """Revenue of each treatment against the baseline."""
        return [one for one in self.report.comparisons_with("baseline") if one.metric == "revenue"]

    def rates_chart(self) -> Chart:
        """Conversion of each arm with its interval."""
        return rates_chart(self.report)

    def forest_chart(self) -> Chart | None:
        """All relative lifts on one axis."""
        return forest_chart(self.report)

    @property
    def forest_height(self) -> int:
        """The pixels that the rows of the forest plot need."""
        return 60 + 44 * len(self.report.comparisons)

    def funnel_chart(self) -> Chart:
        """From assigned to ordered, by arm."""
        return funnel_chart(self.report)


def result_of(campaign: Campaign, *, as_of: datetime | None = None) -> Result:
    """Count and analyse a launched campaign as of a time (now unless given); a fixed number of queries."""
    return _result(campaign, count(campaign, as_of=as_of or now()))


def result_to_show(campaign: Campaign) -> Result:
    """Analyse what was kept of a launched campaign that takes long to count, and any other as it is now."""
    found = kept(campaign)
    return _result(campaign, found, is_kept=True) if found else result_of(campaign)


def _result(campaign: Campaign, counted: Counted, *, is_kept: bool = False) -> Result:
    looks = list(campaign.experiment.planned_looks.all())
    sight = sight_with(campaign, plan=counted.plan(campaign), arms=counted.arms)
    return Result(
        campaign=campaign,
        counted=counted,
        accounts=counted.accounts(campaign),
        report=seen_now(sight, looks),
        looks=looks,
        growth=_growth(campaign, counted, sight),
        is_shifted=sight.is_shifted,
        is_kept=is_kept,
        decided=as_decided(sight, looks),
    )


def _growth(campaign: Campaign, counted: Counted, sight: Sight) -> Chart | None:
    assert campaign.launched_at is not None
    experiment = campaign.experiment
    return growth_chart(
        counted.days,
        plan=sight.plan,
        expected=Expectation(value=experiment.expected_value, deviation=experiment.expected_deviation),
        elapsed=[elapsed_of(campaign, at=campaign.launched_at + day.number * DAY) for day in counted.days],
    )
