"""Beat's entries: stored once, and the tasks they name exist."""

from importlib import import_module

import pytest
from celery import current_app
from django.apps import apps
from django.conf import settings
from django.test import Client
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from accounts.models import Role, User
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


@pytest.mark.parametrize(
    "name",
    ["Train the recommender", "Freshen recommendations", "Refresh predictions", "Train the predictions"],
)
def test_an_administrator_sees_and_changes_when_models_learn_and_score(client: Client, name: str) -> None:
    ensure_schedules()
    entry = PeriodicTask.objects.get(name=name)
    boss = User.objects.create_user("boss@example.com", role=Role.ADMIN, is_staff=True, is_superuser=True)
    client.force_login(boss)
    page = f"/admin/django_celery_beat/periodictask/{entry.pk}/change/"
    assert name in client.get("/admin/django_celery_beat/periodictask/").content.decode()
    form = client.get(page).context["adminform"].form
    values = {key: value for key in form.fields if (value := form[key].value()) not in (None, False)}
    times = CrontabSchedule.objects.create(hour="5", minute="7")
    for kind in ("interval", "solar", "clocked"):
        values.pop(kind, None)
    answer = client.post(page, {**values, "crontab": times.pk, "enabled": ""})
    assert answer.status_code == 302, answer.context["errors"]
    entry.refresh_from_db()
    assert (entry.crontab, entry.enabled) == (times, False)
    assert ensure_schedules() == 0
