"""Campaigns that repeat: each occurrence is a campaign of its own, with its own experiment, audience and books."""

from calendar import monthrange
from dataclasses import replace
from datetime import date, datetime, timedelta

from django.db import transaction

from campaigns.field_uses import tell_campaign
from campaigns.models import Campaign, CampaignVariant
from campaigns.timing import last_moment, launch_moment
from experiments.models import Experiment, Variant

LAST_DAY_OF_EVERY_MONTH = 28
_COPIED = (
    "segment",
    "sender",
    "created_by",
    "timing_kind",
    "send_at",
    "timezone",
    "past_zones",
    "quiet_from",
    "quiet_until",
    "scheduled_by",
    "priority",
    "topic",
    "ignores_caps",
)


def next_date(day: date, repeats: str) -> date:
    """Return the day of the occurrence after the one on `day`; a monthly one is on the 28th at the latest."""
    if repeats == Campaign.Repeats.DAILY:
        return day + timedelta(days=1)
    if repeats == Campaign.Repeats.WEEKLY:
        return day + timedelta(weeks=1)
    return day + timedelta(days=monthrange(day.year, day.month)[1])


def skip_past(campaign: Campaign, *, at: datetime) -> None:
    """Move a series, unsaved, on to its first occurrence whose time is not past everywhere at `at`."""
    assert campaign.send_on is not None
    while last_moment(replace(campaign.timing(), on=campaign.send_on)) < at:
        campaign.send_on = next_date(campaign.send_on, campaign.repeats)


def is_over(campaign: Campaign) -> bool:
    """Whether the next occurrence of a series would be after its last day."""
    assert campaign.send_on is not None
    return campaign.repeats_until is not None and campaign.send_on > campaign.repeats_until


@transaction.atomic
def spawn(series_id: int, *, at: datetime) -> Campaign | None:
    """Make the occurrence of a series whose moment has come by `at`, once, and move the series on to the next.

    Returns None where another worker was first. Of several that were missed only the newest is made: nobody wants the
    newsletters of three days at once.
    """
    series = Campaign.objects.select_for_update(of=["self"]).select_related("experiment").get(pk=series_id)
    if series.state != Campaign.State.SCHEDULED or series.launch_at is None or series.launch_at > at:
        return None
    assert series.send_on is not None
    day, due_at = series.send_on, series.launch_at
    while True:
        series.send_on = next_date(series.send_on, series.repeats)
        series.launch_at = launch_moment(series.timing())
        if is_over(series) or series.launch_at > at:
            break
        day, due_at = series.send_on, series.launch_at
    child = _occurrence(series, day=day, launch_at=due_at)
    if is_over(series):
        series.state, series.launch_at = Campaign.State.ENDED, None
    series.save(update_fields=["send_on", "launch_at", "state"])
    return child


def _occurrence(series: Campaign, *, day: date, launch_at: datetime) -> Campaign:
    """Store one occurrence, scheduled."""
    key = _free_key(f"{series.key[:85]}-{day:%Y-%m-%d}")
    name = f"{series.name[:180]}, {day:%Y-%m-%d}"
    number = series.occurrences.count() + 1
    child = Campaign.objects.create(
        **{name: getattr(series, name) for name in _COPIED},
        key=key,
        name=name,
        experiment=_experiment(series, key=key, name=name),
        state=Campaign.State.SCHEDULED,
        send_on=day,
        launch_at=launch_at,
        parent=series,
        occurrence=number,
    )
    arms = {variant.key: variant for variant in child.experiment.variants.all()}
    CampaignVariant.objects.bulk_create(
        CampaignVariant(
            campaign=child,
            variant=arms[content.variant.key],
            template_version=content.template_version,
            strategy=content.strategy,
            is_personalised=content.is_personalised,
        )
        for content in series.variants.select_related("variant", "template_version")
    )
    tell_campaign(child)
    return child


def _experiment(series: Campaign, *, key: str, name: str) -> Experiment:
    """Store the experiment of an occurrence: that of the series, drawn anew where the series says so."""
    whole = series.experiment
    experiment = Experiment.objects.create(
        key=key,
        name=name,
        hypothesis=whole.hypothesis,
        salt=key if series.draws_arms_anew else whole.salt,
        primary_metric=whole.primary_metric,
        conversion_window_days=whole.conversion_window_days,
        alpha=whole.alpha,
    )
    Variant.objects.bulk_create(
        Variant(
            experiment=experiment,
            key=variant.key,
            name=variant.name,
            role=variant.role,
            weight=variant.weight,
            position=variant.position,
        )
        for variant in whole.variants.all()
    )
    return experiment


def _free_key(wanted: str) -> str:
    """Return the key, or the next one that is free where a campaign or experiment has it."""
    key, number = wanted, 1
    while Campaign.objects.filter(key=key).exists() or Experiment.objects.filter(key=key).exists():
        number += 1
        key = f"{wanted}-{number}"
    return key
