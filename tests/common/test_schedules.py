"""Beat's entries: stored once, and the tasks they name exist."""

from importlib import import_module

import pytest
from celery import current_app
from django.apps import apps
from django.conf import settings
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from common.schedules import ensure_schedules

pytestmark = pytest.mark.django_db
upgrade = import_module("segments.migrations.0010_schedules_of_freshness")


def test_every_schedule_is_stored_once_and_changes_stay() -> None:
    assert ensure_schedules() == len(settings.SCHEDULES)
    PeriodicTask.objects.filter(name="Train the recommender").update(enabled=False)
    assert ensure_schedules() == 0
    assert not PeriodicTask.objects.get(name="Train the recommender").enabled


def test_every_schedule_names_a_task() -> None:
    current_app.loader.import_default_modules()
    missing = [
        entry["task"] for entry in settings.SCHEDULES.values() if entry["task"] not in current_app.tasks
    ]
    assert missing == []


def stored(name: str, task: str, seconds: int) -> PeriodicTask:
    interval, _ = IntervalSchedule.objects.get_or_create(every=seconds, period="seconds")
    return PeriodicTask.objects.create(name=name, task=task, interval=interval)


def test_the_upgrade_brings_what_nobody_changed_up_to_date() -> None:
    stored("Judge touched customers anew", upgrade.TOUCHED, 5)
    stored("Refresh segments with time windows", upgrade.ALL, 900)
    upgrade.bring_up(apps, None)
    assert list(PeriodicTask.objects.order_by("name").values_list("task", "interval__every")) == [
        (upgrade.TOUCHED, 2),
        (upgrade.TIMED, 900),
    ]
    upgrade.take_back(apps, None)
    assert list(PeriodicTask.objects.order_by("name").values_list("task", "interval__every")) == [
        (upgrade.TOUCHED, 5),
        (upgrade.ALL, 900),
    ]


@pytest.mark.parametrize(("task", "seconds"), [("segments.tasks.refresh_all_segments", 3600), ("a.b", 900)])
def test_the_upgrade_leaves_what_the_admin_changed(task: str, seconds: int) -> None:
    entry = stored("Refresh segments with time windows", task, seconds)
    upgrade.bring_up(apps, None)
    entry.refresh_from_db()
    assert (entry.task, entry.interval.every) == (task, seconds)
