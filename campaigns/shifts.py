"""Arms that are due later than others: before the end their people have had less time than the rest.

Only the look at the end, when everybody's window is over, treats such arms alike.
"""

from campaigns.models import Campaign
from experiments.models import Experiment, Variant

ONLY_AT_THE_END = (
    "An arm is due some hours later than the others, so its people have had less time to react at every look before "
    "the end, and the others would seem to win. Judge it once, at the end, or send all arms at the same time."
)


def is_shifted(campaign: Campaign) -> bool:
    """Whether an arm of the test is due later than the campaign's plan says."""
    in_test = campaign.variants.exclude(variant__role=Variant.Role.REMAINDER)
    return in_test.exclude(send_shift_hours=0).exists()


def early_look_refused(campaign: Campaign, experiment: Experiment) -> str:
    """Say why an experiment, as it is planned, cannot be judged before the end; empty where it can or is not."""
    is_early = experiment.method != Experiment.Method.FIXED
    return ONLY_AT_THE_END if is_early and is_shifted(campaign) else ""
