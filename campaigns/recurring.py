"""Campaigns that repeat: each occurrence is a campaign of its own, with its own experiment, audience and books."""

from calendar import monthrange
from dataclasses import replace
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Max

from campaigns import approving
from campaigns.cloning import clone
from campaigns.models import Campaign
from campaigns.timing import last_moment, launch_moment
from common.clock import now
from experiments.models import Experiment

LAST_DAY_OF_EVERY_MONTH = 28


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
    """Store one occurrence, scheduled; a second person's word on the series holds for it."""
    child = clone(
        series,
        name=f"{series.name[:180]}, {day:%Y-%m-%d}",
        key=_free_key(f"{series.key[:85]}-{day:%Y-%m-%d}"),
        by=None,
        same_arms=not series.draws_arms_anew,
    )
    child.repeats, child.repeats_until, child.draws_arms_anew = Campaign.Repeats.NEVER, None, False
    child.created_by, child.scheduled_by = series.created_by, series.scheduled_by
    child.state, child.send_on, child.launch_at = Campaign.State.SCHEDULED, day, launch_at
    child.parent, child.occurrence = series, _last_number(series) + 1
    child.save()
    _share_out(child, series=series)
    approving.inherit(child, series=series)
    return child


def _share_out(child: Campaign, *, series: Campaign) -> None:
    """Let better arms have more of an occurrence, where the series is planned so."""
    if series.is_bandit:
        from campaigns.bandits import allot  # SciPy takes a second to load, and few series need it

        allot(child, series=series, at=now())


def _last_number(series: Campaign) -> int:
    """Return the number of the newest occurrence; those before it may have been deleted."""
    return series.occurrences.aggregate(last=Max("occurrence"))["last"] or 0


def _free_key(wanted: str) -> str:
    """Return the key, or the next one that is free where a campaign or experiment has it."""
    key, number = wanted, 1
    while Campaign.objects.filter(key=key).exists() or Experiment.objects.filter(key=key).exists():
        number += 1
        key = f"{wanted}-{number}"
    return key
