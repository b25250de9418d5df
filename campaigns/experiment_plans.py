"""Changing an experiment's plan, which its start freezes."""

from datetime import datetime
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.models import User
from campaigns import scheduling
from campaigns.models import Campaign
from campaigns.outlooks import outlook
from campaigns.remainders import NoRoom, store_remainder
from campaigns.shifts import early_look_refused
from experiments.models import Experiment

FROZEN = (
    "This experiment has started, and its plan stays as it was written: a plan that is changed when results are "
    "there proves nothing. Another test needs an experiment of its own."
)


class PlanRefused(Exception):
    """The plan cannot be changed so; the text is a sentence for people."""


@transaction.atomic
def plan(experiment_id: int, values: dict[str, Any], *, by: User, at: datetime) -> Experiment:
    """Store a plan, with the number of customers that it needs, and bring the arms in line with it.

    `values` are those of `experiment_forms.PlanForm.values`. Where nothing is entered as expected, what the list itself
    did is kept, as measured: the looks are timed by it, and the next plan measures anew.

    Raises PlanRefused once the experiment has started, for who may not change
    what is on the schedule, where too few would be left for the test, and for looks before the end at arms that are due
    at different times.
    """
    campaign = Campaign.objects.select_for_update().filter(experiment_id=experiment_id).first()
    experiment = Experiment.objects.select_for_update().get(pk=experiment_id)
    if experiment.is_frozen or (campaign is not None and campaign.state not in Campaign.UNFROZEN):
        raise PlanRefused(FROZEN)
    if campaign is not None and not scheduling.may_change(campaign, by=by):
        raise PlanRefused(scheduling.ON_SCHEDULE)
    for name, value in values.items():
        setattr(experiment, name, value)
    if campaign is not None and (sentence := early_look_refused(campaign, experiment)):
        raise PlanRefused(sentence)
    experiment.is_expectation_measured = values["expected_value"] is None
    try:
        found = outlook(experiment, at=at)
        experiment.planned_customers = found.needed
        if found.expected is not None:
            experiment.expected_value, experiment.expected_deviation = (
                found.expected.value,
                found.expected.deviation,
            )
        experiment.save(
            update_fields=[
                *values,
                "planned_customers",
                "expected_value",
                "expected_deviation",
                "is_expectation_measured",
            ]
        )
        store_remainder(experiment)
    except NoRoom as refused:
        raise PlanRefused(str(refused)) from refused
    audit.record(by, "planned an experiment", experiment)
    return experiment
