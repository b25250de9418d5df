"""Beat's entries: stored once, and the tasks they name exist."""

import pytest
from celery import current_app
from django.conf import settings
from django_celery_beat.models import PeriodicTask

from common.schedules import ensure_schedules

pytestmark = pytest.mark.django_db


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
