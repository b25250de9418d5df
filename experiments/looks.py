"""Planned looks: when an experiment's primary metric is judged (see `experiments.looking` for how strictly)."""

from datetime import datetime, timedelta

from experiments.models import Experiment, Look

EACH_DAY = timedelta(days=1)
MOST_DAILY = 100
"""Who may look whenever they like is looked at once a day, so often at most."""


def moments(experiment: Experiment, *, begins: datetime, ends: datetime) -> list[datetime]:
    """Return when the looks are due, the last at `ends`: evenly spread as planned, or daily for `anytime`.

    Where some wait for the winner none is due before their minimum wait is over: an early look decides for good.
    """
    first = _earliest(experiment, begins=begins, ends=ends)
    if experiment.method == Experiment.Method.ANYTIME:
        days = min(max(-(-(ends - begins) // EACH_DAY), 1), MOST_DAILY)
        daily = [begins + number * EACH_DAY for number in range(1, days)]
        return [*(at for at in daily if at >= first), ends]
    step = (ends - begins) / experiment.looks
    if experiment.looks == 1 or begins + step >= first:
        return [*(begins + number * step for number in range(1, experiment.looks)), ends]
    if first >= ends:
        return [ends]
    step = (ends - first) / (experiment.looks - 1)
    return [*(first + number * step for number in range(experiment.looks - 1)), ends]


def _earliest(experiment: Experiment, *, begins: datetime, ends: datetime) -> datetime:
    """The end of the minimum wait after the last mail was due, which is one window before `ends`."""
    if not experiment.remainder_percent:
        return begins
    last_due = ends - timedelta(days=experiment.conversion_window_days)
    return last_due + timedelta(hours=experiment.minimum_wait_hours)


def plan_looks(experiment: Experiment, *, begins: datetime, ends: datetime) -> None:
    """Store the looks that are missing and move those that are not taken yet; again changes nothing. Two queries.

    The end moves when a pilot lets the rest of the mails go later.
    """
    due = dict(enumerate(moments(experiment, begins=begins, ends=ends), start=1))
    stored = {look.number: look for look in Look.objects.filter(experiment=experiment)}
    Look.objects.bulk_create(
        [
            Look(experiment=experiment, number=number, due_at=at, is_final=number == len(due))
            for number, at in due.items()
            if number not in stored
        ],
        ignore_conflicts=True,
    )
    for number, look in stored.items():
        wanted = {"due_at": due.get(number), "is_final": number == len(due)}
        if number in due and (look.due_at, look.is_final) != tuple(wanted.values()):
            Look.objects.filter(pk=look.pk, state=Look.State.PLANNED).update(**wanted)
